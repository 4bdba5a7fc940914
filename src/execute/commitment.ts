/**
 * The fifth stage: the VM is seen running on the target (or where somebody has moved it on to) and
 * gone from the source; only then do the definitions follow. From here on nothing is undone. It
 * waits while hosts do not answer (they may come back) and while the migration goes on.
 */

import type { HostId } from '../domain/ids.ts';
import { assertNever } from '../domain/result.ts';
import { AdapterError } from '../ports/metric-source.ts';
import {
  askAgain,
  type MoveTask,
  NEXT,
  noteElsewhere,
  placeIn,
  sight,
  type StageEnd,
} from './move-task.ts';
import { settleElsewhere } from './moved-on.ts';
import { noteLostSource, settlingOrder } from './restart.ts';
import { afterSwitchover, describeWhereabouts, type Looks } from './whereabouts.ts';

/** Looks in a row, with no migration under way, after which a VM on its source has never left. */
const LOOKS_AT_THE_SOURCE = 3;

/** What one look came to: an end, or why it is not there yet. */
type Confirmation =
  | { readonly kind: 'end'; readonly end: StageEnd }
  | {
      /** `waiting`: for hosts, or for the migration; `unclear`: although everybody has answered. */
      readonly kind: 'waiting' | 'unclear' | 'at-its-source';
      readonly problem: string;
    };

export async function commit(task: MoveTask): Promise<StageEnd> {
  const { clock, timing, events } = task.parts;
  let since = clock.monotonic();
  let atTheSource = 0;
  for (;;) {
    if (task.stopping.aborted) return { kind: 'detached' };
    const found = await lookOnce(task);
    if (found.kind === 'end') return found.end;
    const { kind, problem } = found;
    atTheSource = kind === 'at-its-source' ? atTheSource + 1 : 0;
    // It runs, and only there: a success that was none.
    if (atTheSource >= LOOKS_AT_THE_SOURCE) {
      return { kind: 'failed', detail: `reported as done, but ${problem}` };
    }
    // A human is called for what stays unclear, not for what could not be asked meanwhile.
    if (kind === 'waiting') since = clock.monotonic();
    const isPatient = clock.monotonic() - since < timing.patienceSeconds;
    if (!isPatient) return { kind: 'needs-human', detail: problem };
    const text = `${task.record.vmName}: waiting to confirm its arrival: ${problem}`;
    events.emit('warning', { key: `commit ${task.move.id}`, text });
    await clock.sleep(timing.settleSeconds, task.stopping);
  }
}

async function lookOnce(task: MoveTask): Promise<Confirmation> {
  try {
    return await confirm(task);
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    task.seen('unreachable');
    return { kind: 'waiting', problem: `${error.source} cannot be asked: ${error.message}` };
  }
}

async function confirm(task: MoveTask): Promise<Confirmation> {
  const looks = await sight(task);
  const place = afterSwitchover(placeIn(looks, task), looks, task.order.to);
  const problem = describeWhereabouts(place);
  task.seen(place.kind === 'unknown' ? 'unreachable' : 'answered');
  switch (place.kind) {
    case 'target': {
      const refusal = await followWithDefinition(task);
      if (refusal === undefined) return { kind: 'end', end: NEXT };
      const what = 'it runs on its target; its definition could not follow';
      return { kind: 'unclear', problem: `${what}: ${refusal}` };
    }
    case 'source':
      return { kind: (await isUnderWay(task)) ? 'waiting' : 'at-its-source', problem };
    case 'unknown':
      return { kind: 'waiting', problem };
    case 'elsewhere':
      return confirmElsewhere(task, place.host, looks);
    case 'arriving':
    case 'stopped':
    case 'broken':
    case 'twice':
    case 'down':
      return { kind: 'unclear', problem };
    default:
      return assertNever(place, 'whereabouts');
  }
}

/** It had arrived, and somebody has moved it on before that was seen. */
async function confirmElsewhere(task: MoveTask, host: HostId, looks: Looks): Promise<Confirmation> {
  const settled = await settleElsewhere(task, host, looks);
  if (settled.kind !== 'settled') {
    return { kind: settled.kind, problem: `it runs on ${host}; ${settled.problem}` };
  }
  noteElsewhere(task, host);
  return { kind: 'end', end: NEXT };
}

/** Undefined: it did. */
async function followWithDefinition(task: MoveTask): Promise<string | undefined> {
  await noteLostSource(task);
  const order = settlingOrder(task);
  const answer = await askAgain(task, (signal) => task.hypervisor.commit(order, signal));
  return answer.ok ? undefined : answer.error.detail;
}

/** What was reported as done may be going on all the same: the report came too early. */
async function isUnderWay(task: MoveTask): Promise<boolean> {
  const job = await askAgain(task, (signal) => task.hypervisor.job(task.order, signal));
  return job.kind === 'running';
}

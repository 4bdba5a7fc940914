/**
 * A VM that somebody has moved on to a third host, while its move was not at its end. What the two
 * hosts of the move still have stored of it goes: a reboot there would start a second copy, and
 * nobody else would ever look.
 */

import type { HostId } from '../domain/ids.ts';
import { askAgain, type MoveTask } from './move-task.ts';
import { noteDeadTarget, noteLostSource } from './restart.ts';
import type { Looks } from './whereabouts.ts';

export type Tidied =
  /** Neither host has it stored any more; what a dead one has goes when that returns. */
  | { readonly kind: 'tidy' }
  /** `waiting`: for hosts that do not answer; `unclear`: although everybody has answered. */
  | { readonly kind: 'waiting' | 'unclear'; readonly problem: string };

/** @param host where it was seen to run; `looks`: that very look. */
export async function tidyEnds(task: MoveTask, host: HostId, looks: Looks): Promise<Tidied> {
  const { from, to } = task.order;
  const silent = [from, to].filter((end) => looks.blind.includes(end));
  if (silent.length > 0) {
    return { kind: 'waiting', problem: `hosts do not answer: ${silent.join(', ')}` };
  }
  const objection = objectionTo(looks, host);
  if (objection !== undefined) return { kind: 'unclear', problem: objection };
  await noteDeadTarget(task);
  await noteLostSource(task);
  for (const end of [to, from]) {
    if (!looks.sightings.some((one) => one.host === end)) continue;
    const refusal = await removeDefinition(task, end, host);
    if (refusal === undefined) continue;
    const what = `its old definition on ${end} could not be removed`;
    return { kind: 'unclear', problem: `${what}: ${refusal}` };
  }
  return { kind: 'tidy' };
}

/** Why nothing may be removed: it is on its way still, or what is removed may be needed. */
function objectionTo({ sightings }: Looks, host: HostId): string | undefined {
  const here = sightings.find((one) => one.host === host);
  if (here?.state !== 'running') return `it is not whole on ${host} (${here?.state ?? 'gone'})`;
  const others = sightings.filter((one) => one !== here);
  const copy = others.find(({ state }) => state !== 'defined');
  if (copy !== undefined) return `${copy.host} has a copy of it (${copy.state})`;
  if (here.persistent || others.length === 0) return undefined;
  const places = others.map((one) => one.host).join(' and ');
  return `it is not stored there: what ${places} has may be its only definition`;
}

/** As after any move between two hosts that answer. Undefined: it is gone. */
async function removeDefinition(
  task: MoveTask,
  from: HostId,
  to: HostId,
): Promise<string | undefined> {
  const order = { ...task.order, method: 'cold', from, to } as const;
  const answer = await askAgain(task, (signal) => task.hypervisor.commit(order, signal));
  return answer.ok ? undefined : answer.error.detail;
}

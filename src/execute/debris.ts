/**
 * What a move that came to nothing leaves on its target: a paused half of a guest, a definition. It
 * would trip the next attempt to go there. It is removed; that it is gone is looked at, not taken
 * on trust; and where it may still be there, that is said, and the VM keeps away from that target
 * (the breaker of the two, breakers.ts) until a later attempt has found it gone.
 */

import type { HostId } from '../domain/ids.ts';
import { fail } from '../domain/result.ts';
import { AdapterError, type Attempt } from '../ports/metric-source.ts';
import { RETRY, withRetry } from './call.ts';
import { ask, type MoveTask, sight } from './move-task.ts';
import { noteDeadTarget, takeBackOrder } from './restart.ts';

/** The VM runs on its source, or its restart did not begin. Empty: nothing of it is left there. */
export async function cleanTarget(task: MoveTask): Promise<string> {
  const remains = await tryToClean(task);
  if (remains !== '') await noteDeadTarget(task);
  return remains;
}

async function tryToClean(task: MoveTask): Promise<string> {
  const { to, method } = task.order;
  // Taken back, it would be started on its source, too.
  if (method === 'cold' && task.seenOn !== undefined) {
    return mayHold(to, `it runs on ${task.seenOn}, so the move is not taken back`);
  }
  try {
    const { clock } = task.parts;
    const answer = await withRetry(clock, RETRY, task.stopping, () => cleanUpOnce(task));
    if (!answer.ok) return mayHold(to, answer.error.detail);
    const { sightings, blind } = await sight(task);
    const left = sightings.find(({ host }) => host === to);
    if (left !== undefined) return mayHold(to, `a copy is still there (${left.state})`);
    return blind.includes(to) ? mayHold(to, 'it does not answer') : '';
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return mayHold(to, error.message);
  }
}

/** Nothing is awaited between the proof that this takes and the call. */
async function cleanUpOnce(task: MoveTask): Promise<Attempt> {
  const order = await takeBackOrder(task);
  if (!order.ok) return fail({ code: 'refused', detail: `it is not taken back: ${order.error}` });
  return ask(task, (signal) => task.hypervisor.cleanUp(order.value, signal));
}

function mayHold(host: HostId, why: string): string {
  return `${host} may hold remains: ${why}`;
}

/**
 * A VM that had arrived, and that somebody has moved on to a third host before it was seen on its
 * target. What the two hosts of the move still have stored of it is of this move, and goes: a
 * reboot there would start a second copy.
 */

import type { HostId } from '../domain/ids.ts';
import type { MoveOrder } from '../ports/hypervisor.ts';
import { askAgain, type MoveTask } from './move-task.ts';
import { settlingOrder } from './restart.ts';
import type { Looks } from './whereabouts.ts';

export type Settled =
  /** Neither host has it stored any more; what a dead one has goes when that returns. */
  | { readonly kind: 'settled' }
  /** `waiting`: for hosts that do not answer; `unclear`: although everybody has answered. */
  | { readonly kind: 'waiting' | 'unclear'; readonly problem: string };

/** @param host where it was seen to run; `looks`: that very look. */
export async function settleElsewhere(
  task: MoveTask,
  host: HostId,
  looks: Looks,
): Promise<Settled> {
  const { order, parts, record } = task;
  const ends = [order.from, order.to];
  const silent = ends.filter((end) => looks.blind.includes(end));
  if (silent.length > 0) {
    return { kind: 'waiting', problem: `hosts do not answer: ${silent.join(', ')}` };
  }
  const objection = objectionTo(task, looks, host);
  if (objection !== undefined) return { kind: 'unclear', problem: objection };
  for (const end of ends.filter((one) => parts.restarts?.isDead(one) === true)) {
    await parts.restarts?.note(end, { vm: order.vm, name: record.vmName });
  }
  const orders: MoveOrder[] = [{ ...settlingOrder(task), to: host }];
  if (looks.sightings.some((one) => one.host === order.to)) {
    // As after a move between two hosts that answer.
    orders.unshift({ ...order, method: 'cold', from: order.to, to: host });
  }
  for (const one of orders) {
    const answer = await askAgain(task, (signal) => task.hypervisor.commit(one, signal));
    if (answer.ok) continue;
    const what = `what ${one.from} has stored of it could not be removed`;
    return { kind: 'unclear', problem: `${what}: ${answer.error.detail}` };
  }
  return { kind: 'settled' };
}

/** Why nothing may be removed: it is on its way still, or what is removed may be needed. */
function objectionTo(
  { oldDisks }: MoveTask,
  { sightings }: Looks,
  host: HostId,
): string | undefined {
  const here = sightings.find((one) => one.host === host);
  if (here?.state !== 'running') return `it is not whole on ${host} yet`;
  const copy = sightings.find((one) => one !== here && one.state !== 'defined');
  if (copy !== undefined) return `${copy.host} has a copy of it (${copy.state})`;
  if (!here.persistent) return `it is not stored on ${host}: what others have may be needed`;
  // Only their definitions tell which disks are the newest.
  return oldDisks === '' ? undefined : 'its disks were copied: see first which of them it uses';
}

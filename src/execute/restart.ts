/**
 * What a restart asks for that no other move does: that its host is dead, at the very moment at
 * which the VM is started elsewhere, and that it will be remembered what the host still holds of
 * the VM. A second copy of a guest that runs destroys its disks: whatever is not certain is no.
 */

import type { MoveOrder } from '../ports/hypervisor.ts';
import type { Misfit } from './fits.ts';
import type { MoveTask } from './move-task.ts';
import type { Whereabouts } from './whereabouts.ts';

/**
 * Undefined: the host is dead, and its power was seen off just now; and so is every other dead one
 * that still has the VM defined, from which it was restarted before. Its silence was not counted
 * when the VM was looked for, and one whose power came back meanwhile may have started it.
 */
export async function notDead(task: MoveTask): Promise<Misfit | undefined> {
  const { move, parts } = task;
  const { restarts } = parts;
  if (restarts === undefined) return { code: 'not-fenced', detail: 'nothing can confirm a death' };
  // As they were when the VM was looked for: who is not dead any more is no less an objection.
  task.silentHolders ??= restarts.leftOn(move.vm);
  const hosts = [...new Set([move.from, ...task.silentHolders])];
  const objections = await Promise.all(hosts.map((host) => restarts.objection(host)));
  const detail = objections.find((one) => one !== undefined);
  return detail === undefined ? undefined : { code: 'not-fenced', detail };
}

/** The last word before the start: proof, then the note for the day on which the host returns. */
export async function mayRestart(task: MoveTask): Promise<Misfit | undefined> {
  const { move, parts, record } = task;
  await parts.restarts?.note(move.from, { vm: move.vm, name: record.vmName });
  return notDead(task);
}

/** Where the VM has to be for the move to begin: on its source, or (its host is dead) nowhere. */
export function isReady(place: Whereabouts, { move }: Pick<MoveTask, 'move'>): boolean {
  return place.kind === (move.method === 'restart' ? 'down' : 'source');
}

/** Not so for a restart: that its source is dead is what it begins with. */
export function hasLostSource({ move, parts }: Pick<MoveTask, 'move' | 'parts'>): boolean {
  return move.method !== 'restart' && parts.restarts?.isDead(move.from) === true;
}

/**
 * How a move is brought to its end whose source has died meanwhile: as a restart is, by its target
 * alone.
 */
export function settlingOrder(task: MoveTask): MoveOrder {
  return hasLostSource(task) ? { ...task.order, method: 'restart' } : task.order;
}

/**
 * The same for taking a move back whose target has died: a cold move had shut the VM down, and its
 * source cannot wait for the target's word. What the target holds is removed when that returns.
 */
export async function takeBackOrder(task: MoveTask): Promise<MoveOrder> {
  const order = settlingOrder(task);
  const { restarts } = task.parts;
  if (restarts === undefined || order.method !== 'cold' || !hasLostTarget(task)) return order;
  if ((await restarts.objection(order.to)) !== undefined) return order;
  await restarts.note(order.to, { vm: order.vm, name: task.record.vmName });
  return { ...order, targetIsOff: true };
}

/** Nobody is there to tell how a cold move goes. */
export function hasLostTarget({ move, parts }: Pick<MoveTask, 'move' | 'parts'>): boolean {
  return move.method === 'cold' && parts.restarts?.isDead(move.to) === true;
}

/** The VM had arrived: what the dead source still holds of it is removed when that returns. */
export async function noteLostSource(task: MoveTask): Promise<void> {
  const { move, parts, record } = task;
  if (!hasLostSource(task)) return;
  await parts.restarts?.note(move.from, { vm: move.vm, name: record.vmName });
}

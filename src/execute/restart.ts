/**
 * What a restart asks for that no other move does: that its host is dead, at the very moment at
 * which the VM is started elsewhere, and that it will be remembered what the host still holds of
 * the VM. A second copy of a guest that runs destroys its disks: whatever is not certain is no.
 */

import type { HostId } from '../domain/ids.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { MoveOrder } from '../ports/hypervisor.ts';
import type { Misfit } from './fits.ts';
import type { RestartGuard } from './restart-guard.ts';
import type { MoveTask } from './move-task.ts';
import { silentHolders } from './silent-holders.ts';
import type { Whereabouts } from './whereabouts.ts';

/**
 * Undefined: the host is dead, and its power was seen off just now; and so is every other dead one
 * that may have the VM defined (silent-holders.ts); and the policy wants restarts.
 */
export async function notDead(task: MoveTask): Promise<Misfit | undefined> {
  const { restarts, settings } = task.parts;
  if (restarts === undefined) return { code: 'not-fenced', detail: 'nothing can confirm a death' };
  const proof = await objectionOf(restarts, await holdersOf(task));
  // As it is now: it may have been changed while the power was asked for.
  const isAllowed = settings().hostFailure.restart === 'fenced';
  const detail = isAllowed ? proof : 'hostFailure.restart is never by now';
  return detail === undefined ? undefined : { code: 'not-fenced', detail };
}

/**
 * The last word before the start: the notes for the day on which these hosts return, then proof,
 * which is not to be older than the writing takes.
 */
export async function mayRestart(task: MoveTask): Promise<Misfit | undefined> {
  const { move, parts, record } = task;
  for (const host of await holdersOf(task)) {
    await parts.restarts?.note(host, { vm: move.vm, name: record.vmName });
  }
  return notDead(task);
}

async function holdersOf(task: MoveTask): Promise<readonly HostId[]> {
  return [...new Set([task.move.from, ...(await silentHolders(task))])];
}

/** Of the first host that has one. */
async function objectionOf(
  restarts: RestartGuard,
  hosts: readonly HostId[],
): Promise<string | undefined> {
  const objections = await Promise.all(hosts.map((host) => restarts.objection(host)));
  return objections.find((one) => one !== undefined);
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
  const { order } = task;
  return hasLostSource(task) ? { ...order, method: 'restart', begunAs: order.method } : order;
}

/**
 * The same for taking a move back. A cold move had shut the VM down, and it is started on its
 * source, whatever the policy says of restarts: this is none. An error says why it may not be,
 * because a dead host may have it defined whose power is not off. A dead target is not waited for
 * while it is off, either. What these hold is removed when they return, and that is noted first:
 * the proof is not to be older than the writing takes, so it is asked for anew before each attempt.
 */
export async function takeBackOrder(task: MoveTask): Promise<Result<MoveOrder, string>> {
  const order = settlingOrder(task);
  const { restarts } = task.parts;
  if (restarts === undefined || order.method !== 'cold') return ok(order);
  const holders = (await silentHolders(task)).filter((host) => host !== order.to);
  const isTargetDead = hasLostTarget(task);
  for (const host of isTargetDead ? [order.to, ...holders] : holders) {
    await restarts.note(host, { vm: order.vm, name: task.record.vmName });
  }
  const [objection, targetIsOn] = await Promise.all([
    objectionOf(restarts, holders),
    isTargetDead ? restarts.objection(order.to) : undefined,
  ]);
  if (objection !== undefined) return fail(objection);
  // It may have come back: then it can say itself what it has.
  return ok(isTargetDead && targetIsOn === undefined ? { ...order, targetIsOff: true } : order);
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

/**
 * A dead target may hold a part of the VM: it is removed when that returns, and until then its
 * power counts before the VM is started elsewhere.
 */
export async function noteDeadTarget({ order, parts, record }: MoveTask): Promise<void> {
  if (parts.restarts?.isDead(order.to) !== true) return;
  await parts.restarts.note(order.to, { vm: order.vm, name: record.vmName });
}

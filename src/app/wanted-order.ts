/**
 * From what somebody wants of a host to the order that says so: a new one, or the open one with the
 * wish taken in. Pure.
 */

import type { HostId, OrderId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';

export interface NewOrder {
  readonly kind: Order['kind'];
  readonly host: HostId;
  readonly by: Order['by'];
  readonly reason: string;
  /** See {@link Order.dedupeKey}. */
  readonly dedupeKey: string;
  readonly deadlineSeconds: number | null;
  /** Maintenance: the hook to run when the host is empty. */
  readonly hook?: string | undefined;
  /** What is emptied as a whole, where the host is a part of that. */
  readonly area?: string | undefined;
}

/** What an order is made with, beside what is wanted. */
export interface Occasion {
  readonly id: OrderId;
  readonly at: EpochSeconds;
  readonly world: Snapshot;
  /** VMs whose return the new order cuts off: their home is still here. */
  readonly onTheirWay: readonly string[];
}

export function orderFor(wanted: NewOrder, { id, at, world, onTheirWay }: Occasion): Order {
  const here = guestsOf(world, wanted.host).map((vm) => vm.id);
  const hostName = world.hosts.find((host) => host.id === wanted.host)?.name;
  return {
    id,
    kind: wanted.kind,
    host: wanted.host,
    ...(hostName === undefined ? {} : { hostName }),
    by: wanted.by,
    reason: wanted.reason,
    createdAt: at,
    deadline: deadlineOf(wanted, at),
    state: 'open',
    dedupeKey: wanted.dedupeKey,
    home: [...new Set([...here, ...onTheirWay])],
    ...(wanted.hook === undefined ? {} : { hook: hookOf(wanted, at) }),
    ...(wanted.area === undefined ? {} : { area: wanted.area }),
  };
}

/**
 * The open order with the wish taken in; undefined: it says all of that already. Maintenance raises
 * an evacuation, a person takes over what an alert has ordered, a hook is added where there is none
 * or the one before has failed, an earlier deadline takes the place of a later one, or of none.
 */
export function withWish(open: Order, wanted: NewOrder, at: EpochSeconds): Order | undefined {
  const raised = open.kind === 'evacuate' && wanted.kind === 'maintenance';
  const adopted = open.by.kind !== 'operator' && wanted.by.kind === 'operator';
  // Who raises it says why; but an alert does not speak for the person who has ordered it.
  const isTold = adopted || (raised && open.by.kind === wanted.by.kind);
  const sooner = soonerDeadline(open, wanted, at);
  const isNewHook = open.hook === undefined || open.hook.state === 'failed';
  const hook = (isNewHook ? hookOf(wanted, at) : undefined) ?? open.hook;
  const area = wanted.area ?? open.area;
  const isSame = hook === open.hook && area === open.area && sooner === undefined;
  if (!raised && !adopted && isSame) return undefined;
  return {
    ...(withAsker(open, wanted.dedupeKey) ?? open),
    ...(isTold ? { by: wanted.by, reason: wanted.reason } : {}),
    // Whether that one can be met is yet to be told.
    ...(sooner === undefined ? {} : { deadline: sooner, deadlineTold: undefined }),
    kind: raised ? 'maintenance' : open.kind,
    ...(hook === undefined ? {} : { hook }),
    ...(area === undefined ? {} : { area }),
    ...(area !== undefined && open.area === undefined ? { areaCameLater: true } : {}),
  };
}

/**
 * Nobody wants anything of the host beside its being emptied with the area: nobody is at work on
 * it, and no alert had it emptied before.
 */
export function isOnlyFor(area: string, order: Order): boolean {
  return order.area === area && order.areaCameLater !== true && order.kind === 'evacuate';
}

/** The open order has another hook, which has not failed: the wish cannot be taken in. */
export function hookInTheWay(open: Order, { host, hook: wanted }: NewOrder): boolean {
  const { hook, state } = open;
  if (host !== open.host || state !== 'open' || hook === undefined) return false;
  return wanted !== undefined && wanted !== hook.name && hook.state !== 'failed';
}

export function isHookAtWork({ state, hook }: Order): boolean {
  return state === 'open' && hook?.state === 'running';
}

/** Nothing is left to do. */
export function closed(order: Order): Order {
  return { ...order, state: 'closed' };
}

/** More than this ask for one order only where an alert begins anew again and again. */
const MOST_ASKERS = 50;

export function wasAskedBy({ dedupeKey, alsoAsked = [] }: Order, alert: string): boolean {
  return dedupeKey === alert || alsoAsked.includes(alert);
}

/** The alert is among those that ask for it. Undefined: it was, or it is a person who asks. */
export function withAsker(open: Order, alert: string): Order | undefined {
  if (alert === '' || wasAskedBy(open, alert)) return undefined;
  return { ...open, alsoAsked: [...(open.alsoAsked ?? []), alert].slice(-MOST_ASKERS) };
}

/** For the history. */
export function wishText(
  kind: Order['kind'],
  { host, by, reason }: NewOrder,
  { hosts }: Pick<Snapshot, 'hosts'>,
): string {
  const name = hosts.find(({ id }) => id === host)?.name ?? host;
  return `${name}: ${kind} ordered by ${by.kind} ${by.name}: ${reason}`;
}

function hookOf({ hook: name }: NewOrder, since: EpochSeconds): Order['hook'] {
  if (name === undefined) return undefined;
  return { name, state: 'waiting', attempts: 0, since, output: '' };
}

function deadlineOf({ deadlineSeconds }: NewOrder, at: EpochSeconds): Order['deadline'] {
  return deadlineSeconds === null ? undefined : epochSeconds(at + deadlineSeconds);
}

/** Undefined: the order's own is as early, or none is wanted. */
function soonerDeadline(
  { deadline }: Order,
  wanted: NewOrder,
  at: EpochSeconds,
): Order['deadline'] {
  const asked = deadlineOf(wanted, at);
  return asked !== undefined && asked < (deadline ?? Infinity) ? asked : undefined;
}

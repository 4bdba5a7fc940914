/**
 * Takes a rolling maintenance from group to group: the next one begins when every host of the one
 * before is back in service, its VMs home, and as many hosts as can be empty at once. It stops at
 * the first host that is not well, or whose hook has failed, or that an alert has evacuated, until
 * a person resumes it; while a host does not answer it only waits, since that is often over at the
 * next look. All that it knows is in the orders, so that a restart changes nothing.
 */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Estimator } from './estimator.ts';
import { isAnOrder } from './hook-runs.ts';
import type { OrderDesk } from './order-desk.ts';
import { orderedText } from './order-text.ts';
import { type Holds, Reach } from './reach.ts';
import { againstHost, silence } from './return-waves.ts';
import { nextGroup } from './rolling-groups.ts';
import type { TickState } from './tick.ts';

export interface RollingParts {
  readonly ledger: Ledger;
  readonly orders: OrderDesk;
  readonly events: EventSink;
  readonly estimator: Pick<Estimator, 'estimate'>;
  /** Whether this controller may act on the host; where it may not, another one takes the step. */
  readonly holds: Holds;
}

/** What a step is decided by. */
interface Turn {
  /** Those to come next that are this controller's. */
  readonly next: readonly Order[];
  /** Those whose turn has come, however far they are. */
  readonly begun: readonly Order[];
  /** Every order that there is or was. */
  readonly all: readonly Order[];
}

export class Rolling {
  readonly #parts: RollingParts;

  constructor(parts: RollingParts) {
    this.#parts = parts;
  }

  /**
   * One tick's step of the rolling maintenances that still have hosts waiting. One of them begins
   * hosts at most: the next is judged by a state in which those are on their way out, else each
   * could count on the other's hosts.
   */
  async update(state: TickState): Promise<void> {
    const waiting = (await this.#parts.ledger.orders(false)).filter(
      (order) => order.state === 'waiting' && order.rolling !== undefined,
    );
    if (waiting.length === 0) return;
    const all = await this.#parts.ledger.orders(true);
    const reach = new Reach(state.snapshot, this.#parts.holds);
    for (const [id, next] of Map.groupBy(waiting, ({ rolling }) => rolling?.id ?? '')) {
      const begun = all.filter((one) => one.rolling?.id === id && one.state !== 'waiting');
      if (this.#waitsForGone(id, { next: inTurn(next), begun }, state.snapshot)) continue;
      const own = ownTurns(inTurn(next), reach, state.snapshot);
      if (own.length > 0 && (await this.#step(id, { next: own, begun, all }, state))) return;
    }
  }

  /** Whether hosts were begun. */
  async #step(id: string, { next, begun, all }: Turn, state: TickState): Promise<boolean> {
    const { estimator, orders } = this.#parts;
    if (next.some(({ rolling }) => rolling?.heldBy !== undefined)) return false;
    const against = begun
      .map((order) => whyStop(order, state, all))
      .find((reason) => reason !== undefined);
    if (against !== undefined) {
      await orders.rolling.steer(id, { heldBy: against });
      this.#warn(id, `rolling maintenance ${id} stops: ${against}`);
      return false;
    }
    const silent = begun
      .map(({ host }) => hostOf(state.snapshot, host))
      .map((host) => host && silence(host))
      .find((reason) => reason !== undefined);
    if (silent !== undefined) {
      this.#warn(id, `rolling maintenance ${id} waits: ${silent}`);
      return false;
    }
    if (begun.some(({ state: now }) => now !== 'closed')) return false;
    const cutOff = begun.find((order) => isCutOff(order, all));
    if (cutOff !== undefined) {
      const name = nameIn(state.snapshot, cutOff);
      this.#warn(id, `rolling maintenance ${id} waits: ${name} is under another order by now`);
      return false;
    }
    const batch = next[0]?.rolling?.batch ?? 1;
    const group = await nextGroup(
      next.map(({ host }) => host),
      batch,
      (hosts) => estimator.estimate({ kind: 'maintenance', hosts, deadlineSeconds: null }, state),
    );
    if (group.reasons.length > 0) {
      this.#warn(id, `rolling maintenance ${id} waits: ${group.reasons.join('; ')}`);
      return false;
    }
    const turn = next.slice(0, group.hosts.length);
    const opened = await orders.rolling.begin(turn, state.snapshot, (host) =>
      this.#mayAct(host, state.snapshot),
    );
    return opened.length > 0;
  }

  /**
   * A host of it that is not over, or is the next one, is not in the fleet any more. It waits, and
   * does not stop: a source that has not answered since the start may yet show that host.
   */
  #waitsForGone(
    id: string,
    { next, begun }: Pick<Turn, 'next' | 'begun'>,
    snapshot: Snapshot,
  ): boolean {
    const isHeld = next.some(({ rolling }) => rolling?.heldBy !== undefined);
    const awaited = [...begun.filter(({ state }) => state !== 'closed'), ...next.slice(0, 1)];
    const gone = awaited.find(({ host }) => hostOf(snapshot, host) === undefined);
    if (isHeld || gone === undefined) return false;
    const name = nameIn(snapshot, gone);
    const how = `drover maintenance exit ${name} ends its order`;
    this.#warn(id, `rolling maintenance ${id} waits: ${name} is not in the fleet any more; ${how}`);
    return true;
  }

  #mayAct(id: HostId, snapshot: Snapshot): boolean {
    const host = hostOf(snapshot, id);
    return host !== undefined && this.#parts.holds(host, snapshot);
  }

  #warn(id: string, text: string): void {
    this.#parts.events.emit('warning', { key: `rolling ${id}`, text });
  }
}

/**
 * The next hosts up to the first that is another controller's, whose turn is its own, or is not in
 * the fleet any more.
 */
function ownTurns(next: readonly Order[], reach: Reach, snapshot: Snapshot): readonly Order[] {
  const isOwn = (order: Order): boolean =>
    hostOf(snapshot, order.host) !== undefined && reach.ownOrders([order]).length > 0;
  const end = next.findIndex((order) => !isOwn(order));
  return end < 0 ? next : next.slice(0, end);
}

/** In the order of their turns. */
export function inTurn(orders: readonly Order[]): readonly Order[] {
  return orders.toSorted((a, b) => (a.rolling?.place ?? 0) - (b.rolling?.place ?? 0));
}

/**
 * The order that has the host of a part that was begun by now: a newer one, of somebody else's.
 * Undefined: there is none that is not over.
 */
export function newerOrder(part: Order, all: readonly Order[]): Order | undefined {
  return all.find(
    ({ host, rolling, state }) =>
      host === part.host &&
      rolling?.id !== part.rolling?.id &&
      (state === 'open' || state === 'returning'),
  );
}

/**
 * A newer order came while its VMs were on their way home, which those that were left in `home`
 * show: the host is not back in service before that order is over, too.
 */
export function isCutOff(part: Order, all: readonly Order[]): boolean {
  return part.state === 'closed' && part.home.length > 0 && newerOrder(part, all) !== undefined;
}

/**
 * Of a host whose turn has come: a failed hook, that it is not well afterwards, or that an alert
 * asks for it to be empty, also where a person has made that order their own since.
 */
function whyStop(
  order: Order,
  { snapshot, findings }: Pick<TickState, 'snapshot' | 'findings'>,
  all: readonly Order[],
): string | undefined {
  const host = hostOf(snapshot, order.host);
  if (order.state === 'open') {
    return order.hook?.state === 'failed'
      ? `hook ${order.hook.name} has failed on ${nameIn(snapshot, order)}`
      : undefined;
  }
  const newer = newerOrder(order, all);
  // By its person's word a returning one is well again.
  if (newer?.state === 'open' && (newer.by.kind === 'alert' || newer.dedupeKey !== '')) {
    return `${nameIn(snapshot, order)}: ${orderedText(newer)}`;
  }
  const others = findings.filter((finding) => !isAnOrder(finding));
  return host && againstHost(order, host, snapshot, others);
}

function nameIn(snapshot: Snapshot, { host, hostName = host }: Order): string {
  return hostOf(snapshot, host)?.name ?? hostName;
}

function hostOf(snapshot: Snapshot, id: HostId): Host | undefined {
  return snapshot.hosts.find((host) => host.id === id);
}

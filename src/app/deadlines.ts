/**
 * Watches the deadlines of open orders: warns as soon as the plan shows that one cannot be met,
 * says so when one has passed with VMs still there, and then keeps on or gives the host back, as
 * the policy says. Each is told once; the order remembers it.
 */

import type { Host } from '../domain/host.ts';
import { listed } from '../domain/listed.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { PlanResult } from '../domain/plan.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { unlistedText } from '../domain/unlisted.ts';
import type { Vm } from '../domain/vm.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import { emptyAfter } from './estimate.ts';
import type { OrderDesk } from './order-desk.ts';
import type { PolicyStore } from './policy-store.ts';

export interface DeadlineParts {
  readonly orders: OrderDesk;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly clock: Clock;
  readonly events: EventSink;
}

export interface DeadlineView {
  readonly snapshot: Snapshot;
  readonly orders: readonly Order[];
  /** Undefined: there is none, and nobody knows who will be late. */
  readonly result: PlanResult | undefined;
}

export class Deadlines {
  readonly #parts: DeadlineParts;

  constructor(parts: DeadlineParts) {
    this.#parts = parts;
  }

  async judge(view: DeadlineView): Promise<void> {
    for (const order of view.orders) {
      const { state, deadline } = order;
      if (state === 'open' && deadline !== undefined) await this.#judge(order, deadline, view);
    }
  }

  async #judge(order: Order, deadline: EpochSeconds, view: DeadlineView): Promise<void> {
    const { clock, events, orders, policies } = this.#parts;
    const host = view.snapshot.hosts.find(({ id }) => id === order.host);
    const left = guestsOf(view.snapshot, order.host).filter((vm) => vm.powerState !== 'off');
    const unlisted = host?.unlistedGuests ?? [];
    if (
      host === undefined ||
      left.length + unlisted.length === 0 ||
      order.deadlineTold === 'missed'
    )
      return;
    if (clock.now() < deadline) {
      const { result, snapshot } = view;
      const late = (): string =>
        result === undefined ? '' : whyLate(order, deadline, { left, host }, { result, snapshot });
      const why = order.deadlineTold === undefined ? late() : '';
      if (why !== '')
        await this.#tell(order, 'late', `${host.name} will miss its deadline: ${why}`);
      return;
    }
    const isKept = policies.policies.maintenance.onDeadline === 'keep-on';
    const then = isKept ? 'the work goes on' : 'the order is withdrawn';
    const stay = `${namesOf(left, unlisted)} still there`;
    const text = `${host.name} has missed its deadline: ${stay}; ${then}`;
    if (isKept) {
      await this.#tell(order, 'missed', text);
      return;
    }
    // In one write: what is told is done. While its hook is at work the deadline waits for that.
    const along = { deadlineTold: 'missed', lines: [text] } as const;
    const meant = { order: order.id, name: host.name };
    const back = await orders.giveBack(meant, 'its deadline', along);
    if (back !== undefined) events.emit('warning', { key: `deadline ${order.id}`, text });
  }

  async #tell(order: Order, what: 'late' | 'missed', text: string): Promise<void> {
    const { clock, events, orders } = this.#parts;
    const about = { vm: undefined, host: order.host, from: undefined, move: undefined };
    const line: HistoryEntry = { at: clock.now(), kind: 'order', ...about, text };
    const isNoted = await orders.note(order.id, () => ({ deadlineTold: what }), [line]);
    if (isNoted) events.emit('warning', { key: `deadline ${order.id}`, text });
  }
}

type Plan = Pick<DeadlineView, 'snapshot'> & { readonly result: PlanResult };

/** Empty: by the plan it will be met. Moves under way are taken to end in time. */
function whyLate(
  { host }: Order,
  deadline: EpochSeconds,
  { left, host: emptied }: { readonly left: readonly Vm[]; readonly host: Host },
  view: Plan,
): string {
  const { plan } = view.result;
  const unlisted = unlistedText(emptied, view.snapshot.vms);
  const stays = [...whoStays(host, deadline, left, view), ...(unlisted ? [unlisted] : [])];
  if (stays.length > 0) return stays.join('; ');
  const over = plan.snapshotAt + emptyAfter(plan, [host]) - deadline;
  return over > 0 ? `by the plan it is empty ${Math.ceil(over)} s later` : '';
}

// oxlint-disable-next-line max-params -- where, until when, who of these, by which plan
function whoStays(
  host: HostId,
  deadline: EpochSeconds,
  left: readonly Vm[],
  { snapshot, result }: Plan,
): string[] {
  const leaving = new Set(snapshot.inFlight.map(({ vm }) => vm));
  for (const move of result.plan.moves) if (move.from === host) leaving.add(move.vm);
  const resting = new Map<VmId, EpochSeconds>();
  for (const { subject, until } of snapshot.breakers ?? []) {
    if (subject.kind === 'vm') resting.set(subject.vm, until);
  }
  const stuck = left.filter(({ id }) => !leaving.has(id));
  const homeless = stuck.filter(({ id }) => !resting.has(id));
  // Who rests after failures is planned again when that is over.
  const late = stuck.filter(({ id }) => (resting.get(id) ?? 0) >= deadline);
  const texts: string[] = [];
  if (homeless.length > 0) texts.push(`the plan has no place for ${namesOf(homeless)}`);
  if (late.length > 0) {
    texts.push(`after moves that failed nothing is tried with ${namesOf(late)} before it`);
  }
  return texts;
}

function namesOf(vms: readonly Vm[], unlisted: readonly string[] = []): string {
  return listed([...vms.map(({ name }) => name), ...unlisted].toSorted());
}

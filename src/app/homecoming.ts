/**
 * Follows the VMs of hosts that were returned to service on their way home (in which order they
 * are let go is return-waves.ts' affair), and ends it: who has
 * arrived is done (once: a VM that is moved away later is not fetched again), who was moved by
 * somebody else stays where that put it, and when none of the others could come for a whole hour,
 * the return is closed as a partial one. Whoever stays away is named, with the reason, in the
 * history and as a warning; nobody is dropped in silence.
 */

import type { Finding } from '../domain/finding.ts';
import { compareText, vmId, type HostId, type VmId } from '../domain/ids.ts';
import type { GateVerdict, HistoryEntry } from '../domain/journal.ts';
import type { Order, ReturnProgress, Stay } from '../domain/order.ts';
import type { PlanResult } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { OrderDesk } from './order-desk.ts';
import { Patience } from './patience.ts';
import type { PolicyStore } from './policy-store.ts';
import type { Reach } from './reach.ts';
import { againstReturn, nextWave, withHold } from './return-waves.ts';

/**
 * How long nothing may get on before a return is given up. A host that has just been started gets
 * its networks and storage in minutes, and room on it may be made by others: so nothing that
 * speaks against a return is taken for final at once. Waiting for a window, a budget, an approval
 * or the end of a pause does not count: that is Drover's own doing.
 */
const PATIENCE_SECONDS = seconds(3600);

export interface HomecomingParts {
  readonly ledger: Ledger;
  readonly orders: OrderDesk;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly clock: Clock;
  readonly events: EventSink;
}

export interface HomecomingView {
  readonly snapshot: Snapshot;
  readonly orders: readonly Order[];
  readonly findings: readonly Finding[];
  readonly result: PlanResult;
  readonly verdicts: readonly GateVerdict[];
  readonly reach: Pick<Reach, 'hosts'>;
}

/** Of the VMs that were let go nobody is known to be kept from coming. */
const NOBODY: ReadonlySet<VmId> = new Set();

/** Whether a VM can come home: it is on its way, it waits for us, or something is against it. */
type Chance =
  | { readonly kind: 'moving' | 'waiting' }
  | { readonly kind: 'blocked'; readonly stay: Stay };

/** An order as it is to be, and what the history tells with it. */
interface Changed {
  readonly order: Order;
  readonly lines: readonly HistoryEntry[];
}

export class Homecoming {
  readonly #parts: HomecomingParts;
  readonly #patience: Patience;

  constructor(parts: HomecomingParts) {
    this.#parts = parts;
    this.#patience = new Patience(parts.clock, PATIENCE_SECONDS);
  }

  /**
   * Takes those off who have arrived or were moved by somebody. Returns the orders as they are; one
   * that was ended or changed by somebody else meanwhile is for the next tick.
   */
  async settle(orders: readonly Order[], snapshot: Snapshot): Promise<readonly Order[]> {
    const out: Order[] = [];
    for (const order of orders) {
      if (order.state !== 'returning') {
        out.push(order);
        continue;
      }
      const settled = await this.#settle(order, snapshot);
      const next = settled && (await this.#write(settled, this.#letGo(settled, snapshot)));
      if (next !== undefined) out.push(next);
    }
    return out;
  }

  /** Closes those of the settled orders for whose VMs nobody waits any more. */
  async close(settled: readonly Order[]): Promise<void> {
    const done = settled.filter(({ state, home }) => state === 'returning' && home.length === 0);
    if (done.length > 0) await this.#parts.orders.closeReturned(done);
  }

  /** By what planner and gate said: does anything get on? */
  async judge(view: HomecomingView): Promise<void> {
    this.#patience.keep(new Set(view.orders.map(({ id }) => id)));
    for (const order of view.orders) {
      if (order.state === 'returning' && order.home.length > 0) await this.#judge(order, view);
    }
  }

  async #settle(order: Order, snapshot: Snapshot): Promise<Order | undefined> {
    const moving = new Set(snapshot.inFlight.map((flight) => flight.vm));
    const vms = new Map(snapshot.vms.map((vm) => [vm.id, vm]));
    const home: VmId[] = [];
    const stays: Stay[] = [];
    let arrived = 0;
    for (const id of new Set(order.home.map(vmId))) {
      const host = vms.get(id)?.host;
      if (host === undefined || moving.has(id)) home.push(id);
      else if (host === order.host) arrived += 1;
      else if (await this.#isWhereWeLeftIt(id, host)) home.push(id);
      else stays.push({ vm: id, host, reason: 'somebody has moved it there' });
    }
    if (arrived + stays.length === 0) return order;
    const stuckSince = arrived > 0 ? undefined : order.stuckSince;
    return this.#takeOff(order, { ...order, home, stuckSince }, stays, snapshot);
  }

  /** Where its newest move took it, or left it: one that came to nothing is in the history, too. */
  async #isWhereWeLeftIt(vm: VmId, host: HostId): Promise<boolean> {
    const { ledger } = this.#parts;
    const asked = { vm, movesOnly: true, newestBy: 'writing', limit: 1 } as const;
    const [newest] = await ledger.history(asked);
    if (newest?.move === undefined) return false;
    if (host === newest.host) return true;
    // Back at its source it is by somebody else's hand, unless it never got away from there.
    const result = (await ledger.move(newest.move))?.result;
    return host === newest.from && result?.outcome !== 'succeeded';
  }

  async #judge(before: Order, view: HomecomingView): Promise<void> {
    const now = this.#parts.clock.now();
    const order = this.#held(before, view);
    const chances = order.home.map((vm) => chanceOf(vmId(vm), order, view));
    const blocked = chances.flatMap((chance) => (chance.kind === 'blocked' ? [chance.stay] : []));
    const isWaiting = chances.some(({ kind }) => kind === 'waiting');
    const since = order.stuckSince ?? (blocked.length > 0 ? now : undefined);
    const stuckSince = isWaiting ? undefined : since;
    const isOver = stuckSince !== undefined && this.#patience.left(order.id, stuckSince) === 0;
    if (isOver && blocked.length === chances.length) {
      const last = { ...order, home: [], stuckSince };
      const ended = await this.#takeOff(before, last, blocked, view.snapshot);
      if (ended !== undefined) await this.#parts.orders.closeReturned([ended]);
      return;
    }
    const kept = new Set(blocked.map(({ vm }) => vm));
    const { order: next, lines } = this.#letGo(order, view.snapshot, kept);
    if (next.progress !== before.progress || stuckSince !== before.stuckSince) {
      await this.#parts.orders.update(before, { ...next, stuckSince }, lines);
    }
  }

  /** The order, held back as long as something speaks against its host. */
  #held(order: Order, { snapshot, findings }: HomecomingView): Order {
    const against = againstReturn(order, snapshot, findings);
    const held = withHold(order, against, snapshot);
    if (held === order) return order;
    const name = snapshot.hosts.find(({ id }) => id === order.host)?.name ?? order.host;
    if (against !== undefined) {
      const text = `${name}: nobody more comes home for now: ${against}`;
      this.#parts.events.emit('warning', { key: `held ${order.id}`, text });
    }
    return held;
  }

  /** Lets the next ones go, where it is their turn. */
  #letGo(order: Order, snapshot: Snapshot, blocked = NOBODY): Changed {
    const { progress } = order;
    if (progress === undefined || order.home.length === 0) return { order, lines: [] };
    const { clock, policies } = this.#parts;
    const at = clock.now();
    const settings = policies.policies;
    const next = nextWave(order, progress, { snapshot, settings, now: at, blocked });
    if (next === progress) return { order, lines: [] };
    const text = releaseText(order, next, snapshot);
    const about = { vm: undefined, host: order.host, from: undefined, move: undefined };
    const lines = text === undefined ? [] : [{ at, kind: 'order', ...about, text } as const];
    return { order: { ...order, progress: next }, lines };
  }

  /** Undefined: somebody else has ended or changed it. */
  #write(before: Order, { order, lines }: Changed): Promise<Order | undefined> {
    if (order === before) return Promise.resolve(order);
    return this.#parts.orders.update(before, order, lines);
  }

  /** Who stays away is told together with being forgotten. */
  // oxlint-disable-next-line max-params -- the order before and after, who stays away, the fleet
  async #takeOff(
    before: Order,
    order: Order,
    stays: readonly Stay[],
    snapshot: Snapshot,
  ): Promise<Order | undefined> {
    const at = this.#parts.clock.now();
    const names = new Map<string, string>(
      [...snapshot.hosts, ...snapshot.vms].map(({ id, name }) => [id, name]),
    );
    const nameOf = (id: string): string => names.get(id) ?? id;
    const sorted = stays.toSorted((a, b) => compareText(a.vm, b.vm));
    const lines = sorted.map(({ vm, host, reason }): HistoryEntry => {
      const where = host === undefined ? '' : `it stays on ${nameOf(host)}: `;
      const text = `${nameOf(vm)} does not come home to ${nameOf(order.host)}: ${where}${reason}`;
      const about = { vm, host: order.host, from: undefined, move: undefined };
      return { at, kind: 'order', ...about, text };
    });
    const told = { ...order, stays: [...(order.stays ?? []), ...sorted] };
    const written = await this.#write(before, { order: told, lines });
    if (written === undefined) return undefined;
    for (const { vm, text } of lines) {
      this.#parts.events.emit('warning', { key: `stays ${order.id} ${vm ?? ''}`, text });
    }
    return written;
  }
}

/** Undefined: nobody was let go. */
function releaseText(order: Order, next: ReturnProgress, snapshot: Snapshot): string | undefined {
  const names = new Map<string, string>(snapshot.vms.map(({ id, name }) => [id, name]));
  const fresh = next.released.slice(order.progress?.released.length ?? 0);
  if (fresh.length === 0) return undefined;
  const host = snapshot.hosts.find(({ id }) => id === order.host)?.name ?? order.host;
  const who = fresh.map((vm) => names.get(vm) ?? vm).join(', ');
  return `${host}: ${next.isTried ? 'come home next' : 'try it out, coming home first'}: ${who}`;
}

function chanceOf(vm: VmId, order: Order, view: HomecomingView): Chance {
  const { snapshot, findings, result, verdicts } = view;
  const host = snapshot.vms.find((one) => one.id === vm)?.host;
  const blocked = (reason: string): Chance => ({ kind: 'blocked', stay: { vm, host, reason } });
  if (host === undefined) return blocked('no source reports it any more');
  if (snapshot.inFlight.some((flight) => flight.vm === vm)) return { kind: 'moving' };
  // Nobody may act on both ends: only when one controller has both clusters can it come.
  if (!view.reach.hosts.has(host)) return blocked('another controller acts where it is');
  const { heldBy, released } = order.progress ?? {};
  if (heldBy !== undefined) return blocked(heldBy);
  if (released?.includes(vm) === false) return { kind: 'waiting' };
  if (!snapshot.hosts.some(({ id }) => id === order.host)) {
    return blocked('no source reports its home any more');
  }
  const wish = findings.find((finding) => isAbout(finding, vm, order.host))?.id;
  const open = result.report.unresolved.find(({ finding }) => finding === wish);
  if (open !== undefined) {
    const detail = open.pairs.find((pair) => pair.code === open.code)?.detail ?? '';
    return blocked(detail === '' ? open.code : `${open.code}: ${detail}`);
  }
  // One that has to leave where it is goes elsewhere first, if it can.
  const moves = result.plan.moves.filter((one) => one.vm === vm);
  const move = moves.find(({ to }) => to === order.host) ?? moves[0];
  const verdict = verdicts.find((one) => one.move === move?.id);
  if (verdict === undefined || verdict.verdict === 'execute') return { kind: 'moving' };
  const [first] = verdict.refusals;
  // Coming home is not made to rest: it is in trouble, and tried again after a while.
  const isInTrouble = verdict.refusals.every(({ code }) => code === 'cool-down');
  return first !== undefined && isInTrouble ? blocked(first.detail) : { kind: 'waiting' };
}

function isAbout({ kind, subject, evidence }: Finding, vm: VmId, home: HostId): boolean {
  const isReturn = kind === 'return-home' && subject.kind === 'vm' && subject.vm === vm;
  return isReturn && evidence.some(({ fact, value }) => fact === 'vm.home' && value === home);
}

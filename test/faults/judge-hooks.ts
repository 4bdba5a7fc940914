// Role: what a maintenance hook must not do: begin on a host that is not empty, that was returned,
// or beside itself, before that was written down, or more often than it may.
import type { HostId, OrderId, VmId } from '../../src/domain/ids.ts';
import type { Order } from '../../src/domain/order.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HookCall } from '../../src/ports/hooks.ts';
import { mostAttempts } from './hooks.ts';
import type { JournalView } from './journal-view.ts';
import type { HostCrash } from './judge-doubles.ts';
import type { JudgeWorld } from './judge-world.ts';

/** Longer than any controller stands still. */
const SLEEP_SECONDS = 420;

export interface HookSight {
  readonly journal: JournalView;
  readonly clock: Clock;
  readonly world: JudgeWorld;
  readonly crashes: readonly HostCrash[];
  /** When somebody else has last moved a VM. */
  readonly drifts: ReadonlyMap<VmId, number>;
  readonly wrong: (text: string) => void;
}

export class JudgeHooks {
  readonly #sight: HookSight;
  /** The attempts that were begun for each order. */
  readonly #begun = new Map<OrderId, Set<number>>();
  /** What each controller has at work in this life. */
  readonly #running = new Map<string, Set<HostId>>();

  constructor(sight: HookSight) {
    this.#sight = sight;
  }

  onReborn(by: string): void {
    this.#running.delete(by);
  }

  /** A person asks for a hook anew where one has failed: it is counted from the first. */
  onOrder({ id, hook }: Order, before: Order | undefined): void {
    if (before?.hook?.state === 'failed' && hook?.attempts === 0) this.#begun.delete(id);
  }

  // oxlint-disable-next-line max-params -- which, on what, and whose
  onBegin(name: string, { order: id, host: { id: host }, attempt }: HookCall, by: string): void {
    const { journal, wrong } = this.#sight;
    const what = `${by} begins the hook ${name} on ${host}`;
    const guests = this.#guestsOn(host);
    if (guests.length > 0) wrong(`${what}, and ${guests.join(', ')} runs there`);
    const order = journal.orders.get(id);
    if (order?.state !== 'open') wrong(`${what}, and its order is ${order?.state ?? 'unknown'}`);
    if ((order?.hook?.attempts ?? 0) < attempt) wrong(`${what} before it was written down`);
    const attempts = this.#begun.get(id) ?? new Set();
    this.#begun.set(id, attempts);
    if (attempts.has(attempt)) wrong(`${what}: attempt ${attempt} for a second time`);
    attempts.add(attempt);
    const most = mostAttempts(name) ?? 0;
    if (attempts.size > most) wrong(`${what}: ${attempts.size} attempts, at most ${most}`);
    const running = this.#running.get(by) ?? new Set();
    this.#running.set(by, running);
    if (running.has(host)) wrong(`${what}, and one is at work there`);
    running.add(host);
  }

  /** But for those that a person or a dying host may have brought there while somebody slept. */
  #guestsOn(host: HostId): readonly VmId[] {
    const { clock, crashes, drifts, world } = this.#sight;
    if (crashes.some((crash) => crash.host === host)) return [];
    const since = clock.monotonic() - SLEEP_SECONDS;
    const isNew = (vm: VmId): boolean => (drifts.get(vm) ?? -Infinity) >= since;
    const guests = [...world.vms.keys()].filter((vm) => world.runningOn(vm).includes(host));
    return guests.filter((vm) => !isNew(vm));
  }

  onEnd({ host }: HookCall, by: string): void {
    this.#running.get(by)?.delete(host.id);
  }
}

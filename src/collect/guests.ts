/**
 * Since when the guests of a host are those that run there now. What a host used before they came
 * or went tells of other guests: a host that was relieved would look overloaded, and one that took
 * a guest in would look idle, until a whole window has passed.
 *
 * The windows do not simply begin anew at such a change: on a busy fleet some guest comes or goes
 * every minute, and a host whose mean is never known is a host that no rule ever finds. So
 * - the mean of `cpu.used`, by which hosts are judged, is put together from what the present
 *   guests used, here or wherever they were, and what the host uses beside them: it is known at
 *   once, and says the same as the planner, which counts guests too ({@link presentUse});
 * - a reading that covers the moment of the change tells half of the old guests: until the next
 *   one, what the host uses beside its guests is no more than what it used beside them before;
 * - other statistics of what depends on guests look at the samples since the change, and at the
 *   newest few (minSamples) at least: they are of another time for a poll or two, and never blind;
 * - a slope needs samples since the change alone: across it there is a step, and no slope.
 */

import type { Host } from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import { known, type Measured, type MetricWindow } from '../domain/measured.ts';
import type { HostMetric } from '../domain/metrics.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import type { HostFacts, VmFacts } from '../ports/hypervisor.ts';

/** VMs between two looks at the time. */
const SLICE = 500;

export class GuestWatch {
  #hostOf: ReadonlyMap<VmId, HostId> = new Map();
  /** Undefined: nothing has changed since the host was first seen. */
  #changedAt: ReadonlyMap<HostId, EpochSeconds | undefined> = new Map();

  /** CPU that hosts use beside their guests, by the last reading that covers no change. */
  readonly #beside = new Map<HostId, number>();

  /** To be told of every complete inventory; `now`: after the samples that came with it. */
  observe(
    hosts: readonly HostFacts[],
    vms: readonly VmFacts[],
    now: EpochSeconds,
    newest: NewestCpu,
  ): void {
    inOneGo(this.observeInSlices(hosts, vms, now, newest));
  }

  // oxlint-disable-next-line max-params -- the inventory, when it was, and what was measured
  *observeInSlices(
    hosts: readonly HostFacts[],
    vms: readonly VmFacts[],
    now: EpochSeconds,
    newest: NewestCpu,
  ): Slices<void> {
    const hostOf = new Map<VmId, HostId>();
    for (const [at, vm] of vms.entries()) {
      if (at % SLICE === SLICE - 1) yield;
      if (vm.powerState === 'running') hostOf.set(vm.id, vm.host);
    }
    const changed = new Set<HostId>();
    yield;
    for (const [vm, host] of hostOf) {
      const before = this.#hostOf.get(vm);
      if (before === host) continue;
      changed.add(host);
      if (before !== undefined) changed.add(before);
    }
    for (const [vm, host] of this.#hostOf) if (!hostOf.has(vm)) changed.add(host);
    const before = this.#changedAt;
    this.#changedAt = new Map(
      hosts.map(({ id }) => [id, before.has(id) && changed.has(id) ? now : before.get(id)]),
    );
    this.#hostOf = hostOf;
    yield;
    yield* this.#measureBeside(hosts, changed, newest);
  }

  *#measureBeside(
    hosts: readonly HostFacts[],
    changed: ReadonlySet<HostId>,
    newest: NewestCpu,
  ): Slices<void> {
    const theirs = new Map<HostId, number>();
    let looked = 0;
    for (const [vm, host] of this.#hostOf) {
      looked += 1;
      if (looked % SLICE === 0) yield;
      theirs.set(host, (theirs.get(host) ?? 0) + (newest.ofVm(vm) ?? 0));
    }
    const present = new Set(hosts.map(({ id }) => id));
    for (const id of this.#beside.keys()) if (!present.has(id)) this.#beside.delete(id);
    for (const id of present) {
      const used = newest.ofHost(id);
      if (used === undefined || changed.has(id)) continue;
      this.#beside.set(id, Math.max(0, used - (theirs.get(id) ?? 0)));
    }
  }

  /** When a guest last came to or left the host; undefined: not since it was first seen. */
  changedAt(host: HostId): EpochSeconds | undefined {
    return this.#changedAt.get(host);
  }

  /** Undefined where no reading has told yet. */
  beside(host: HostId): number | undefined {
    return this.#beside.get(host);
  }
}

/** The newest readings of `cpu.used` that are plausible and not stale, in threads. */
export interface NewestCpu {
  ofHost(host: HostId): number | undefined;
  ofVm(vm: VmId): number | undefined;
}

/** All that a host uses goes with its guests; only its warmth stays behind. */
export function isOfGuests(metric: string): boolean {
  return metric !== (TEMPERATURE satisfies HostMetric);
}
const TEMPERATURE = 'temperature';

/**
 * CPU use of a host with the guests that it has now: the sum of their own, and what runs beside
 * them. A guest that nobody has measured (it was just started) is in that rest. At most the host's
 * threads. `besideBefore`: where the newest reading of the host covers the change of guests, what
 * it used beside them before, which is the most it can be; undefined: the newest reading tells.
 */
export function presentUse(
  window: MetricWindow,
  host: Pick<Host, 'cpu'>,
  guests: readonly Vm[],
  besideBefore: number | undefined,
): MetricWindow {
  if (window.last.kind === 'missing') return window;
  const { ageSeconds } = window.last;
  let means = 0;
  let meansNewest = 0;
  let newest = 0;
  for (const { metrics, powerState } of guests) {
    const used = metrics['cpu.used'];
    if (powerState !== 'running' || used?.last.kind !== 'known') continue;
    newest += used.last.value;
    if (used.mean.kind !== 'known') continue;
    means += used.mean.value;
    meansNewest += used.last.value;
  }
  // Before, a move may have been under way that took its part of the CPU.
  const beside = Math.min(Math.max(0, window.last.value - newest), besideBefore ?? Infinity);
  const atMost = (value: number): Measured => known(Math.min(value, host.cpu.threads), ageSeconds);
  const last = besideBefore === undefined ? window.last : atMost(newest + beside);
  if (window.mean.kind === 'missing') return { ...window, last };
  return { ...window, last, mean: atMost(means + (newest - meansNewest) + beside) };
}

/**
 * Does every target hold what it is given, at every moment? A moving VM counts on both hosts from
 * the start of its move to its end. Judged twice, by two different ways of counting: one move
 * after the other in list order, and over every interleaving that the dependencies allow.
 *
 * Only arrivals can be at fault: a host that is too full already and takes nothing is no fault of
 * the plan, one that takes more is.
 */

import {
  cpuCapacity,
  cpuDemand,
  hugePageCapacity,
  hugePageNeed,
  memoryCapacity,
  memoryNeed,
} from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { MetricWindow } from '../domain/measured.ts';
import { overcommitOf, safetyOf } from '../domain/resource-need.ts';
import { type Bytes, GIB } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';
import type { Countable } from './countable.ts';
import { namedResources } from './resources.ts';
import { type Flow, type Traffic, worstLoad } from './worst-case.ts';
import { type Step, type World, against } from './world.ts';

/** Rounding of sums in floating point, as a share of the limit. */
const TOLERANCE = 1e-9;

export function checkCapacity(world: World, steps: readonly Step[]): Violation[] {
  const residents = residentsOf(world, new Set(steps.map((step) => step.to.id)));
  return resourcesOf(world, steps).flatMap((resource) => {
    const base = baseLoads(world, resource, residents);
    const inTurn = oneAfterTheOther(resource, base, steps);
    const reported = new Set(inTurn.map((violation) => violation.index));
    const together = interleaved(world, resource, base, steps);
    return [...inTurn, ...together.filter((violation) => !reported.has(violation.index))];
  });
}

const showBytes = (amount: number): string => `${(amount / GIB).toFixed(1)} GiB`;

/** What every VM takes of every host: memory and CPU. */
export function ordinaryResources(world: World): readonly [memory: Countable, cpu: Countable] {
  const { limits } = world;
  const memory: Countable = {
    code: 'memory',
    transient: true,
    need: memoryNeed,
    own: () => 0,
    reserved: (reservation) => reservation.memoryBytes,
    limit: (host) => memoryLimit(host, limits),
    show: showBytes,
  };
  const cpu: Countable = {
    code: 'cpu',
    transient: true,
    need: (vm) => cpuNeed(world, vm),
    own: cpuBesideGuests,
    reserved: (reservation) => reservation.cpu,
    limit: (host) => cpuCapacity(host) * safetyOf(host, 'cpu', limits),
    show: (amount) => `${amount.toFixed(1)} cores`,
  };
  return [memory, cpu];
}

function memoryLimit(host: Host, limits: World['limits']): number {
  return memoryCapacity(host, overcommitOf(host, limits)) * safetyOf(host, 'memory', limits);
}

function resourcesOf(world: World, steps: readonly Step[]): Countable[] {
  const pages = new Set(steps.map((step) => hugePageNeed(step.vm)?.pageBytes));
  const huge = [...pages]
    .filter((pageBytes) => pageBytes !== undefined)
    .map((pageBytes): Countable => hugePages(pageBytes, showBytes));
  return [...ordinaryResources(world), ...huge, ...namedResources(world)];
}

function hugePages(pageBytes: Bytes, show: (amount: number) => string): Countable {
  return {
    code: 'huge-pages',
    transient: true,
    need(vm) {
      const need = hugePageNeed(vm);
      return need?.pageBytes === pageBytes ? need.bytes : 0;
    },
    own: () => 0,
    // Reservations hold ordinary memory only; the in-flight VM itself counts its pages.
    reserved: () => 0,
    limit: (host) => hugePageCapacity(host, pageBytes),
    show: (amount) => `${show(amount)} of ${pageBytes}-byte pages`,
  };
}

/** In threads of the reference speed. What is not known is taken as the most that it can be. */
function cpuNeed(world: World, vm: Vm): number {
  const demand = cpuDemand(vm);
  const threads = demand.kind === 'known' ? demand.value : vm.vcpus;
  return threads * (world.hosts.get(vm.host)?.cpu.coreSpeed ?? 1);
}

/**
 * What the host is seen to use beyond what its guests use: the hypervisor, its management. Both
 * as last measured: a mean still holds the load of guests that have left since.
 */
function cpuBesideGuests(host: Host, guests: readonly Vm[]): number {
  const used = lastOf(host.metrics['cpu.used']);
  const theirs = guests.reduce((sum, vm) => sum + lastOf(vm.metrics['cpu.used']), 0);
  return Math.max(0, used - theirs) * host.cpu.coreSpeed;
}

function lastOf(window: MetricWindow | undefined): number {
  if (window?.last.kind === 'known') return window.last.value;
  return window?.mean.kind === 'known' ? window.mean.value : 0;
}

/** Who is on the targets before the plan. */
export function residentsOf(world: World, targets: ReadonlySet<HostId>): ReadonlyMap<HostId, Vm[]> {
  const residents = new Map<HostId, Vm[]>([...targets].map((id) => [id, []]));
  for (const vm of world.snapshot.vms) residents.get(vm.host)?.push(vm);
  return residents;
}

/** What targets hold before the plan: own use, residents, arrivals in flight, reservations. */
export function baseLoads(
  world: World,
  resource: Countable,
  residents: ReadonlyMap<HostId, readonly Vm[]>,
): ReadonlyMap<HostId, number> {
  const { snapshot } = world;
  const loads = new Map<HostId, number>();
  for (const id of residents.keys()) loads.set(id, 0);
  const add = (host: HostId, amount: number): unknown =>
    residents.has(host) && loads.set(host, (loads.get(host) ?? 0) + amount);
  const leaving = new Map(snapshot.inFlight.map(({ vm, to }) => [vm, to]));
  const isGone = ({ id, host }: Vm): boolean =>
    !resource.transient && (leaving.get(id) ?? host) !== host;
  for (const [id, guests] of residents) {
    const host = world.hosts.get(id);
    for (const vm of guests) if (!isGone(vm)) add(id, resource.need(vm));
    if (host !== undefined) add(id, resource.own(host, guests));
  }
  // Who is in flight to a host, or holds a reservation there, counts once, and not if it is there.
  const counted = new Set<string>();
  const isNew = (host: HostId, vm: VmId): boolean => {
    const key = JSON.stringify([host, vm]);
    if (world.vms.get(vm)?.host === host || counted.has(key)) return false;
    counted.add(key);
    return true;
  };
  for (const flight of snapshot.inFlight) {
    const vm = world.vms.get(flight.vm);
    if (vm !== undefined && isNew(flight.to, vm.id)) add(flight.to, resource.need(vm));
  }
  // A reservation for a move of this very plan is what the plan itself asks for.
  const own = new Set(world.moves.map((move) => move.id));
  for (const reservation of snapshot.reservations) {
    if (own.has(reservation.move) || !isNew(reservation.host, reservation.vm)) continue;
    add(reservation.host, resource.reserved(reservation));
  }
  return loads;
}

function oneAfterTheOther(
  resource: Countable,
  base: ReadonlyMap<HostId, number>,
  steps: readonly Step[],
): Violation[] {
  const loads = new Map(base);
  const faults: Violation[] = [];
  for (const step of steps) {
    const need = resource.need(step.vm);
    const during = (loads.get(step.to.id) ?? 0) + need;
    if (need > 0) faults.push(...overLimit(resource, step, during, 'one move after the other'));
    loads.set(step.to.id, during);
    loads.set(step.from.id, (loads.get(step.from.id) ?? 0) - need);
  }
  return faults;
}

function interleaved(
  world: World,
  resource: Countable,
  base: ReadonlyMap<HostId, number>,
  steps: readonly Step[],
): Violation[] {
  const faults: Violation[] = [];
  const departures = Map.groupBy(steps, (step) => step.from.id);
  for (const [host, arriving] of Map.groupBy(steps, (step) => step.to.id)) {
    const flow = (step: Step): Flow => ({ at: step.at, amount: resource.need(step.vm) });
    const traffic: Traffic = {
      base: base.get(host) ?? 0,
      arrivals: arriving.map(flow),
      departures: (departures.get(host) ?? []).map(flow),
    };
    const everything = traffic.arrivals.reduce((sum, { amount }) => sum + amount, traffic.base);
    const [first] = arriving;
    if (first === undefined || fits(everything, resource.limit(first.to))) continue;
    for (const [i, step] of arriving.entries()) {
      const arrival = traffic.arrivals[i];
      if (arrival === undefined || arrival.amount <= 0) continue;
      const worst = worstLoad(traffic, arrival, world.order);
      faults.push(...overLimit(resource, step, worst, 'with all that may run beside it'));
    }
  }
  return faults;
}

/** False for NaN as well: what cannot be compared does not fit. */
export function fits(load: number, limit: number): boolean {
  return load <= limit * (1 + TOLERANCE);
}

function overLimit(resource: Countable, step: Step, load: number, when: string): Violation[] {
  const { overCpu, overSoft, tier } = step.move;
  // Said so by the plan, and for emptying a host only.
  if (resource.code === 'cpu' && overCpu === true && tier === 'mandatory') return [];
  const isBent = overSoft === true && tier === 'mandatory';
  const limit = (isBent ? resource.hardLimit?.(step.to) : undefined) ?? resource.limit(step.to);
  if (fits(load, limit)) return [];
  const detail = `${step.to.id} would hold ${resource.show(load)}, limit ${resource.show(limit)}`;
  return [against(step, resource.code, `${detail} (${when})`)];
}

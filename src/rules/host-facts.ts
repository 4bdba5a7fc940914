/**
 * The facts of the catalogue (domain/facts.ts), computed from a snapshot. Plain values, no
 * promises: a fact is a finite number, a text or a list of texts, or it is missing and says why.
 * A missing fact is never 0, '' or an empty list.
 */

import { memoryCapacity, memoryNeed } from '../domain/demand.ts';
import { RATIO_METRICS, resourceOfFact } from '../domain/facts.ts';
import {
  HEALTH_COMPONENTS,
  HEALTH_LEVELS,
  type HealthComponent,
  type HealthLevel,
  HOST_STATES,
  type Host,
} from '../domain/host.ts';
import { compareText, type HostId } from '../domain/ids.ts';
import { listed } from '../domain/listed.ts';
import { type MissingReason, STATISTICS, type Statistic } from '../domain/measured.ts';
import { HOST_METRICS, type HostMetric } from '../domain/metrics.ts';
import type { Order } from '../domain/order.ts';
import type { Limits } from '../domain/policy.ts';
import { overcommitOf, resourceNeed } from '../domain/resource-need.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Ratio } from '../domain/units.ts';

export type FactValue = number | string | readonly string[];

export type Fact =
  | { readonly kind: 'known'; readonly value: FactValue }
  | {
      readonly kind: 'missing';
      readonly reason: MissingReason;
      /** What exactly is missing, for people; absent: the fact's name says it. */
      readonly detail?: string;
    };

/** Why there is no value, for people. */
export function missingText({ reason, detail }: Extract<Fact, { kind: 'missing' }>): string {
  return detail === undefined ? reason : `${reason}, ${detail}`;
}

/** Looks a fact up by its name in the catalogue. */
export type FactLookup = (name: string) => Fact;

/** What the facts of one host are computed from. */
export interface HostWorld {
  readonly host: Host;
  readonly runningVms: number;
  /** Configured memory and overhead of the guests on it. */
  readonly neededBytes: number;
  readonly order: 'none' | 'maintenance' | 'evacuate';
  /** Guests' memory over what may be given to them; >= 1. */
  readonly overcommit: Ratio;
  /** Of the resources that the policy names: what its guests need over what it has. */
  readonly resources?: ReadonlyMap<string, Fact> | undefined;
}

type Reader = (world: HostWorld) => Fact;

/** VMs between two looks at the time. */
const SLICE = 1000;

/** One per host, in the snapshot's order. */
export function hostWorlds(
  snapshot: Snapshot,
  orders: readonly Order[],
  limits: Pick<Limits, 'overcommit'>,
): readonly HostWorld[] {
  return inOneGo(hostWorldsInSlices(snapshot, orders, limits));
}

export function* hostWorldsInSlices(
  snapshot: Snapshot,
  orders: readonly Order[],
  limits: Pick<Limits, 'overcommit'>,
): Slices<readonly HostWorld[]> {
  const running = new Map<HostId, number>();
  const needed = new Map<HostId, number>();
  for (const [at, vm] of snapshot.vms.entries()) {
    if (at % SLICE === SLICE - 1) yield;
    if (vm.powerState === 'running') running.set(vm.host, (running.get(vm.host) ?? 0) + 1);
    needed.set(vm.host, (needed.get(vm.host) ?? 0) + memoryNeed(vm));
  }
  const ordered = new Map<HostId, 'maintenance' | 'evacuate'>();
  for (const { state, kind, host } of orders) {
    // Maintenance asks for more than evacuation: where both are open it is the one to see.
    if (state === 'open' && ordered.get(host) !== 'maintenance') ordered.set(host, kind);
  }
  const resources = yield* resourceUse(snapshot);
  return snapshot.hosts.map((host) => ({
    host,
    resources: resources?.get(host.id),
    runningVms: running.get(host.id) ?? 0,
    neededBytes: needed.get(host.id) ?? 0,
    order: ordered.get(host.id) ?? 'none',
    overcommit: overcommitOf(host, limits),
  }));
}

/** Facts of one host, each computed at most once. */
export function factsOf(world: HostWorld): FactLookup {
  const seen = new Map<string, Fact>();
  return (name) => {
    const earlier = seen.get(name);
    if (earlier !== undefined) return earlier;
    const fact = READERS.get(name)?.(world) ?? resourceFact(world, name);
    seen.set(name, fact);
    return fact;
  };
}

/** What the guests of each host need of each resource, as a share; undefined: none is named. */
function* resourceUse(
  snapshot: Snapshot,
): Slices<ReadonlyMap<HostId, ReadonlyMap<string, Fact>> | undefined> {
  const { resources = [], hosts, vms } = snapshot;
  if (resources.length === 0) return undefined;
  const uses = new Map(hosts.map(({ id }) => [id, new Map<string, Fact>()]));
  for (const resource of resources) {
    // NaN: of one guest nobody knows.
    const needed = new Map<HostId, number>();
    for (const [at, vm] of vms.entries()) {
      if (at % SLICE === SLICE - 1) yield;
      const need = resourceNeed(resource, vm) ?? Number.NaN;
      needed.set(vm.host, (needed.get(vm.host) ?? 0) + need);
    }
    for (const { id } of hosts) {
      const use = needed.get(id) ?? 0;
      const capacity = resource.hosts.get(id)?.capacity;
      const isKnown = capacity !== undefined && !Number.isNaN(use);
      uses.get(id)?.set(resource.name, isKnown ? useOf(use, capacity) : missing('never-seen'));
    }
  }
  return uses;
}

/** A host that has none, and guests that need none: nothing of it is in use. */
function useOf(needed: number, capacity: number): Fact {
  return needed === 0 ? known(0) : finite(needed / capacity);
}

function resourceFact(world: HostWorld, name: string): Fact {
  const fact = world.resources?.get(resourceOfFact(name) ?? '');
  if (fact === undefined) return missing('unsupported');
  return ofGuests(world, fact);
}

/** Every fact of the catalogue; the test compares the two. */
export const READERS: ReadonlyMap<string, Reader> = makeReaders();

function makeReaders(): Map<string, Reader> {
  const readers = new Map<string, Reader>([
    ['host.memory.configured.ratio', configuredMemory],
    ['host.vms', (world) => placed(world, world.runningVms)],
    ['host.state', ({ host }) => known(host.state)],
    ['host.connection', ({ host }) => known(host.connection)],
    ['host.order', ({ order }) => known(order)],
    ['host.alerts', ({ host }) => known(alertNames(host))],
    ['host.health.worst', ({ host }) => worst(host, undefined)],
  ]);
  for (const metric of metricNames()) {
    for (const statistic of STATISTICS) {
      readers.set(`host.${metric}.${statistic}`, ({ host }) => measured(host, metric, statistic));
    }
  }
  for (const metric of RATIO_METRICS) {
    for (const statistic of STATISTICS) {
      readers.set(`host.${metric}.ratio.${statistic}`, ({ host }) =>
        share(measured(host, metric, statistic), capacityOf(host, metric)),
      );
    }
  }
  for (const component of HEALTH_COMPONENTS) {
    readers.set(`host.health.${component}`, ({ host }) => worst(host, component));
  }
  return readers;
}

function metricNames(): readonly HostMetric[] {
  return Object.keys(HOST_METRICS) as HostMetric[]; // the keys of that very table
}

function known(value: FactValue): Fact {
  return { kind: 'known', value };
}

function missing(reason: MissingReason): Fact {
  return { kind: 'missing', reason };
}

function finite(value: number): Fact {
  return Number.isFinite(value) ? known(value) : missing('implausible');
}

function measured(host: Host, metric: HostMetric, statistic: Statistic): Fact {
  const window = host.metrics[metric];
  if (window === undefined) return missing('never-seen');
  const value = window[statistic];
  return value.kind === 'known' ? finite(value.value) : value;
}

/** In the metric's own unit: threads for busy threads, all memory for used memory. */
function capacityOf(host: Host, metric: (typeof RATIO_METRICS)[number]): number {
  return metric === 'cpu.used' ? host.cpu.threads : host.memory.totalBytes;
}

function share(fact: Fact, capacity: number): Fact {
  if (fact.kind === 'missing' || typeof fact.value !== 'number') return fact;
  return capacity > 0 ? finite(fact.value / capacity) : missing('implausible');
}

/** What depends on which VMs are on the host; of a host that does not answer nobody knows. */
function placed(world: HostWorld, value: number): Fact {
  return ofGuests(world, finite(value));
}

function ofGuests({ host }: HostWorld, fact: Fact): Fact {
  if (host.connection !== 'connected') return missing('source-down');
  return host.unlistedGuests === undefined ? fact : missing('never-seen');
}

function configuredMemory(world: HostWorld): Fact {
  const capacity = memoryCapacity(world.host, world.overcommit);
  return share(placed(world, world.neededBytes), capacity);
}

function alertNames(host: Host): readonly string[] {
  return [...new Set(host.alerts.map((alert) => alert.name))].sort(compareText);
}

/**
 * The worst level that any sensor reports. No sensor is not "ok": it is unknown, and so is one that
 * reported a fault before it fell silent, unless another reports the worst there is.
 */
function worst(host: Host, component: HealthComponent | undefined): Fact {
  let level: HealthLevel | undefined;
  for (const signal of host.health) {
    if (component !== undefined && signal.component !== component) continue;
    if (level === undefined || rank(signal.level) > rank(level)) level = signal.level;
  }
  const silent = (host.silentSensors ?? [])
    .filter((sensor) => component === undefined || sensor.component === component)
    .map((sensor) => (sensor.sensor === '' ? sensor.component : sensor.sensor));
  if (silent.length > 0 && level !== 'critical') {
    return { kind: 'missing', reason: 'stale', detail: `no word of ${listed(silent)}` };
  }
  return level === undefined ? missing('never-seen') : known(level);
}

function rank(level: HealthLevel): number {
  return HEALTH_LEVELS.indexOf(level);
}

/** The texts that a fact can have; undefined: any. For the check of policies. */
export function textsOf(fact: string): readonly string[] | undefined {
  if (fact.startsWith('host.health.')) return HEALTH_LEVELS;
  return TEXTS[fact];
}

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'host.connection': ['connected', 'disconnected'],
  'host.order': ['none', 'maintenance', 'evacuate'],
  'host.state': HOST_STATES,
};

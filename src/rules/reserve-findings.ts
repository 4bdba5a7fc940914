/**
 * Hard rules about what hosts hold that the world breaks: less free than is to be preserved, guests
 * on spare hosts, too little room for the loss of hosts. Load is judged by the mean demand of the
 * guests; where that of one is not known, CPU is not judged, and the gap is told.
 */

import { isInService } from '../domain/compatibility.ts';
import { cpuCapacity, cpuDemand, memoryCapacity, memoryNeed } from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import { compareText } from '../domain/ids.ts';
import {
  type FailoverReserveRule,
  type HostRule,
  type PreserveRule,
  type SpareRule,
  keptFree,
} from '../domain/placement.ts';
import type { Limits } from '../domain/policy.ts';
import { overcommitOf, safetyOf } from '../domain/resource-need.ts';
import { assertNever } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { GIB } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import { type Breach, MAX_EVIDENCE } from './breach.ts';
import type { Gap } from './gap.ts';

export interface HostWorld {
  readonly snapshot: Snapshot;
  readonly limits: Pick<Limits, 'overcommit' | 'safetyCapacity'>;
  /** What could not be judged is added here. */
  readonly gaps: Gap[];
}

const RESOURCES = ['memory', 'cpu'] as const;
type ResourceName = (typeof RESOURCES)[number];

export function breachOfHosts(rule: HostRule, world: HostWorld): Breach | undefined {
  const named = new Set(rule.hosts);
  const hosts = world.snapshot.hosts
    .filter(({ id }) => named.has(id))
    .sort((a, b) => compareText(a.id, b.id));
  switch (rule.kind) {
    case 'preserve':
      return rule.scope === 'all'
        ? totalBreach(rule, hosts, world)
        : preserveBreach(rule, hosts, world);
    case 'spare':
      return spareBreach(rule, hosts, world);
    case 'failover-reserve':
      return failoverBreach(rule, hosts, world);
    default:
      return assertNever(rule, 'placement rule');
  }
}

function preserveBreach(
  rule: PreserveRule,
  hosts: readonly Host[],
  world: HostWorld,
): Breach | undefined {
  const guests = guestsOf(world);
  const short = hosts.flatMap((host) =>
    RESOURCES.flatMap((resource) => {
      const capacity = capacityOf(host, resource, world);
      const wanted = keptFree(rule.free[resource], capacity);
      const load = wanted > 0 ? loadOf(rule, host, resource, { guests, world }) : undefined;
      if (load === undefined || load <= capacity - wanted) return [];
      return [{ host, resource, wanted, free: capacity - load }];
    }),
  );
  const [first, ...more] = short;
  if (first === undefined) return undefined;
  return {
    rule,
    subject: more.length === 0 ? { kind: 'host', host: first.host.id } : { kind: 'fleet' },
    names: short.map(({ host, resource, wanted, free }) => {
      const has = show(resource, Math.max(0, free));
      return `${host.name} has ${has} ${resource} free, not ${show(resource, wanted)}`;
    }),
    evidence: short.slice(0, MAX_EVIDENCE).map(({ host, resource, wanted, free }) => ({
      fact: `host.${resource}.free of ${host.id}`,
      operator: 'lessThan',
      threshold: wanted,
      value: free,
    })),
  };
}

/** What those in service can hold, less what runs on all of them. */
function totalBreach(
  rule: PreserveRule,
  hosts: readonly Host[],
  world: HostWorld,
): Breach | undefined {
  const guests = guestsOf(world);
  const short = RESOURCES.flatMap((resource) => {
    const all = sum(hosts.filter(isInService).map((host) => capacityOf(host, resource, world)));
    const wanted = keptFree(rule.free[resource], all);
    if (wanted <= 0) return [];
    const loads = hosts.map((host) => loadOf(rule, host, resource, { guests, world }));
    if (loads.includes(undefined)) return [];
    const free = all - sum(loads.map((one) => one ?? 0));
    return free >= wanted ? [] : [{ resource, wanted, free }];
  });
  if (short.length === 0) return undefined;
  return {
    rule,
    subject: { kind: 'fleet' },
    names: short.map(({ resource, wanted, free }) => {
      const have = show(resource, Math.max(0, free));
      return `all together have ${have} ${resource} free, not ${show(resource, wanted)}`;
    }),
    evidence: short.map(({ resource, wanted, free }) => ({
      fact: `hosts.${resource}.free`,
      operator: 'lessThan',
      threshold: wanted,
      value: free,
    })),
  };
}

/** While another host of their clusters is out of service, spare hosts are there to be used. */
function spareBreach(
  rule: SpareRule,
  hosts: readonly Host[],
  { snapshot }: HostWorld,
): Breach | undefined {
  const spare = new Set(rule.hosts);
  const clusters = new Set(hosts.map(({ cluster }) => cluster));
  const isNeeded = snapshot.hosts.some(
    (host) => !spare.has(host.id) && clusters.has(host.cluster) && !isInService(host),
  );
  const wrong = snapshot.vms
    .filter((vm) => spare.has(vm.host) && vm.powerState !== 'off')
    .sort((a, b) => compareText(a.id, b.id));
  if (isNeeded || wrong.length === 0) return undefined;
  return {
    rule,
    subject: { kind: 'fleet' },
    names: wrong.map((vm) => `${vm.name} on ${vm.host}`),
    evidence: wrong.slice(0, MAX_EVIDENCE).map((vm) => ({
      fact: `vm.host of ${vm.id}`,
      operator: 'in',
      threshold: rule.hosts,
      value: vm.host,
    })),
  };
}

function failoverBreach(
  rule: FailoverReserveRule,
  hosts: readonly Host[],
  world: HostWorld,
): Breach | undefined {
  const guests = guestsOf(world);
  const short = RESOURCES.flatMap((resource) => {
    const limits = hosts
      .filter(isInService)
      .map((host) => {
        return capacityOf(host, resource, world) * safetyOf(host, resource, world.limits);
      })
      .sort((a, b) => b - a);
    const room = sum(limits.slice(rule.failures));
    const loads = hosts.map((host) => loadOf(rule, host, resource, { guests, world }));
    const load = loads.includes(undefined) ? undefined : sum(loads.map((one) => one ?? 0));
    return load === undefined || load <= room ? [] : [{ resource, room, load }];
  });
  if (short.length === 0) return undefined;
  return {
    rule,
    subject: { kind: 'fleet' },
    names: short.map(({ resource, room, load }) => {
      const left = `${show(resource, room)} left after the loss of ${rule.failures}`;
      return `${show(resource, load)} ${resource} in use, ${left}`;
    }),
    evidence: short.map(({ resource, room, load }) => ({
      fact: `hosts.${resource}.used`,
      operator: 'greaterThan',
      threshold: room,
      value: load,
    })),
  };
}

function capacityOf(host: Host, resource: ResourceName, { limits }: HostWorld): number {
  return resource === 'cpu' ? cpuCapacity(host) : memoryCapacity(host, overcommitOf(host, limits));
}

function guestsOf({ snapshot }: HostWorld): ReadonlyMap<string, readonly Vm[]> {
  return Map.groupBy(snapshot.vms, ({ host }) => host);
}

interface Guests {
  readonly guests: ReadonlyMap<string, readonly Vm[]>;
  readonly world: HostWorld;
}

/** What the guests of the host take; undefined: the CPU demand of one is not known. */
function loadOf(
  rule: HostRule,
  host: Host,
  resource: ResourceName,
  { guests, world }: Guests,
): number | undefined {
  const there = guests.get(host.id) ?? [];
  if (resource === 'memory') return sum(there.map(memoryNeed));
  let load = 0;
  for (const vm of there) {
    const demand = cpuDemand(vm);
    if (demand.kind === 'missing') {
      const reason = `the demand of ${vm.id} is ${demand.reason}`;
      world.gaps.push({ host: host.id, rule: rule.id, fact: 'vm.cpu.used', reason });
      return undefined;
    }
    load += demand.value * host.cpu.coreSpeed;
  }
  return load;
}

function show(resource: ResourceName, amount: number): string {
  return resource === 'cpu' ? `${amount.toFixed(1)} threads` : `${(amount / GIB).toFixed(1)} GiB`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * Hard rules about what hosts hold: room that they keep free, hosts that are kept empty, and the
 * reserve for the loss of some of them. `always` is judged over every interleaving, a moving VM
 * being on both hosts; `finally` after all moves have ended. Only arrivals can be at fault.
 */

import { isInService } from '../domain/compatibility.ts';
import type { Host } from '../domain/host.ts';
import {
  type FailoverReserveRule,
  type HostRule,
  type PreserveRule,
  type SpareRule,
  isHostRule,
  keptFree,
} from '../domain/placement.ts';
import { overcommitOf } from '../domain/resource-need.ts';
import { assertNever } from '../domain/result.ts';
import { cpuCapacity, memoryCapacity } from '../domain/demand.ts';
import type { Violation } from '../domain/violation.ts';
import { baseLoads, fits, ordinaryResources, residentsOf } from './capacity.ts';
import type { Countable } from './countable.ts';
import { type Flow, type Traffic, worstLoad } from './worst-case.ts';
import { type Step, type World, against } from './world.ts';

export function checkReserves(world: World, steps: readonly Step[]): Violation[] {
  return world.snapshot.placement
    .filter((rule) => isHostRule(rule))
    .filter(({ strength }) => strength === 'hard')
    .flatMap((rule) => judge(world, steps, rule));
}

function judge(world: World, steps: readonly Step[], rule: HostRule): Violation[] {
  switch (rule.kind) {
    case 'preserve':
      return rule.scope === 'all'
        ? judgeTotal(world, steps, rule)
        : judgePreserve(world, steps, rule);
    case 'spare':
      return judgeSpare(steps, rule);
    case 'failover-reserve':
      return judgeFailover(world, steps, rule);
    default:
      return assertNever(rule, 'placement rule');
  }
}

function judgeSpare(steps: readonly Step[], rule: SpareRule): Violation[] {
  const spare = new Set(rule.hosts);
  const last = new Map(steps.map((step) => [step.vm.id, step]));
  return steps
    .filter((step) => rule.hold === 'always' || last.get(step.vm.id) === step)
    .filter(({ to, from, vm, move }) => {
      const origin = rule.hold === 'always' ? from.id : vm.host;
      return spare.has(to.id) && !spare.has(origin) && move.tier !== 'mandatory';
    })
    .map((step) => {
      const detail = `${rule.origin}: ${step.to.id} is kept for evacuations`;
      return against(step, rule.kind, detail, { rule: rule.id });
    });
}

function judgePreserve(world: World, steps: readonly Step[], rule: PreserveRule): Violation[] {
  const named = new Set(rule.hosts);
  const arriving = Map.groupBy(
    steps.filter(({ to }) => named.has(to.id)),
    ({ to }) => to,
  );
  const [memory, cpu] = ordinaryResources(world);
  const capacityOf = {
    memory: (host: Host): number => memoryCapacity(host, overcommitOf(host, world.limits)),
    cpu: (host: Host): number => cpuCapacity(host),
  };
  const asked = [
    { resource: memory, room: rule.free.memory, capacity: capacityOf.memory },
    { resource: cpu, room: rule.free.cpu, capacity: capacityOf.cpu },
  ];
  return asked.flatMap(({ resource, room, capacity }) => {
    if (room === undefined) return [];
    const base = baseLoads(world, resource, residentsOf(world, named));
    return [...arriving].flatMap(([host, arrivals]) => {
      const most = capacity(host) - keptFree(room, capacity(host));
      const before = base.get(host.id) ?? 0;
      const departures = steps.filter(({ from }) => from.id === host.id);
      // Said so by the plan: a guest that gets less CPU is slow, one on a dying host is lost.
      const isExcused = ({ move }: Step): boolean =>
        resource.code === 'cpu' && move.overCpu === true && move.tier === 'mandatory';
      const over = overloads(world, { resource, rule, before, arrivals, departures, most });
      return over
        .filter((step) => !isExcused(step))
        .map((step) => {
          const detail = `${rule.origin}: ${host.id} would hold more than ${resource.show(most)}`;
          return against(step, rule.kind, detail, { rule: rule.id });
        });
    });
  });
}

/** What all together keep free; moves among them take nothing of it. */
function judgeTotal(world: World, steps: readonly Step[], rule: PreserveRule): Violation[] {
  const named = new Set(rule.hosts);
  const arrivals = steps.filter(({ from, to }) => named.has(to.id) && !named.has(from.id));
  if (arrivals.length === 0) return [];
  const departures = steps.filter(({ from, to }) => named.has(from.id) && !named.has(to.id));
  const hosts = [...named].flatMap((id) => world.hosts.get(id) ?? []).filter(isInService);
  const [memory, cpu] = ordinaryResources(world);
  const holds = {
    memory: sum(hosts.map((host) => memoryCapacity(host, overcommitOf(host, world.limits)))),
    cpu: sum(hosts.map(cpuCapacity)),
  };
  const asked = [
    { resource: memory, room: rule.free.memory, all: holds.memory },
    { resource: cpu, room: rule.free.cpu, all: holds.cpu },
  ];
  return asked.flatMap(({ resource, room, all }) => {
    if (room === undefined) return [];
    const before = sum(baseLoads(world, resource, residentsOf(world, named)).values());
    const most = all - keptFree(room, all);
    const isExcused = ({ move }: Step): boolean =>
      resource.code === 'cpu' && move.overCpu === true && move.tier === 'mandatory';
    return overloads(world, { resource, rule, before, arrivals, departures, most })
      .filter((step) => !isExcused(step))
      .map((step) => {
        const detail = `${rule.origin}: they would hold more than ${resource.show(most)} together`;
        return against(step, rule.kind, detail, { rule: rule.id });
      });
  });
}

/** Mandatory moves may use the reserve; others have to leave it as it is without them. */
function judgeFailover(
  world: World,
  steps: readonly Step[],
  rule: FailoverReserveRule,
): Violation[] {
  const named = new Set(rule.hosts);
  const arrivals = steps.filter(({ from, to, move }) => {
    return named.has(to.id) && !named.has(from.id) && move.tier !== 'mandatory';
  });
  if (arrivals.length === 0) return [];
  const departures = steps.filter(({ from, to }) => named.has(from.id) && !named.has(to.id));
  const hosts = [...named].flatMap((id) => world.hosts.get(id) ?? []);
  return ordinaryResources(world).flatMap((resource) => {
    const before = sum(baseLoads(world, resource, residentsOf(world, named)).values());
    const most = roomAfterLoss(hosts, resource, rule.failures);
    return overloads(world, { resource, rule, before, arrivals, departures, most }).map((step) => {
      const left = `${resource.show(most)} after the loss of ${rule.failures} of the hosts`;
      const detail = `${rule.origin}: they would hold more than ${left}`;
      return against(step, rule.kind, detail, { rule: rule.id });
    });
  });
}

/** What the hosts that are in service may hold when the largest of them are lost. */
function roomAfterLoss(hosts: readonly Host[], resource: Countable, failures: number): number {
  const smallestFirst = hosts
    .filter(isInService)
    .map((host) => resource.limit(host))
    .sort((a, b) => a - b);
  return sum(smallestFirst.slice(0, Math.max(0, smallestFirst.length - failures)));
}

interface Crowding {
  readonly resource: Countable;
  readonly rule: HostRule;
  /** Held before the plan starts. */
  readonly before: number;
  readonly arrivals: readonly Step[];
  readonly departures: readonly Step[];
  readonly most: number;
}

/** The arrivals with which more than `most` would be held. */
function overloads(world: World, crowding: Crowding): Step[] {
  const { resource, rule, before, arrivals, departures, most } = crowding;
  const flow = (step: Step): Flow => ({ at: step.at, amount: resource.need(step.vm) });
  const traffic: Traffic = {
    base: before,
    arrivals: arrivals.map(flow),
    departures: departures.map(flow),
  };
  const amounts = (flows: readonly Flow[]): number => sum(flows.map(({ amount }) => amount));
  const end = before + amounts(traffic.arrivals) - amounts(traffic.departures);
  return arrivals.filter((step) => {
    const arrival = flow(step);
    const held = rule.hold === 'always' ? worstLoad(traffic, arrival, world.order) : end;
    return arrival.amount > 0 && !fits(held, most);
  });
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

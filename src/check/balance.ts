/**
 * What a plan says of pairs of resources (`weights.balance`): the standard deviation over hosts of
 * the difference of their shares in use, reckoned anew from the snapshot, before the plan and after
 * it. Only where all of it is known: what is in flight, or not measured, is counted by the planner
 * in ways of its own, and nobody is harmed by that figure. That what the moves are said to change
 * comes to the whole is asked in any case.
 */

import { cpuCapacity, cpuDemand, memoryCapacity } from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import { overcommitOf } from '../domain/resource-need.ts';
import type { BalanceWeight } from '../domain/resource-spec.ts';
import type { Violation } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';
import { ordinaryResources } from './capacity.ts';
import type { Step, World } from './world.ts';

/**
 * The same sums in another order differ by less, for a weight of 1. Where all hosts are alike the
 * planner's root of a difference of sums is up to 2e-7 off (1,000 hosts).
 */
const ROUNDING = 1e-6;

export function checkBalance(world: World, steps: readonly Step[]): Violation[] {
  const { weights, plan } = world;
  const pairs = (weights?.balance ?? []).flatMap((pair) => weighedPair(world, pair));
  // Where a step is missing, the structure check tells why.
  if (pairs.length === 0 || steps.length !== plan.moves.length) return [];
  const said = own(plan.objective.terms, 'balance') ?? { before: Number.NaN, after: Number.NaN };
  const byMoves = steps.reduce(
    (sum, { move }) => sum + (own(move.reason.terms, 'balance') ?? Number.NaN),
    0,
  );
  const allowed = ROUNDING * Math.max(1, ...pairs.map(({ weight }) => weight * pairs.length));
  const differing = (what: string, claim: number, is: number): Violation[] =>
    isClose(claim, is, allowed) ? [] : [fault(`${what} ${claim}, and that is ${is}`)];
  const faults = differing('the moves are said to change', byMoves, said.after - said.before);
  if (!isKnown(world)) return faults;
  const end = new Map(steps.map(({ vm, to }) => [vm.id, to.id]));
  const at = (vm: Vm): HostId => end.get(vm.id) ?? vm.host;
  return [
    ...faults,
    ...differing(
      'before it is said to be',
      said.before,
      valueOf(world, pairs, ({ host }) => host),
    ),
    ...differing('after it is said to be', said.after, valueOf(world, pairs, at)),
  ];
}

/** Written so that what is not a number is no match. */
function isClose(said: number, is: number, allowed: number): boolean {
  return Math.abs(said - is) <= allowed * Math.max(1, Math.abs(is));
}

function fault(detail: string): Violation {
  const nobody = { index: undefined, move: undefined, vm: undefined };
  return { code: 'balance', ...nobody, host: undefined, rule: undefined, detail };
}

/** How a resource is counted: what a host has, what a VM takes, what the host takes itself. */
interface Measure {
  capacity(host: Host): number;
  need(vm: Vm): number;
  own(host: Host, guests: readonly Vm[]): number;
}

interface WeighedPair {
  readonly weight: number;
  readonly of: readonly [Measure, Measure];
}

/** Nothing where it has no weight, or names what the policy does not. */
function weighedPair(world: World, { resources, weight }: BalanceWeight): WeighedPair[] {
  const [first, second] = resources.map((name) => measureOf(world, name));
  if (weight <= 0 || first === undefined || second === undefined) return [];
  return [{ weight, of: [first, second] }];
}

function measureOf(world: World, name: string): Measure | undefined {
  const [memory, cpu] = ordinaryResources(world);
  if (name === 'cpu') return { ...cpu, capacity: cpuCapacity };
  if (name === 'memory') {
    const capacity = (host: Host): number => {
      return memoryCapacity(host, overcommitOf(host, world.limits));
    };
    return { ...memory, capacity };
  }
  const resource = world.snapshot.resources?.find((one) => one.name === name);
  return (
    resource && {
      capacity: ({ id }) => resource.hosts.get(id)?.capacity ?? 0,
      need: ({ id, powerState }) => (powerState === 'off' ? 0 : (resource.vms.get(id) ?? 0)),
      own: () => 0,
    }
  );
}

function isKnown({ snapshot }: World): boolean {
  const { vms, hosts, inFlight, reservations } = snapshot;
  const isMeasured = ({ metrics }: Host): boolean => {
    return metrics['cpu.used']?.last.kind === 'known' && metrics['cpu.used'].mean.kind === 'known';
  };
  if (inFlight.length > 0 || reservations.length > 0 || !hosts.every(isMeasured)) return false;
  return vms.every((vm) => cpuDemand(vm).kind === 'known');
}

function valueOf(world: World, pairs: readonly WeighedPair[], at: (vm: Vm) => HostId): number {
  const { hosts, vms } = world.snapshot;
  const before = Map.groupBy(vms, ({ host }) => host);
  const there = Map.groupBy(vms, at);
  const share = (of: Measure, host: Host): number => {
    const room = of.capacity(host);
    if (room <= 0) return 0;
    const theirs = (there.get(host.id) ?? []).reduce((sum, vm) => sum + of.need(vm), 0);
    return (of.own(host, before.get(host.id) ?? []) + theirs) / room;
  };
  return pairs.reduce((sum, { weight, of: [first, second] }) => {
    const having = hosts.filter((host) => first.capacity(host) > 0);
    return sum + weight * deviation(having.map((host) => share(first, host) - share(second, host)));
  }, 0);
}

function deviation(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / values.length);
}

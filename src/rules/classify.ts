/**
 * Snapshot + policies → the same snapshot with each VM's criticality, permission and cost, and the
 * placement rules and resources resolved to VMs and hosts. Pure; the order of rules and files does
 * not matter: the nearest rule decides (see selector.ts), and among equally near ones the careful
 * answer does, the higher criticality, the smaller permission and the higher cost.
 */

import type { Host } from '../domain/host.ts';
import { compareText, type HostId, ruleId, type VmId } from '../domain/ids.ts';
import type { PlacementRule } from '../domain/placement.ts';
import type { PlacementSpec, PolicySet, Selector } from '../domain/policy.ts';
import { assertNever } from '../domain/result.ts';
import { inOneGo, mapInSlices, type Slices } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { CRITICALITIES, PERMISSIONS, type Vm } from '../domain/vm.ts';
import { globMatches } from './glob.ts';
import { resolveMoveCosts } from './move-costs.ts';
import { ownIn } from './own-vms.ts';
import { withResources } from './resources.ts';
import { matches, nearness, select, type Selectable, selectableVm } from './selector.ts';

/** VMs between two looks at the time. */
const SLICE = 1000;

/** A VM that no rule speaks of stays what it is: what the fleet file or the collector says. */
export function classify(snapshot: Snapshot, policies: PolicySet): Snapshot {
  return inOneGo(classifyInSlices(snapshot, policies));
}

export function* classifyInSlices(snapshot: Snapshot, policies: PolicySet): Slices<Snapshot> {
  const hosts = new Map<HostId, Host>(snapshot.hosts.map((host) => [host.id, host]));
  const selectables = yield* mapInSlices(snapshot.vms, SLICE, (vm) =>
    selectableVm(vm, hosts.get(vm.host)),
  );
  const criticality = ranked(policies.criticality, (rule) => rule.criticality, CRITICALITIES);
  const permission = ranked(policies.permissions, (rule) => rule.permission, PERMISSIONS);
  const factors = policies.costs.map(({ factor }) => factor).sort((a, b) => b - a);
  const costs = ranked(policies.costs, (rule) => rule.factor, factors);
  const moveCosts = resolveMoveCosts(snapshot, policies, selectables);
  yield;
  const vms = yield* mapInSlices(snapshot.vms, SLICE, (vm, index) => ({
    ...vm,
    criticality: decide(criticality, selectables[index]) ?? vm.criticality,
    permission: decide(permission, selectables[index]) ?? vm.permission,
    moveFactor: decide(costs, selectables[index]) ?? vm.moveFactor,
    ...ownIn(policies.own, vm, selectables[index]),
    ...withoutLocks(vm, policies.hostFailure),
  }));
  const placement = yield* resolvePlacement(snapshot, policies.placement, selectables);
  const counted = withResources(snapshot, policies.resources, selectables);
  return { ...counted, vms, placement, ...(moveCosts && { moveCosts }) };
}

/** Without locks a second copy of a guest destroys its disks: the policy has to say so then. */
function withoutLocks(vm: Vm, settings: PolicySet['hostFailure']): Pick<Vm, 'noRestart'> {
  if (settings.restart === 'never' || !settings.requireStorageLocks) return {};
  const { storagesWithLocks: patterns } = settings;
  const isLocked = (storage: string): boolean => patterns.some((one) => globMatches(one, storage));
  const open = vm.disks.find(({ storage }) => !isLocked(storage));
  return open === undefined ? {} : { noRestart: `${open.storage} is not known to lock disks` };
}

interface RankedRule<Value> {
  readonly vms: Selector;
  readonly value: Value;
}

/** Sorted so that the first rule that matches decides. `careful`: the most careful value first. */
function ranked<Rule extends { readonly vms: Selector }, Value>(
  rules: readonly Rule[],
  valueOf: (rule: Rule) => Value,
  careful: readonly Value[],
): readonly RankedRule<Value>[] {
  return rules
    .map((rule) => ({ vms: rule.vms, value: valueOf(rule) }))
    .sort(
      (a, b) =>
        nearness(b.vms) - nearness(a.vms) || careful.indexOf(a.value) - careful.indexOf(b.value),
    );
}

function decide<Value>(
  rules: readonly RankedRule<Value>[],
  subject: Selectable | undefined,
): Value | undefined {
  if (subject === undefined) return undefined;
  return rules.find((rule) => matches(rule.vms, subject))?.value;
}

/** The fleet file's rules and the policies', by id. */
function* resolvePlacement(
  snapshot: Snapshot,
  specs: readonly PlacementSpec[],
  selectables: readonly Selectable[],
): Slices<readonly PlacementRule[]> {
  const taken = new Set<string>(snapshot.placement.map((rule) => rule.id));
  const resolved = yield* mapInSlices(specs, 1, (spec) => {
    const id = taken.has(spec.id) ? `${spec.id} (${spec.origin})` : spec.id;
    return resolve({ ...spec, id }, snapshot, selectables);
  });
  return [...snapshot.placement, ...resolved].sort((a, b) => compareText(a.id, b.id));
}

/** Without a selector nobody is named: a pin then allows no host, and an avoid forbids none. */
function resolve(
  spec: PlacementSpec,
  snapshot: Snapshot,
  selectables: readonly Selectable[],
): PlacementRule {
  const { kind, strength, hold, origin, over = 'host' } = spec;
  const vmsOf = (selector: Selector | undefined): VmId[] =>
    selector === undefined ? [] : select(selector, snapshot.vms, selectables);
  const hostsOf = (selector: Selector | undefined): HostId[] =>
    selector === undefined ? [] : select(selector, snapshot.hosts, snapshot.hosts);
  const common = { id: ruleId(spec.id), strength, hold, origin, vms: vmsOf(spec.vms) };
  switch (kind) {
    case 'affinity':
    case 'anti-affinity':
      return { ...common, kind, over };
    case 'pin':
    case 'avoid':
      return { ...common, kind, hosts: hostsOf(spec.hosts) };
    case 'spread':
      return { ...common, kind, over, minimum: spec.minimum ?? 2 };
    case 'lonely':
      return { ...common, kind };
    case 'among':
      return { ...common, kind, sets: (spec.sets ?? []).map(hostsOf) };
    case 'dependency':
      return { ...common, kind, on: vmsOf(spec.on), over };
    case 'licensed': {
      const hosts = spec.hosts && hostsOf(spec.hosts);
      return { ...common, kind, ...(hosts && { hosts }), maximum: spec.maximum ?? 1 };
    }
    case 'preserve': {
      const { free = {}, scope } = spec;
      return { ...common, kind, hosts: hostsOf(spec.hosts), free, ...(scope && { scope }) };
    }
    case 'spare':
      return { ...common, kind, hosts: hostsOf(spec.hosts) };
    case 'failover-reserve':
      return { ...common, kind, hosts: hostsOf(spec.hosts), failures: spec.failures ?? 1 };
    default:
      return assertNever(kind, 'placement rule');
  }
}

/**
 * Placement rules that the world breaks at this moment → one finding per rule: corrective for a
 * hard one, optional for a soft one. A
 * VM that is powered off breaks nothing, and a host without the rule's fault domain can be
 * compared with nobody: that is a gap, not a breach.
 */

import { listed } from '../domain/listed.ts';
import type { Evidence, Finding } from '../domain/finding.ts';
import { compareText, type HostId, type VmId } from '../domain/ids.ts';
import type {
  AffinityRule,
  AmongRule,
  AntiAffinityRule,
  DependencyRule,
  LicensedRule,
  LonelyRule,
  SpreadRule,
  VmRule,
} from '../domain/placement.ts';
import { isHostRule } from '../domain/placement.ts';
import type { Limits } from '../domain/policy.ts';
import { assertNever } from '../domain/result.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import { makeFindingId } from './finding-id.ts';
import type { Gap } from './gap.ts';
import { type Breach, MAX_EVIDENCE } from './breach.ts';
import { breachOfHosts } from './reserve-findings.ts';

interface World {
  readonly snapshot: Snapshot;
  readonly gaps: Gap[];
}

/** Every rule that is broken now, by id. */
export function breaches(
  snapshot: Snapshot,
  limits: Pick<Limits, 'overcommit' | 'safetyCapacity'>,
): {
  readonly broken: readonly Breach[];
  readonly gaps: readonly Gap[];
} {
  const world: World = { snapshot, gaps: [] };
  const broken: Breach[] = [];
  const rules = [...snapshot.placement].sort((a, b) => compareText(a.id, b.id));
  for (const rule of rules) {
    const breach = isHostRule(rule)
      ? breachOfHosts(rule, { snapshot, limits, gaps: world.gaps })
      : breachOf(rule, world);
    if (breach !== undefined) broken.push(breach);
  }
  return { broken, gaps: world.gaps };
}

/** `since`: when the rule was first seen broken. */
export function breachFinding(breach: Breach, since: EpochSeconds): Finding {
  const { rule, subject, names, evidence } = breach;
  const isSoft = rule.strength === 'soft';
  const who = listed(names, MAX_NAMES);
  return {
    id: makeFindingId('placement', rule.id),
    kind: 'rule-broken',
    response: 'repair',
    tier: isSoft ? 'optional' : 'corrective',
    subject,
    trigger: { kind: 'placement', rule: rule.id },
    since,
    evidence,
    text: `${isSoft ? 'soft rule' : 'rule'} ${rule.id} (${rule.kind}) is broken: ${who}`,
    relieveBelow: undefined,
    deadline: undefined,
  };
}

const MAX_NAMES = 4;

function breachOf(rule: VmRule, world: World): Breach | undefined {
  const members = [...new Set(rule.vms)]
    .map((id) => vmOf(world.snapshot, id))
    .filter((vm) => vm !== undefined)
    .filter((vm) => vm.powerState !== 'off')
    .sort((a, b) => compareText(a.id, b.id));
  switch (rule.kind) {
    case 'pin':
    case 'avoid': {
      const named = new Set(rule.hosts);
      const wrong = members.filter((vm) => named.has(vm.host) === (rule.kind === 'avoid'));
      const operator = rule.kind === 'avoid' ? 'in' : 'notIn';
      return breach(rule, wrong, (vm) => ({ operator, threshold: rule.hosts, value: vm.host }));
    }
    case 'among':
      return amongBreach(rule, members);
    case 'spread':
      return spreadBreach(rule, members, world);
    case 'licensed':
      return licensedBreach(rule, members);
    case 'lonely':
      return lonelyBreach(rule, members, world);
    case 'dependency':
      return dependencyBreach(rule, members, world);
    case 'affinity':
    case 'anti-affinity':
      return domainBreach(rule, members, world);
    default:
      return assertNever(rule, 'placement rule');
  }
}

function domainBreach(
  rule: AffinityRule | AntiAffinityRule,
  members: readonly Vm[],
  world: World,
): Breach | undefined {
  const domains = new Map<string, Vm[]>();
  for (const vm of members) {
    const domain = domainOf(rule.over, vm.host, world);
    if (domain === undefined) {
      const reason = `the host has no fault domain '${rule.over}'`;
      world.gaps.push({ host: vm.host, rule: rule.id, fact: rule.over, reason });
      continue;
    }
    const there = domains.get(domain);
    if (there === undefined) domains.set(domain, [vm]);
    else there.push(vm);
  }
  if (rule.kind === 'anti-affinity') {
    const crowded = [...domains].filter(([, vms]) => vms.length > 1);
    const at = new Map(crowded.flatMap(([domain, vms]) => vms.map((vm) => [vm.id, domain])));
    const wrong = crowded.flatMap(([, vms]) => vms);
    return breach(rule, wrong, (vm) => {
      const domain = at.get(vm.id);
      return { operator: 'equal', threshold: domain, value: domain };
    });
  }
  if (domains.size < 2) return undefined;
  // Together where most already are; among equals, the first by name.
  const [most] = [...domains].sort(([a, x], [b, y]) => y.length - x.length || compareText(a, b));
  const wrong = members.filter((vm) => {
    const domain = domainOf(rule.over, vm.host, world);
    return domain !== undefined && domain !== most?.[0];
  });
  return breach(rule, wrong, (vm) => ({
    operator: 'notEqual',
    threshold: most?.[0],
    value: domainOf(rule.over, vm.host, world),
  }));
}

/** Outside of all sets, or in another one than most (among equals, the first) are. */
function amongBreach(rule: AmongRule, members: readonly Vm[]): Breach | undefined {
  const setOf = (vm: Vm): number => rule.sets.findIndex((set) => set.includes(vm.host));
  const sizes = rule.sets.map((_set, n) => members.filter((vm) => setOf(vm) === n).length);
  const most = sizes.indexOf(Math.max(...sizes));
  const wrong = members.filter((vm) => setOf(vm) !== most || most < 0);
  const threshold = rule.sets[most];
  return breach(rule, wrong, (vm) => ({ operator: 'notIn', threshold, value: vm.host }));
}

/** On hosts without a licence, or (where too many are in use) not on those with most members. */
function licensedBreach(rule: LicensedRule, members: readonly Vm[]): Breach | undefined {
  const licensed = rule.hosts && new Set(rule.hosts);
  const covered = members.filter(({ host }) => licensed?.has(host) !== false);
  const kept = [...Map.groupBy(covered, ({ host }) => host)]
    .sort(([a, x], [b, y]) => y.length - x.length || compareText(a, b))
    .slice(0, rule.maximum)
    .map(([host]) => host);
  const wrong = members.filter(({ host }) => !kept.includes(host));
  return breach(rule, wrong, (vm) => ({ operator: 'notIn', threshold: kept, value: vm.host }));
}

/** In too few domains: all who share one with another, of whom some have to leave. */
function spreadBreach(rule: SpreadRule, members: readonly Vm[], world: World): Breach | undefined {
  const domains = Map.groupBy(members, (vm) => domainOf(rule.over, vm.host, world));
  const unknown = domains.get(undefined) ?? [];
  domains.delete(undefined);
  for (const vm of unknown) {
    const reason = `the host has no fault domain '${rule.over}'`;
    world.gaps.push({ host: vm.host, rule: rule.id, fact: rule.over, reason });
  }
  // Those that run are to be as far apart as they can; no move of theirs makes up for who is off.
  const reachable = Math.max(members.length, rule.minimum - offOf(rule, world));
  const wanted = Math.min(rule.minimum, reachable);
  if (members.length === 0 || domains.size >= wanted) return undefined;
  const crowded = [...domains.values()].filter((vms) => vms.length > 1).flat();
  const wrong = crowded.length > 0 ? crowded : members;
  return breach(rule, wrong, () => ({
    operator: 'lessThan',
    threshold: wanted,
    value: domains.size,
  }));
}

function offOf({ vms }: SpreadRule, { snapshot }: World): number {
  return [...new Set(vms)].filter((id) => vmOf(snapshot, id)?.powerState === 'off').length;
}

/** The members who have company, and their hosts. */
function lonelyBreach(rule: LonelyRule, members: readonly Vm[], world: World): Breach | undefined {
  const own = new Set<VmId>(rule.vms);
  const company = new Map<HostId, VmId>();
  for (const vm of world.snapshot.vms) {
    if (!own.has(vm.id) && vm.powerState !== 'off') company.set(vm.host, vm.id);
  }
  const wrong = members.filter((vm) => company.has(vm.host));
  const operator = 'notIn';
  return breach(rule, wrong, (vm) => ({
    operator,
    threshold: rule.vms,
    value: company.get(vm.host),
  }));
}

/** Those who run without any of the VMs that they need in their domain. */
function dependencyBreach(
  rule: DependencyRule,
  members: readonly Vm[],
  world: World,
): Breach | undefined {
  const needed = rule.on
    .flatMap((id) => vmOf(world.snapshot, id) ?? [])
    .filter((vm) => vm.powerState !== 'off');
  const wrong = members.filter((vm) => {
    const domain = domainOf(rule.over, vm.host, world);
    if (domain !== undefined) {
      const isBeside = (other: Vm): boolean => domainOf(rule.over, other.host, world) === domain;
      return !needed.some((other) => other.id !== vm.id && isBeside(other));
    }
    const reason = `the host has no fault domain '${rule.over}'`;
    world.gaps.push({ host: vm.host, rule: rule.id, fact: rule.over, reason });
    return false;
  });
  const threshold = [...new Set(needed.map(({ host }) => host))].sort(compareText);
  return breach(rule, wrong, (vm) => ({ operator: 'notIn', threshold, value: vm.host }));
}

function domainOf(over: string, host: HostId, world: World): string | undefined {
  if (over === 'host') return host;
  const domains = hostOf(world.snapshot, host)?.faultDomains ?? {};
  return Object.hasOwn(domains, over) ? domains[over] : undefined;
}

function breach(
  rule: VmRule,
  wrong: readonly Vm[],
  evidenceOf: (vm: Vm) => Omit<Evidence, 'fact'>,
): Breach | undefined {
  if (wrong.length === 0) return undefined;
  const vms = [...wrong].sort((a, b) => compareText(a.id, b.id));
  const where = 'over' in rule ? rule.over : 'host';
  const evidence = vms
    .slice(0, MAX_EVIDENCE)
    .map((vm) => ({ fact: `vm.${where} of ${vm.id}`, ...evidenceOf(vm) }));
  const [only] = vms;
  const subject =
    only !== undefined && vms.length === 1
      ? ({ kind: 'vm', vm: only.id } as const)
      : ({ kind: 'fleet' } as const);
  return { rule, subject, names: vms.map((vm) => `${vm.name} on ${vm.host}`), evidence };
}

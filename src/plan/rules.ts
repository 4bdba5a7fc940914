/**
 * Placement rules in the search's terms (rules/rule.ts says what a rule is asked). A rule is told
 * of every move and of every move taken back.
 *
 * `always` rules are judged against everybody who is there or may be on the way (gross counts);
 * `finally` rules, and questions that may rely on earlier moves, against the end (net counts).
 * A host without the rule's fault domain is refused as a target, and a member that stands on one
 * counts as being beside everybody: unknown is never apart.
 */

import { compareText } from '../domain/ids.ts';
import type { PlacementKind, PlacementRule } from '../domain/placement.ts';
import { assertNever } from '../domain/result.ts';
import {
  AFFINITY,
  AMONG,
  ANTI_AFFINITY,
  AVOID,
  DEPENDENCY,
  FAILOVER_RESERVE,
  LICENSED,
  LONELY,
  PIN,
  PRESERVE,
  SPARE,
  SPREAD,
} from './codes.ts';
import type { Model } from './model.ts';
import { apartRule } from './rules/apart.ts';
import { dependencyRule } from './rules/dependency.ts';
import { type Domains, countMembers, domainsOf, domainsOfSets } from './rules/domains.ts';
import { hostRule } from './rules/hosts.ts';
import { licensedRule } from './rules/licensed.ts';
import { lonelyRule } from './rules/lonely.ts';
import { failoverRule, totalPreserveRule } from './rules/pooled.ts';
import { preserveRule } from './rules/preserve.ts';
import { type Answers, type CompiledRule, countedStrain } from './rules/rule.ts';
import { spareRule } from './rules/spare.ts';
import { spreadRule } from './rules/spread.ts';
import { togetherRule } from './rules/together.ts';

export interface RuleSet {
  readonly hard: readonly CompiledRule[];
  readonly soft: readonly CompiledRule[];
  /** Per VM: its rules; undefined for the many that have none. */
  readonly hardOf: readonly (readonly CompiledRule[] | undefined)[];
  readonly softOf: readonly (readonly CompiledRule[] | undefined)[];
}

export function compileRules(model: Model, placement: readonly PlacementRule[]): RuleSet {
  const domains = new Map<string, Domains>();
  const sorted = [...placement].sort((a, b) => compareText(a.id, b.id));
  const hard: CompiledRule[] = [];
  const soft: CompiledRule[] = [];
  const none = (): undefined => undefined;
  const hardOf: (CompiledRule[] | undefined)[] = model.vms.map(none);
  const softOf: (CompiledRule[] | undefined)[] = model.vms.map(none);
  for (const rule of sorted) {
    const compiled = compile(model, rule, domains);
    const isHard = rule.strength === 'hard';
    (isHard ? hard : soft).push(compiled);
    const asked = compiled.everyone ? model.vms.keys() : compiled.members;
    for (const v of asked) ((isHard ? hardOf : softOf)[v] ??= []).push(compiled);
  }
  return { hard, soft, hardOf, softOf };
}

/** Kinds that say of those who run where they are to be; apart one is kept from any other. */
const OF_THOSE_WHO_RUN: ReadonlySet<PlacementKind> = new Set([
  'affinity',
  'among',
  'licensed',
  'spread',
]);

/** One that is off holds nobody. */
function counts(model: Model, { kind }: PlacementRule, v: number): boolean {
  if ((model.home[v] ?? -1) < 0) return false;
  return model.vms[v]?.powerState !== 'off' || !OF_THOSE_WHO_RUN.has(kind);
}

function compile(model: Model, rule: PlacementRule, made: Map<string, Domains>): CompiledRule {
  const named = rule.kind === 'dependency' ? [...rule.vms, ...rule.on] : rule.vms;
  const present = [...new Set(named)].map((id) => model.vmIndex.get(id) ?? -1);
  const members = present.filter((v) => v >= 0 && counts(model, rule, v));
  members.sort((a, b) => a - b);
  const asRule = (code: number, answers: Answers): CompiledRule => ({
    id: rule.id,
    rule,
    code,
    members,
    everyone: false,
    yields: 'never',
    limits: [],
    collides: () => false,
    count: () => undefined,
    strain: countedStrain(answers.broken),
    ...answers,
  });
  switch (rule.kind) {
    case 'anti-affinity': {
      const counts = countMembers(model, members, domainsOf(model, rule.over, made), true);
      const movers = (): readonly number[] => cheapestFirst(model, members);
      return asRule(ANTI_AFFINITY, { ...apartRule(rule, members, counts), movers });
    }
    case 'affinity': {
      const counts = countMembers(model, members, domainsOf(model, rule.over, made), false);
      return asRule(AFFINITY, togetherRule(rule, members, counts));
    }
    case 'among': {
      const counts = countMembers(model, members, domainsOfSets(model, rule.sets), false);
      return asRule(AMONG, togetherRule(rule, members, counts));
    }
    case 'spread': {
      const movers = (): readonly number[] => cheapestFirst(model, members);
      const domains = domainsOf(model, rule.over, made);
      return asRule(SPREAD, { ...spreadRule(model, rule, members, domains), movers });
    }
    case 'lonely':
      return asRule(LONELY, lonelyRule(model, rule, members));
    case 'licensed': {
      const movers = (): readonly number[] => cheapestFirst(model, members);
      return asRule(LICENSED, { ...licensedRule(model, rule, members), movers });
    }
    case 'pin':
      return asRule(PIN, hostRule(model, members, rule.hosts, true));
    case 'avoid':
      return asRule(AVOID, hostRule(model, members, rule.hosts, false));
    case 'dependency':
      return asRule(DEPENDENCY, dependencyRule(model, rule, domainsOf(model, rule.over, made)));
    case 'preserve':
      return asRule(
        PRESERVE,
        (rule.scope === 'all' ? totalPreserveRule : preserveRule)(model, rule),
      );
    case 'spare':
      return asRule(SPARE, spareRule(model, rule));
    case 'failover-reserve':
      return asRule(FAILOVER_RESERVE, failoverRule(model, rule));
    default:
      return assertNever(rule, 'placement rule');
  }
}

function cheapestFirst({ cost }: Model, vms: readonly number[]): readonly number[] {
  return vms.toSorted((a, b) => (cost[a] ?? 0) - (cost[b] ?? 0) || a - b);
}

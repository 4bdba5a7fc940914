/**
 * Hard rules that contradict each other, found before the search and named: which rules, where they
 * are written, whom they leave no way. Certain where it is said; what is not looked for stands in
 * propagate.ts. Rules that share no VM cannot contradict each other, so they are looked at in
 * separate parts, each as a whole first; only where that shows a conflict are rules left out, ever
 * smaller parts of them, until none can be (deletion filter: Chinneck, "Feasibility and
 * Infeasibility in Optimization", 2008).
 */

import { isHostRule } from '../../domain/placement.ts';
import type { Contradiction } from '../../domain/plan.ts';
import type { CompiledRule } from '../rules/rule.ts';
import type { Setting } from '../setting.ts';
import type { Conflict } from './leeway.ts';
import { findConflict } from './propagate.ts';
import { World } from './world.ts';

/** More than this, and the first ones should be mended before the others are read. */
const MOST_TOLD = 20;

/** O(members of all rules) where there is none and rules do not share VMs. */
export function findContradictions(setting: Setting): readonly Contradiction[] {
  const world = new World(setting);
  const found: Contradiction[] = [];
  /** What is left of the rules when one of each conflict among them is taken out. */
  const sift = (all: readonly CompiledRule[]): readonly CompiledRule[] => {
    let rules = all;
    while (found.length < MOST_TOLD && findConflict(world, rules, true) !== undefined) {
      const sized = findConflict(world, rules, false) === undefined;
      const culprits = smallest(rules, (some) => findConflict(world, some, sized) !== undefined);
      const conflict = findConflict(world, culprits, sized);
      if (conflict === undefined) break;
      found.push(told(world, culprits, conflict));
      // What else there is does not need this one.
      rules = rules.filter((rule) => rule !== culprits.at(-1));
    }
    return rules;
  };
  // Rules about hosts bind all VMs; what they say of no VM in particular is told once.
  const ofHosts = sift(setting.rules.hard.filter(({ rule }) => isHostRule(rule)));
  for (const part of parts(setting)) {
    if (!isPlainlyFine(world, part, ofHosts)) sift([...part, ...ofHosts]);
  }
  return found;
}

/** The hard rules in parts that have no VM in common, in the order of their ids. */
function parts({ model, rules }: Setting): readonly (readonly CompiledRule[])[] {
  const parent = new Int32Array(model.vms.length).map((_zero, v) => v);
  const rootOf = (v: number): number => {
    let root = v;
    while (parent[root] !== root) root = parent[root] ?? root;
    parent[v] = root;
    return root;
  };
  const asking = rules.hard.filter(({ members }) => members.length > 0);
  for (const { members } of asking) {
    for (const v of members) parent[rootOf(v)] = rootOf(members[0] ?? v);
  }
  return [...Map.groupBy(asking, ({ members }) => rootOf(members[0] ?? 0)).values()];
}

/** One rule by itself that is met now, or for which each of its VMs has hosts enough: most are. */
function isPlainlyFine(
  world: World,
  part: readonly CompiledRule[],
  ofHosts: readonly CompiledRule[],
): boolean {
  const [only] = part;
  if (only === undefined || part.length > 1) return false;
  if (ofHosts.some(({ rule }) => rule.kind === 'spare')) return false;
  const { rule } = only;
  if (rule.kind === 'lonely') return true;
  if (rule.kind !== 'anti-affinity' && rule.kind !== 'spread') return false;
  const own = world.members(only);
  const wanted = rule.kind === 'spread' ? rule.minimum - world.idleIn(only) : own.length;
  const domains = world.domainsOf(only);
  const used = new Set(own.map((v) => domains[world.model.home[v] ?? -1] ?? -1));
  used.delete(-1);
  if (used.size >= wanted) return true;
  return own.length >= wanted && world.haveOpen(own, wanted, domains);
}

/** None of them can be left out; of several such sets, one that leaves the last rules out. */
function smallest(
  rules: readonly CompiledRule[],
  contradict: (some: readonly CompiledRule[]) => boolean,
): readonly CompiledRule[] {
  let kept = rules;
  for (let size = Math.ceil(rules.length / 2); ; size = Math.ceil(size / 2)) {
    for (let end = kept.length; end > 0; end -= size) {
      const without = kept.filter((_rule, at) => at < end - size || at >= end);
      if (contradict(without)) kept = without;
    }
    if (size <= 1) return kept;
  }
}

function told(
  { model }: World,
  rules: readonly CompiledRule[],
  { vms, text }: Conflict,
): Contradiction {
  const named = rules.map(({ rule: { id, kind, origin } }) => `${id} (${kind}, ${origin})`);
  return {
    rules: rules.map(({ rule: { id, origin } }) => ({ id, origin })),
    vms: vms.flatMap((v) => model.vms[v]?.id ?? []),
    text: `${named.join(' and ')}: ${text}`,
  };
}

/**
 * Mending hard placement rules that are broken. VMs that must not be on one host are left to the
 * clearing of that host (clear.ts), which weighs who of them goes; everything else is mended here:
 * who is pinned elsewhere, who stands where it should not, groups that are torn apart, and members
 * that share a fault domain.
 */

import type { Finding } from '../domain/finding.ts';
import { assertNever } from '../domain/result.ts';
import type { Draft } from './draft.ts';
import { moveSomewhere } from './make-room.ts';
import type { CompiledRule } from './rules.ts';
import type { Terms } from './state.ts';

export interface Repair {
  readonly rule: CompiledRule;
  readonly finding: Finding;
  readonly terms: Terms;
}

/** VMs on one host of which one at most may stay there. */
export interface Crowd {
  readonly host: number;
  readonly members: readonly number[];
  readonly finding: Finding;
}

/** Mends what it can; returns the crowds on single hosts, which are left to the clearing. */
export function repair(draft: Draft, repairs: readonly Repair[]): readonly Crowd[] {
  // Who is bound to hosts goes first: groups gather where those have to be.
  const bound = ({ rule: { rule } }: Repair): boolean =>
    rule.kind === 'pin' || rule.kind === 'avoid';
  for (const one of repairs) if (bound(one)) mend(draft, one);
  for (const one of repairs) if (!bound(one)) mend(draft, one);
  return repairs.flatMap((one) => (isLeftToClearing(one) ? crowdsOf(draft, one) : []));
}

function isLeftToClearing({ rule: { rule } }: Repair): boolean {
  return rule.kind === 'anti-affinity' && rule.over === 'host';
}

function mend(draft: Draft, one: Repair): void {
  const { rule } = one.rule;
  switch (rule.kind) {
    case 'pin':
    case 'avoid':
      return mendPlace(draft, one);
    case 'affinity':
      return gather(draft, one);
    case 'anti-affinity':
      return isLeftToClearing(one) ? undefined : disperse(draft, one);
    default:
      return assertNever(rule, 'placement rule');
  }
}

function mendPlace(draft: Draft, { rule, finding, terms }: Repair): void {
  for (const vm of rule.members) {
    const host = draft.state.at[vm] ?? -1;
    if (!rule.forbids(host, host, 'in-the-end')) continue;
    mendOne(draft, vm, finding, terms);
  }
}

function mendOne(draft: Draft, vm: number, finding: Finding, terms: Terms): boolean {
  const wish = { vm, terms, finding, fit: 'spread', mayPush: true } as const;
  if (moveSomewhere(draft, wish)) return true;
  const host = draft.state.at[vm] ?? -1;
  const retry = (): boolean => moveSomewhere(draft, wish);
  draft.open.push({ vm, host, finding, terms, detail: 'stays against the rule', retry });
  return false;
}

/** To the domains that have more of them already, one by one. */
function gather(draft: Draft, { rule, finding, terms }: Repair): void {
  const { state } = draft;
  for (const vm of rule.members) {
    const company = companyOf(draft, rule, vm);
    const here = company[state.at[vm] ?? -1] ?? 0;
    const useless = Uint8Array.from(company, (others) => (others <= here ? 1 : 0));
    if (useless.includes(0)) mendOne(draft, vm, finding, { ...terms, useless });
  }
}

/** Per host: how many of the other members are in its domain. */
function companyOf(draft: Draft, rule: CompiledRule, vm: number): Uint16Array {
  const others = rule.members.filter((member) => member !== vm);
  return Uint16Array.from(
    draft.state.model.hosts,
    (_host, h) => others.filter((v) => rule.sameDomain(draft.state.at[v] ?? -1, h)).length,
  );
}

function crowdsOf(draft: Draft, { rule, finding }: Repair): readonly Crowd[] {
  const byHost = new Map<number, number[]>();
  for (const vm of rule.members) {
    const host = draft.state.at[vm] ?? -1;
    const there = byHost.get(host) ?? [];
    there.push(vm);
    byHost.set(host, there);
  }
  return [...byHost]
    .filter(([, members]) => members.length > 1)
    .map(([host, members]) => ({ host, members, finding }));
}

/** Members that share a fault domain: all but the dearest leave it, the cheapest first. */
function disperse(draft: Draft, { rule, finding, terms }: Repair): void {
  const { state } = draft;
  const cheapestFirst = rule.members.toSorted(
    (a, b) => (state.model.cost[a] ?? 0) - (state.model.cost[b] ?? 0) || a - b,
  );
  for (const vm of cheapestFirst) {
    const host = state.at[vm] ?? -1;
    const crowded = rule.members.some(
      (member) => member !== vm && rule.collides(host, state.at[member] ?? -1),
    );
    if (crowded) mendOne(draft, vm, finding, terms);
  }
}

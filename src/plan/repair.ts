/**
 * Mending hard placement rules that are broken. VMs that must not be on one host are left to the
 * clearing of that host (clear.ts), which weighs who of them goes; everything else is mended here:
 * who is pinned elsewhere, who stands where it should not, groups that are torn apart, and members
 * that share a fault domain.
 */

import type { Finding } from '../domain/finding.ts';
import type { PlacementKind } from '../domain/placement.ts';
import type { Draft } from './draft.ts';
import { moveSomewhere } from './make-room.ts';
import type { CompiledRule } from './rules/rule.ts';
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

const BINDING: ReadonlySet<PlacementKind> = new Set<PlacementKind>([
  'pin',
  'avoid',
  'among',
  'licensed',
]);

/** Mends what it can; returns the crowds on single hosts, which are left to the clearing. */
export function repair(draft: Draft, repairs: readonly Repair[]): readonly Crowd[] {
  // Who is bound to hosts goes first: groups gather where those have to be.
  const bound = ({ rule: { rule } }: Repair): boolean => BINDING.has(rule.kind);
  const others = repairs.filter((one) => !bound(one) && !isLeftToClearing(one));
  for (const one of [...repairs.filter(bound), ...others]) mend(draft, one);
  return repairs.flatMap((one) => (isLeftToClearing(one) ? crowdsOf(draft, one) : []));
}

function isLeftToClearing({ rule: { rule } }: Repair): boolean {
  return rule.kind === 'anti-affinity' && rule.over === 'host';
}

/** One by one: each that stands badly goes where it stands better. */
function mend(draft: Draft, one: Repair): void {
  const { state } = draft;
  const { rule } = one;
  for (const vm of rule.movers?.(state.at) ?? rule.members) {
    if (mendOne(draft, one, vm)) continue;
    const { finding, terms } = one;
    const retry = (): boolean => mendOne(draft, one, vm);
    const host = state.at[vm] ?? -1;
    draft.open.push({ vm, host, finding, terms, detail: 'stays against the rule', retry });
  }
}

/** True when the VM stands well, now or already. */
function mendOne(draft: Draft, { rule, finding, terms }: Repair, vm: number): boolean {
  const { state } = draft;
  const remedy = rule.remedy(vm, state.at);
  if (remedy === undefined) return true;
  const useless = Uint8Array.from(state.model.hosts, (_host, h) => (remedy(h) ? 0 : 1));
  const helps = (to: number): boolean => rule.remedy(vm, state.at)?.(to) === true;
  const wish = { vm, terms: { ...terms, useless }, othersTerms: terms, helps, finding } as const;
  return moveSomewhere(draft, { ...wish, fit: 'spread', mayPush: true });
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

/**
 * Mending hard placement rules that are broken. VMs that must not be on one host are left to the
 * clearing of that host (clear.ts), which weighs who of them goes; everything else is mended here:
 * who is pinned elsewhere, who stands where it should not, groups that are torn apart, and members
 * that share a fault domain.
 */

import type { Finding } from '../domain/finding.ts';
import type { PlacementKind } from '../domain/placement.ts';
import type { Draft, Open } from './draft.ts';
import { gather } from './gather.ts';
import { moveSomewhere } from './make-room.ts';
import type { CompiledRule, Remedy } from './rules/rule.ts';
import type { Terms } from './state.ts';

/** How often those without a place are put first. */
const MORE_TRIES = 2;

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

/** Who is bound to hosts goes first, then groups that are: others gather where those have to be. */
const BINDING: readonly ReadonlySet<PlacementKind>[] = [
  new Set<PlacementKind>(['pin', 'avoid']),
  new Set<PlacementKind>(['among', 'licensed']),
];

/**
 * Mends what it can; returns the crowds on single hosts, which are left to the clearing.
 * @param shouldStop asked before each VM; true: nothing more is tried than what is needed
 */
export function repair(
  draft: Draft,
  repairs: readonly Repair[],
  shouldStop: () => boolean,
): readonly Crowd[] {
  const others = repairs.filter((one) => !isLeftToClearing(one));
  mendAll(
    draft,
    others.toSorted((a, b) => turnOf(a) - turnOf(b) || choiceAmong(a) - choiceAmong(b)),
    shouldStop,
  );
  return repairs.flatMap((one) => (isLeftToClearing(one) ? crowdsOf(draft, one) : []));
}

function turnOf({ rule: { rule } }: Repair): number {
  const turn = BINDING.findIndex((kinds) => kinds.has(rule.kind));
  return turn < 0 ? BINDING.length : turn;
}

/** How many hosts the rule leaves: of two groups the one with fewer decides where both gather. */
function choiceAmong({ rule: { rule } }: Repair): number {
  return rule.kind === 'licensed' ? (rule.hosts?.length ?? Number.MAX_VALUE) : 0;
}

function isLeftToClearing({ rule: { rule } }: Repair): boolean {
  return rule.kind === 'anti-affinity' && rule.over === 'host';
}

/** How the rules are gone through. */
interface Pass {
  /** Who goes first, and makes room for nobody. */
  readonly first: ReadonlySet<number>;
  /** Whose members may all be moved to where one of them is (gather.ts). */
  readonly groups: ReadonlySet<Repair>;
  readonly shouldStop: () => boolean;
}

interface Mended {
  /** Who finds no place. */
  readonly left: ReadonlySet<number>;
  readonly gathered: ReadonlySet<Repair>;
}

/**
 * Who finds no place because others took it goes first at the next try and makes room for nobody,
 * if that leaves fewer without a place (squeaky wheel: Joslin & Clements, "Squeaky wheel
 * optimization", 1999). Groups that could not be gathered once are not tried again.
 */
function mendAll(draft: Draft, repairs: readonly Repair[], shouldStop: () => boolean): void {
  const before = draft.mark();
  let first: ReadonlySet<number> = new Set();
  const { left: open, gathered: groups } = mendInTurn(draft, repairs, {
    first,
    groups: new Set(repairs),
    shouldStop,
  });
  let best = { first, left: open };
  let left = open;
  for (let tries = 0; tries < MORE_TRIES && left.size > 0 && !shouldStop(); tries += 1) {
    first = new Set([...first, ...left]);
    draft.backTo(before);
    ({ left } = mendInTurn(draft, repairs, { first, groups, shouldStop }));
    if (left.size < best.left.size) best = { first, left };
  }
  if (best.first === first) return;
  draft.backTo(before);
  mendInTurn(draft, repairs, { first: best.first, groups, shouldStop });
}

/** One by one: each that stands badly goes where it stands better. */
function mendInTurn(
  draft: Draft,
  repairs: readonly Repair[],
  { first, groups, shouldStop }: Pass,
): Mended {
  const { at } = draft.state;
  const gathered = new Set<Repair>();
  const known = new Set(draft.open);
  let left = new Set<number>();
  draft.spared = first;
  const mend = (one: Repair, vm: number): void => {
    shouldStop();
    if (!mendOrNote(draft, one, vm)) left.add(vm);
  };
  const movers = ({ rule }: Repair): readonly number[] => rule.movers?.(at) ?? rule.members;
  const early = repairs.flatMap((one) =>
    movers(one).flatMap((vm) =>
      first.has(vm) ? [{ one, vm, choice: choiceOf(draft, vm, one.terms) }] : [],
    ),
  );
  for (const { one, vm } of early.toSorted((a, b) => a.choice - b.choice)) mend(one, vm);
  for (const one of repairs) {
    const before = draft.mark();
    for (const vm of movers(one)) if (!first.has(vm)) mend(one, vm);
    if (!groups.has(one) || one.rule.gathers === undefined || one.rule.broken(at) === 0) continue;
    // Where most are not all can go: maybe they can where the others are.
    const made = draft.since(before);
    draft.backTo(before);
    if (gather(draft, one, { left, shouldStop })) {
      gathered.add(one);
      forgetOpen(draft, one);
      const open = draft.open.filter((other) => !known.has(other));
      left = new Set(open.flatMap(({ vm }) => vm ?? []));
    } else draft.redo(made);
  }
  // Who stood well when it was asked may not any more, after those who came later.
  for (const one of repairs) for (const vm of movers(one)) if (!left.has(vm)) mend(one, vm);
  draft.spared = new Set();
  return { left, gathered };
}

/** Members that were left open, and stand well by all of their rules now that all are together. */
function forgetOpen(draft: Draft, { rule: { members }, finding }: Repair): void {
  const { at, rules } = draft.state;
  const isMended = ({ vm, finding: own }: Open): boolean =>
    vm !== undefined &&
    own === finding &&
    members.includes(vm) &&
    (rules.hardOf[vm] ?? []).every((rule) => rule.remedy(vm, at) === undefined);
  draft.open = draft.open.filter((open) => !isMended(open));
}

/**
 * What was moved since, for other needs, may have made others stand badly than those who were left
 * open: they are mended too, or speak for their rule.
 */
export function mendAgain(draft: Draft, repairs: readonly Repair[]): void {
  const { at } = draft.state;
  for (const one of repairs) {
    const { rule, finding } = one;
    const speaksForIt = (open: Open): boolean =>
      open.finding === finding && open.vm !== undefined && rule.remedy(open.vm, at) !== undefined;
    if (isLeftToClearing(one) || rule.broken(at) === 0 || draft.open.some(speaksForIt)) continue;
    for (const vm of rule.movers?.(at) ?? rule.members) mendOrNote(draft, one, vm);
  }
}

/** True when the VM stands well; else it is left open. */
function mendOrNote(draft: Draft, one: Repair, vm: number): boolean {
  const retry = (): boolean => mendOne(draft, one, vm);
  if (retry()) return true;
  const { rule, finding, terms } = one;
  const { at } = draft.state;
  const about = { vm, host: at[vm] ?? -1, finding, terms, instead: rule.instead?.(vm, at) };
  draft.open.push({ ...about, detail: 'stays against the rule', retry });
  return false;
}

/** How many hosts could take the VM if they were empty: who has the least choice goes first. */
function choiceOf({ state }: Draft, vm: number, terms: Terms): number {
  let hosts = 0;
  for (const h of state.model.hosts.keys()) if (state.isReachable(vm, h, terms)) hosts += 1;
  return hosts;
}

/** True when the VM stands well, now or already. */
function mendOne(draft: Draft, { rule, finding, terms }: Repair, vm: number): boolean {
  const { state } = draft;
  const remedy = rule.remedy(vm, state.at);
  if (remedy === undefined) return true;
  const helps = (to: number): boolean => rule.remedy(vm, state.at)?.(to) === true;
  const wish = { vm, othersTerms: terms, helps, finding, fit: 'spread' } as const;
  const where = (remedies: readonly Remedy[]): Terms => {
    const isWell = (h: number): boolean => remedies.every((one) => one(h));
    return { ...terms, useless: Uint8Array.from(state.model.hosts, (_, h) => (isWell(h) ? 0 : 1)) };
  };
  // It moves once in a plan: better to where it stands well by all of its rules.
  const all = (state.rules.hardOf[vm] ?? []).flatMap((one) => one.remedy(vm, state.at) ?? []);
  if (all.length > 1 && moveSomewhere(draft, { ...wish, terms: where(all), mayPush: false })) {
    return true;
  }
  return moveSomewhere(draft, { ...wish, terms: where([remedy]), mayPush: true });
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

/**
 * Groups that move as one: rules that hold in the end (`finally`) let their VMs part on the way, so
 * the whole group goes to one host, or nobody does. While it is on its way the rules that bind it
 * are not asked; all others are.
 */

import type { Finding } from '../domain/finding.ts';
import type { Draft } from './draft.ts';
import type { CompiledRule } from './rules/rule.ts';
import type { Terms } from './state.ts';

/** VMs that are on one host, and why they leave it. */
export interface Group {
  readonly vms: readonly number[];
  readonly host: number;
  readonly finding: Finding;
  readonly terms: Terms;
}

/** The VM and all on its host that `finally` rules want on one host with it. */
export function togetherWith(draft: Draft, first: number, host: number): readonly number[] {
  const { state } = draft;
  const group = new Set([first]);
  for (const v of group) {
    for (const rule of state.rules.hardOf[v] ?? []) {
      if (!bindsInTheEnd(rule)) continue;
      const here = rule.members.filter((member) => state.at[member] === host);
      if (!bindsThose(rule, here, state.model.alsoAt)) continue;
      for (const member of here) group.add(member);
    }
  }
  return [...group].sort((a, b) => a - b);
}

function bindsInTheEnd({ rule }: CompiledRule): boolean {
  if (rule.hold !== 'finally') return false;
  // One host for all of them.
  if (rule.kind === 'licensed') return rule.maximum === 1;
  const isTie = rule.kind === 'affinity' || rule.kind === 'dependency';
  return isTie && rule.over === 'host';
}

/**
 * Affinity, or one licence, binds a group that is whole. Who depends on others goes with those on
 * its host, unless one of them all is in flight: whoever may still be where they were is not left
 * alone.
 */
function bindsThose(
  { rule, members }: CompiledRule,
  here: readonly number[],
  alsoAt: Int32Array,
): boolean {
  if (rule.kind !== 'dependency') return here.length === members.length;
  return here.length > 1 && members.every((vm) => (alsoAt[vm] ?? -1) < 0);
}

/** All of them to the first of the targets that takes them; false: none does. */
export function moveGroup(draft: Draft, group: Group, targets: readonly number[]): boolean {
  const { state } = draft;
  const rules = group.vms.flatMap((vm) => state.rules.hardOf[vm] ?? []);
  // Only rules of those who go together: one of a group that stays is not left alone.
  const isWhole = (rule: CompiledRule): boolean => {
    const here = rule.members.filter((vm) => state.at[vm] === group.host);
    const isLeft = here.some((vm) => !group.vms.includes(vm));
    return !isLeft && bindsThose(rule, here, state.model.alsoAt);
  };
  const binding = rules.filter((rule) => bindsInTheEnd(rule) && isWhole(rule));
  for (const rule of binding) state.suspended.add(rule);
  const found = targets.some((to) => moveAllTo(draft, group, to));
  for (const rule of binding) state.suspended.delete(rule);
  return found;
}

function moveAllTo(draft: Draft, { vms, finding, terms }: Group, to: number): boolean {
  const done: number[] = [];
  for (const vm of vms) {
    if (draft.state.refusal(vm, to, terms, 'any-moment') !== 0) break;
    draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
    done.push(vm);
  }
  if (done.length === vms.length) return true;
  for (const vm of done.toReversed()) draft.takeBack(vm);
  return false;
}

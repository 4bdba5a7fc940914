/**
 * Whom to choose from where touching a group has its price: the cheapest set of all candidates may
 * touch groups for little, and one that touches none, or one only, may come out at less.
 */

import type { State } from './state.ts';

/** More groups than this on one host are not tried each by itself. */
const MAX_GROUPS = 8;

/** Lists of candidates among whom the cheapest set is looked for: all of them first. */
export function choicesOf(state: State, candidates: readonly number[]): readonly number[][] {
  const all = [...candidates];
  const { prices } = state.model;
  const groups = new Set(all.flatMap((v) => (state.due(v) > 0 ? (prices?.groupsOf[v] ?? []) : [])));
  if (groups.size === 0) return [all];
  const without = (allowed: number | undefined): number[] =>
    all.filter((v) => {
      if (state.due(v) === 0) return true;
      return prices?.groupsOf[v]?.every((group) => group === allowed) === true;
    });
  const each = [...groups].sort((a, b) => a - b).slice(0, MAX_GROUPS);
  return [all, without(undefined), ...each.map(without)];
}

/**
 * In which order members of a group move that is to end spread: each move is judged with those
 * before it done, and must not leave the group in fewer domains than it was in.
 */

import type { CompiledRule } from './rules/rule.ts';
import type { DraftMove } from './state.ts';

/**
 * The order in which they were made, but for those that would give away what only a later one has
 * gained. Where the search has made one of them anew, such a one may come first.
 * @param at where each VM is at first; the same again when it returns
 * @returns the VMs that move
 */
export function spreadOrder(
  { broken }: Pick<CompiledRule, 'broken'>,
  made: readonly DraftMove[],
  at: Int32Array,
): readonly number[] {
  const allowed = broken(at);
  const isGood = ({ vm, from, to }: DraftMove): boolean => {
    at[vm] = to;
    const is = broken(at) <= allowed;
    at[vm] = from;
    return is;
  };
  const waiting = [...made];
  const order: number[] = [];
  while (waiting.length > 0) {
    for (const { vm, to } of waiting.splice(Math.max(0, waiting.findIndex(isGood)), 1)) {
      at[vm] = to;
      order.push(vm);
    }
  }
  for (const { vm, from } of made) at[vm] = from;
  return order;
}

/**
 * What the start breaks is mended before anything is improved: items in no bin are placed, those
 * that stand where they may not, in overfull bins or in broken rules, go to the bin where it costs
 * least. What no single move mends is left to the search, which knows its penalty.
 */

import type { Assignment } from './assignment.ts';
import type { Budget } from './problem.ts';

/** Rounds over what is broken: mending one thing makes room for another. */
const ROUNDS = 4;
/** Looks at so many bins between two questions whether to stop. */
const STRIDE = 4096;

/** Returns how many bins were looked at. */
export function mend(state: Assignment, budget: Budget): number {
  let looked = 0;
  let asked = 0;
  for (let round = 0; round < ROUNDS && state.broken() > 0; round += 1) {
    const before = state.broken();
    for (const item of brokenItems(state)) {
      if (looked >= budget.steps) return looked;
      if (looked >= asked) {
        if (budget.shouldStop?.() === true) return looked;
        asked = looked + STRIDE;
      }
      const to = cheapestBin(state, item);
      if (to >= 0) state.place(item, to);
      looked += state.problem.bins;
    }
    if (state.broken() >= before) break;
  }
  return looked;
}

/** The bin where the item makes things cheapest; -1: nowhere would it be cheaper than now. */
function cheapestBin(state: Assignment, item: number): number {
  let [best, lowest] = [-1, 0];
  for (let bin = 0; bin < state.problem.bins; bin += 1) {
    if (bin === state.at[item]) continue;
    const change = state.shiftCost(item, bin);
    if (change < lowest) [best, lowest] = [bin, change];
  }
  return best;
}

/** Those without a bin first, then the large before the small: what is hard to place goes early. */
function brokenItems(state: Assignment): number[] {
  const { problem, at } = state;
  const size = itemSizes(state);
  const items: number[] = [];
  for (let item = 0; item < problem.items; item += 1) {
    const bin = at[item] ?? -1;
    if (!state.allows(item, bin) || state.loads.isOverfull(bin) || state.rules.isBroken(item)) {
      items.push(item);
    }
  }
  const placed = (item: number): number => ((at[item] ?? -1) < 0 ? 0 : 1);
  return items.sort((a, b) => placed(a) - placed(b) || (size[b] ?? 0) - (size[a] ?? 0) || a - b);
}

/** Per item: its largest need as a share of the need of all. */
function itemSizes({ problem }: Assignment): Float64Array {
  const { items, resources, need } = problem;
  const sizes = new Float64Array(items);
  for (let r = 0; r < resources; r += 1) {
    let sum = 0;
    for (let item = 0; item < items; item += 1) sum += need[item * resources + r] ?? 0;
    if (sum === 0) continue;
    for (let item = 0; item < items; item += 1) {
      sizes[item] = Math.max(sizes[item] ?? 0, (need[item * resources + r] ?? 0) / sum);
    }
  }
  return sizes;
}

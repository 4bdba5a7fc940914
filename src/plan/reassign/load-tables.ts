/**
 * The tables that {@link Loads} starts from, made of the problem once; and how its cells are laid
 * out: per bin and resource ROOM, FREE, SLACK and WEIGHT side by side.
 */

import type { Problem } from './problem.ts';

const ROOM = 0;
export const FREE = 1;
export const SLACK = 2;
export const WEIGHT = 3;
export const CELL = 4;

export function emptyCells({
  bins,
  resources,
  base,
  capacity,
  soft,
  softWeight,
}: Problem): Float64Array {
  const cells = new Float64Array(bins * resources * CELL);
  for (let at = 0; at < bins * resources; at += 1) {
    const taken = base?.[at] ?? 0;
    cells[at * CELL + ROOM] = (capacity[at] ?? 0) - taken;
    cells[at * CELL + FREE] = (capacity[at] ?? 0) - taken;
    cells[at * CELL + SLACK] = (soft[at] ?? 0) - taken;
    cells[at * CELL + WEIGHT] = softWeight[at] ?? 0;
  }
  return cells;
}

/** What would be free where every bin carried the fleet's share of the load there is now. */
export function evenFree(
  { bins, resources, capacity }: Problem,
  cells: Float64Array,
): Float64Array {
  const even = new Float64Array(bins * resources);
  for (let r = 0; r < resources; r += 1) {
    let [free, total] = [0, 0];
    for (let at = r; at < bins * resources; at += resources) {
      free += cells[at * CELL + FREE] ?? 0;
      total += capacity[at] ?? 0;
    }
    for (let at = r; at < bins * resources; at += resources) {
      even[at] = total > 0 ? ((capacity[at] ?? 0) * free) / total : 0;
    }
  }
  return even;
}

/** (load / capacity - share)² × weight = (free - even free)² × weight / capacity². */
export function spreadPerUnit({ spreadWeight, capacity }: Problem): Float64Array | undefined {
  return spreadWeight?.map((weight, at) => {
    const whole = capacity[at] ?? 0;
    return whole > 0 ? weight / (whole * whole) : 0;
  });
}

/** Arriving, an item gains a balance target × its first need at most; leaving, its second. */
export function swayOf({ items, resources, need, balances }: Problem): Float64Array {
  const sway = new Float64Array(items);
  for (const { first, second, target, weight } of balances ?? []) {
    for (let item = 0; item < items; item += 1) {
      const at = item * resources;
      const most = weight * (target * (need[at + first] ?? 0) + (need[at + second] ?? 0));
      sway[item] = (sway[item] ?? 0) + most;
    }
  }
  return sway;
}

export function overWeights({ items, resources, need, penalty }: Problem): Float64Array {
  const sums = new Float64Array(resources);
  for (let at = 0; at < items * resources; at += 1) {
    sums[at % resources] = (sums[at % resources] ?? 0) + (need[at] ?? 0);
  }
  return sums.map((sum) => (sum > 0 ? (penalty * items) / sum : penalty));
}

/** Concerns, each as often (of 1000) as it weighs: the cost of all need, was it all too much. */
export function drawsOf({
  bins,
  items,
  resources,
  need,
  softWeight,
  balances,
}: Problem): Uint8Array {
  const needs = new Float64Array(resources);
  for (let at = 0; at < items * resources; at += 1) {
    needs[at % resources] = (needs[at % resources] ?? 0) + (need[at] ?? 0);
  }
  const weights = Array.from(needs, (sum, r) => {
    let weight = 0;
    for (let bin = 0; bin < bins; bin += 1) weight += softWeight[bin * resources + r] ?? 0;
    return (sum * weight) / Math.max(1, bins);
  });
  for (const { first, second, target, weight } of balances ?? []) {
    weights.push(weight * (target * (needs[first] ?? 0) + (needs[second] ?? 0)));
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Uint8Array.from(
    weights.flatMap((weight, concern) => {
      const times = total > 0 ? Math.ceil((1000 * weight) / total) : 1;
      return Array.from({ length: times }, () => concern);
    }),
  );
}

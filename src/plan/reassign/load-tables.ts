/** The tables that the loads of bins are told from, made of the problem once. */

import type { Problem } from './problem.ts';

/** Instead of Infinity: more than any need, and |x| - x is 0 for it, not NaN. */
const NO_LIMIT = 1e300;

/** bins × R each: see loads.ts. */
export interface LoadTables {
  readonly room: Float64Array;
  readonly slack: Float64Array;
  readonly weight: Float64Array;
}

/** Per bin and resource, with no item in any: see loads.ts. */
export function emptyBins({
  bins,
  resources,
  base,
  capacity,
  soft,
}: Problem): Record<'room' | 'free' | 'slack', Float64Array> {
  const free = new Float64Array(bins * resources);
  const slack = new Float64Array(bins * resources);
  for (let at = 0; at < bins * resources; at += 1) {
    const taken = base?.[at] ?? 0;
    free[at] = (capacity[at] ?? 0) - taken;
    slack[at] = Math.min(NO_LIMIT, soft[at] ?? 0) - taken;
  }
  return { room: free.slice(), free, slack };
}

/** What would be free where every bin carried the fleet's share of the load there is now. */
export function evenFree({ bins, resources, capacity }: Problem, free: Float64Array): Float64Array {
  const even = new Float64Array(bins * resources);
  for (let r = 0; r < resources; r += 1) {
    let [all, total] = [0, 0];
    for (let at = r; at < bins * resources; at += resources) {
      all += free[at] ?? 0;
      total += capacity[at] ?? 0;
    }
    for (let at = r; at < bins * resources; at += resources) {
      even[at] = total > 0 ? ((capacity[at] ?? 0) * all) / total : 0;
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

/**
 * Per resource, what a unit of need costs where it is too much: beyond soft capacity and out of
 * balance; where it costs nothing, so much that all need of it is worth what it is of the mean
 * resource. 0 only where nothing is needed.
 */
export function costWeights(problem: Problem): Float64Array {
  return weightsWith(problem, (weight) => weight);
}

/** Per resource, what a unit of room is worth: its cost weight; of transient room, what holding it
 *  costs. */
export function roomPrices(problem: Problem): Float64Array {
  const held = holdingPrices(problem);
  return weightsWith(problem, (weight, r) => ((held[r] ?? 0) > 0 ? (held[r] ?? 0) : weight));
}

/** `loadWeight` says what load weighs in the end, given what it costs beyond soft capacity. */
function weightsWith(
  problem: Problem,
  loadWeight: (weight: number, resource: number) => number,
): Float64Array {
  const { bins, resources, softWeight, need, balances } = problem;
  const [soft, needs] = [new Float64Array(resources), new Float64Array(resources)];
  for (let at = 0; at < bins * resources; at += 1) {
    soft[at % resources] = (soft[at % resources] ?? 0) + (softWeight[at] ?? 0) / bins;
  }
  for (let at = 0; at < need.length; at += 1) {
    needs[at % resources] = (needs[at % resources] ?? 0) + (need[at] ?? 0);
  }
  const weights = soft.map(loadWeight);
  for (const { first, second, target, weight } of balances ?? []) {
    weights[first] = (weights[first] ?? 0) + weight * target;
    weights[second] = (weights[second] ?? 0) + weight;
  }
  const mean = weights.reduce((sum, one, r) => sum + one * (needs[r] ?? 0), 0) / resources;
  return weights.map((one, r) => {
    const all = needs[r] ?? 0;
    return one > 0 || all === 0 ? one : (mean > 0 ? mean : 1) / all;
  });
}

/**
 * Per resource, what holding a unit of transient room at home costs: the same for all such room
 * that there is of each resource, on average what as much load beyond soft capacity would. What is
 * scarce is dear, however small its numbers: when one resource is used up, room in the others is of
 * no use. 0 where need is not transient, or room has no limit.
 */
export function holdingPrices(problem: Problem): Float64Array {
  const { bins, resources, softWeight, transient } = problem;
  const free = freeRoom(problem);
  const isHeld = free.map((room, r) =>
    transient?.[r] === 1 && room > 0 && room < Number.POSITIVE_INFINITY ? 1 : 0,
  );
  const held = isHeld.reduce((sum, one) => sum + one, 0);
  let worth = 0;
  for (let cell = 0; cell < bins * resources; cell += 1) {
    const r = cell % resources;
    if (isHeld[r] === 1) worth += ((softWeight[cell] ?? 0) * (free[r] ?? 0)) / bins / held;
  }
  return free.map((room, r) => (isHeld[r] === 1 ? worth / room : 0));
}

/** Per resource: the capacity of all bins less all load. */
function freeRoom({ bins, items, resources, capacity, base, need }: Problem): Float64Array {
  const free = new Float64Array(resources);
  for (let cell = 0; cell < bins * resources; cell += 1) {
    const r = cell % resources;
    free[r] = (free[r] ?? 0) + (capacity[cell] ?? 0) - (base?.[cell] ?? 0);
  }
  for (let at = 0; at < items * resources; at += 1) {
    free[at % resources] = (free[at % resources] ?? 0) - (need[at] ?? 0);
  }
  return free;
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

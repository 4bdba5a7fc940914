/**
 * Gives the search a problem whose tables lie the way it reads them: items by size, so that those
 * of about one size are neighbours in memory too, and resources with those first that decide most
 * often. The cost of a placement stays what it was.
 */

import { roomPrices } from './load-tables.ts';
import type { Problem } from './problem.ts';

interface Arranged {
  readonly problem: Problem;
  /** Per item of that problem: which item of the given one it is. */
  readonly itemOf: Int32Array;
}

export function arrange(given: Problem): Arranged {
  const { items, groups } = given;
  const sizes = itemSizes(given);
  const itemOf = Int32Array.from({ length: items }, (_, item) => item);
  itemOf.sort((a, b) => (sizes[a] ?? 0) - (sizes[b] ?? 0) || a - b);
  const placeOf = new Int32Array(items);
  itemOf.forEach((item, place) => {
    placeOf[item] = place;
  });
  const problem: Problem = {
    ...withResources(given, resourcesByWeight(given)),
    home: itemOf.map((item) => given.home[item] ?? -1),
    moveCost: Float64Array.from(itemOf, (item) => given.moveCost[item] ?? 0),
    ...(given.start && { start: pick(given.start, itemOf) }),
    ...(given.fixed && { fixed: Uint8Array.from(itemOf, (item) => given.fixed?.[item] ?? 0) }),
    ...(given.classOf && { classOf: pick(given.classOf, itemOf) }),
    ...(given.moveGroupOf && { moveGroupOf: pick(given.moveGroupOf, itemOf) }),
    ...(groups && { groups: groups.map((group) => group.map((item) => placeOf[item] ?? -1)) }),
  };
  return { problem: { ...problem, need: rows(problem.need, given.resources, itemOf) }, itemOf };
}

/** Per item: the sum over the resources of its share of all need. */
function itemSizes({ items, resources, need }: Problem): Float64Array {
  const sums = needSums(resources, need);
  const sizes = new Float64Array(items);
  for (let item = 0; item < items; item += 1) {
    let size = 0;
    for (let r = 0; r < resources; r += 1) {
      const sum = sums[r] ?? 0;
      if (sum > 0) size += (need[item * resources + r] ?? 0) / sum;
    }
    sizes[item] = size;
  }
  return sizes;
}

function needSums(resources: number, need: Float64Array): Float64Array {
  const sums = new Float64Array(resources);
  for (let at = 0; at < need.length; at += 1) {
    sums[at % resources] = (sums[at % resources] ?? 0) + (need[at] ?? 0);
  }
  return sums;
}

/** First those whose need exceeds what is free of cost by most: there nearly every bin costs. */
function resourcesByWeight(problem: Problem): Int32Array {
  const { resources, need, soft } = problem;
  const sums = needSums(resources, need);
  for (let at = 0; at < soft.length; at += 1) {
    sums[at % resources] = (sums[at % resources] ?? 0) - (soft[at] ?? 0);
  }
  const excess = roomPrices(problem).map((worth, r) => worth * (sums[r] ?? 0));
  const order = Int32Array.from({ length: resources }, (_, r) => r);
  // Where nothing is limited the excess is -Infinity, for which there is no difference.
  const isMore = (a: number, b: number): boolean => (excess[a] ?? 0) > (excess[b] ?? 0);
  return order.sort((a, b) => (isMore(a, b) ? -1 : isMore(b, a) ? 1 : a - b));
}

function withResources(given: Problem, order: Int32Array): Problem {
  const { resources, base, transient, spreadWeight, balances } = given;
  const columns = (table: Float64Array): Float64Array => {
    const made = new Float64Array(table.length);
    for (let row = 0; row < table.length; row += resources) {
      for (let r = 0; r < resources; r += 1) made[row + r] = table[row + (order[r] ?? 0)] ?? 0;
    }
    return made;
  };
  return {
    ...given,
    need: columns(given.need),
    capacity: columns(given.capacity),
    soft: columns(given.soft),
    softWeight: columns(given.softWeight),
    ...(base && { base: columns(base) }),
    ...(spreadWeight && { spreadWeight: columns(spreadWeight) }),
    ...(transient && { transient: Uint8Array.from(order, (r) => transient[r] ?? 0) }),
    ...(balances && {
      balances: balances.map((balance) => ({
        ...balance,
        first: order.indexOf(balance.first),
        second: order.indexOf(balance.second),
      })),
    }),
  };
}

function rows(table: Float64Array, width: number, order: Int32Array): Float64Array {
  const made = new Float64Array(table.length);
  order.forEach((row, place) => {
    for (let r = 0; r < width; r += 1) made[place * width + r] = table[row * width + r] ?? 0;
  });
  return made;
}

function pick(table: Int32Array, order: Int32Array): Int32Array {
  return order.map((item) => table[item] ?? -1);
}

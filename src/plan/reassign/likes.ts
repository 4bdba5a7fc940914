/**
 * For an item, those whose needs differ least from its own, as costs see it. Exchanging two of them
 * changes a bin's cost by no more than the distance between their needs, so that where bins are
 * nearly even, or nearly full, these are the exchanges that are worth judging: of two items of one
 * size that need different things, hardly any exchange is allowed, and none is cheap.
 *
 * Size is what all of an item's needs cost. No distance is below the difference in size: looking
 * outwards from an item in the order of sizes, the search ends when these differ by more than the
 * farthest that is kept.
 */

import { costWeights } from './load-tables.ts';
import type { Problem } from './problem.ts';

/** How many are kept per item. */
const KEPT = 32;
/** How many are looked at per item, at most: so many for all items together, within bounds. */
const ALL_LOOKS = 4e6;
const MOST_LOOKS = 2000;
const LEAST_LOOKS = 200;
const UNKNOWN = -2;
const NONE = -1;

export class Likes {
  readonly #resources: number;
  readonly #looks: number;
  /** The items by size, and per item its place among them. */
  readonly #bySize: Int32Array;
  readonly #placeOf: Int32Array;
  /** Per place: the item's size. */
  readonly #sizes: Float64Array;
  /** places × R: what the item's need costs, should it be too much. */
  readonly #costs: Float64Array;
  /** items × KEPT, the nearest first; found when an item is asked for. */
  readonly #nearest: Int32Array;
  readonly #distances = new Float64Array(KEPT);

  constructor(problem: Problem) {
    const { items, resources, need } = problem;
    this.#resources = resources;
    const weights = costWeights(problem);
    const costs = need.map((one, at) => one * (weights[at % resources] ?? 0));
    const sizes = Float64Array.from({ length: items }, (_, item) =>
      costs.subarray(item * resources, (item + 1) * resources).reduce((sum, one) => sum + one, 0),
    );
    this.#bySize = Int32Array.from({ length: items }, (_, item) => item);
    this.#bySize.sort((a, b) => (sizes[a] ?? 0) - (sizes[b] ?? 0) || a - b);
    this.#sizes = Float64Array.from(this.#bySize, (item) => sizes[item] ?? 0);
    this.#costs = new Float64Array(costs.length);
    this.#placeOf = new Int32Array(items);
    this.#bySize.forEach((item, place) => {
      this.#placeOf[item] = place;
      const own = costs.subarray(item * resources, (item + 1) * resources);
      this.#costs.set(own, place * resources);
    });
    this.#looks = Math.max(LEAST_LOOKS, Math.min(MOST_LOOKS, Math.floor(ALL_LOOKS / items)));
    this.#nearest = new Int32Array(items * KEPT).fill(UNKNOWN);
  }

  /** One of the items most like it, the nearest most often; -1: there is none. `random` from
   *  [0, 1). Items that need the same are none: only who of them moves could change. */
  like(item: number, random: number): number {
    const first = item * KEPT;
    if (this.#nearest[first] === UNKNOWN) this.#find(item);
    return this.#nearest[first + Math.floor(KEPT * random * random)] ?? NONE;
  }

  #find(item: number): void {
    const [distances, place] = [this.#distances, this.#placeOf[item] ?? 0];
    this.#nearest.fill(NONE, item * KEPT, (item + 1) * KEPT);
    distances.fill(Number.POSITIVE_INFINITY);
    let [below, above] = [place - 1, place + 1];
    for (let looks = 0; looks < this.#looks; looks += 1) {
      const [lower, higher] = [this.#sizeGap(place, below), this.#sizeGap(place, above)];
      if (Math.min(lower, higher) >= (distances[KEPT - 1] ?? 0)) return;
      this.#offer(place, lower < higher ? below : above);
      if (lower < higher) below -= 1;
      else above += 1;
    }
  }

  /** Infinity: there is nobody at the other place. */
  #sizeGap(place: number, other: number): number {
    if (other < 0 || other >= this.#sizes.length) return Number.POSITIVE_INFINITY;
    return Math.abs((this.#sizes[place] ?? 0) - (this.#sizes[other] ?? 0));
  }

  #offer(place: number, other: number): void {
    const [distances, nearest] = [this.#distances, this.#nearest];
    const distance = this.#distance(place, other, distances[KEPT - 1] ?? 0);
    if (distance === 0 || distance >= (distances[KEPT - 1] ?? 0)) return;
    const first = (this.#bySize[place] ?? 0) * KEPT;
    let rank = KEPT - 1;
    for (; rank > 0 && (distances[rank - 1] ?? 0) > distance; rank -= 1) {
      distances[rank] = distances[rank - 1] ?? 0;
      nearest[first + rank] = nearest[first + rank - 1] ?? NONE;
    }
    distances[rank] = distance;
    nearest[first + rank] = this.#bySize[other] ?? NONE;
  }

  /** What is above `limit` only says that it is above. */
  #distance(place: number, other: number, limit: number): number {
    const [costs, resources] = [this.#costs, this.#resources];
    let distance = 0;
    let [a, b] = [place * resources, other * resources];
    for (const end = a + resources; a < end && distance < limit; a += 1) {
      distance += Math.abs((costs[a] ?? 0) - (costs[b] ?? 0));
      b += 1;
    }
    return distance;
  }
}

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

/** How many are kept per item, and how many are looked at, at most. */
const KEPT = 32;
const LOOKS = 2000;
const UNKNOWN = -2;
const NONE = -1;

export class Likes {
  readonly #resources: number;
  /** items × R: what the need costs, should it be too much. */
  readonly #costs: Float64Array;
  /** Per item: their sum. */
  readonly #sizes: Float64Array;
  /** The items by size, and per item its place among them. */
  readonly #bySize: Int32Array;
  readonly #placeOf: Int32Array;
  /** items × KEPT, the nearest first; found when an item is asked for. */
  readonly #nearest: Int32Array;
  readonly #distances = new Float64Array(KEPT);

  constructor(problem: Problem) {
    const { items, resources, need } = problem;
    const weights = costWeights(problem);
    this.#resources = resources;
    this.#costs = need.map((one, at) => one * (weights[at % resources] ?? 0));
    this.#sizes = new Float64Array(items);
    this.#costs.forEach((cost, at) => {
      const item = Math.floor(at / resources);
      this.#sizes[item] = (this.#sizes[item] ?? 0) + cost;
    });
    const size = (item: number): number => this.#sizes[item] ?? 0;
    this.#bySize = Int32Array.from({ length: items }, (_, item) => item);
    this.#bySize.sort((a, b) => size(a) - size(b) || a - b);
    this.#placeOf = new Int32Array(items);
    this.#bySize.forEach((item, place) => {
      this.#placeOf[item] = place;
    });
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
    for (let looks = 0; looks < LOOKS; looks += 1) {
      const [lower, higher] = [this.#sizeGap(item, below), this.#sizeGap(item, above)];
      if (Math.min(lower, higher) >= (distances[KEPT - 1] ?? 0)) return;
      const next = lower < higher ? below : above;
      this.#offer(item, this.#bySize[next] ?? NONE);
      if (lower < higher) below -= 1;
      else above += 1;
    }
  }

  /** Infinity: there is nobody at that place. */
  #sizeGap(item: number, place: number): number {
    const other = this.#bySize[place];
    if (other === undefined) return Number.POSITIVE_INFINITY;
    return Math.abs((this.#sizes[item] ?? 0) - (this.#sizes[other] ?? 0));
  }

  #offer(item: number, other: number): void {
    const distances = this.#distances;
    const distance = this.#distance(item, other, distances[KEPT - 1] ?? 0);
    if (distance === 0 || distance >= (distances[KEPT - 1] ?? 0)) return;
    const first = item * KEPT;
    let place = KEPT - 1;
    for (; place > 0 && (distances[place - 1] ?? 0) > distance; place -= 1) {
      distances[place] = distances[place - 1] ?? 0;
      this.#nearest[first + place] = this.#nearest[first + place - 1] ?? NONE;
    }
    distances[place] = distance;
    this.#nearest[first + place] = other;
  }

  /** What is above `limit` only says that it is above. */
  #distance(item: number, other: number, limit: number): number {
    const [costs, resources] = [this.#costs, this.#resources];
    let distance = 0;
    for (let r = 0; r < resources && distance < limit; r += 1) {
      distance += Math.abs(
        (costs[item * resources + r] ?? 0) - (costs[other * resources + r] ?? 0),
      );
    }
    return distance;
  }
}

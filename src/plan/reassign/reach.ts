/**
 * Which items a bin could ever hold: the room that there is once all guests have left. What is
 * needed at home while an item moves (transient room) is never free there, wherever the item is,
 * so that where such room is scarce most pairs of item and bin are out of the question for good,
 * and need not be judged.
 */

import type { Problem } from './problem.ts';

/** Pairs of item and bin that are looked at to see how many are possible. */
const SAMPLE = 4096;
/** Neighbours in the sample are far apart in the list of bins. */
const STRIDE = 7919;
/** Above this share a draw of any bin hits one within reach soon enough. */
const SCARCE = 0.5;

export class Reach {
  /** Whether most pairs are out of reach, so that it pays to ask before one is judged. */
  readonly isScarce: boolean;
  readonly #problem: Problem;
  /** bins × R. */
  readonly #most: Float64Array;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#most = mostRoom(problem);
    this.isScarce = this.#share() < SCARCE;
  }

  /** False: the bin can never hold the item. */
  holds(item: number, bin: number): boolean {
    const { resources, need, home } = this.#problem;
    if (home[item] === bin) return true;
    let cell = bin * resources;
    for (let at = item * resources; at < (item + 1) * resources; at += 1) {
      if ((need[at] ?? 0) > (this.#most[cell] ?? 0)) return false;
      cell += 1;
    }
    return true;
  }

  #share(): number {
    const { items, bins } = this.#problem;
    let possible = 0;
    for (let pair = 0; pair < SAMPLE; pair += 1) {
      const item = Math.floor((pair * items) / SAMPLE);
      if (this.holds(item, (pair * STRIDE) % bins)) possible += 1;
    }
    return possible / SAMPLE;
  }
}

/** What items hold at home is never free, wherever they go. Needs of 0 fit beyond capacity too. */
function mostRoom(problem: Problem): Float64Array {
  const { items, resources, need, home, capacity, base, transient } = problem;
  const most = capacity.map((whole, cell) => whole - (base?.[cell] ?? 0));
  for (let item = 0; item < items; item += 1) {
    const bin = home[item] ?? -1;
    for (let r = 0; bin >= 0 && r < resources; r += 1) {
      if (transient?.[r] !== 1) continue;
      const cell = bin * resources + r;
      most[cell] = (most[cell] ?? 0) - (need[item * resources + r] ?? 0);
    }
  }
  return most.map((room) => Math.max(0, room));
}

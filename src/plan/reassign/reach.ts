/**
 * Which items a bin could ever hold: the room that there is once all guests have left. What is
 * needed at home while an item moves (transient room) is never free there, wherever the item is,
 * so that where such room is scarce most pairs of item and bin are out of the question for good,
 * and need not be judged.
 */

import type { Problem } from './problem.ts';

export class Reach {
  readonly #problem: Problem;
  /** bins × R. */
  readonly #most: Float64Array;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#most = mostRoom(problem);
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

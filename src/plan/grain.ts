/**
 * The grain of what moves cost. Memory comes in whole GiB or so, and what is added per move is
 * round, too: without the weights of VMs, which differ little, what any set of moves costs is a
 * whole multiple of one amount. So a bound may be raised to the next multiple (the rounding of
 * Chvátal and Gomory), and two limits between which there is none are one.
 */

import type { Model } from './model.ts';

const ROUNDING = 1e-12;
/** In multiples: weights make sums a little more than multiples. */
const SLACK = 0.25;

export class Grain {
  /** In bytes before weights; 0: there is none that helps. */
  readonly #size: number;
  /** Of all VMs: what a move costs over its bytes. */
  readonly #lightest: number;
  readonly #heaviest: number;

  constructor({ vms, cost, weights, inFlight }: Model) {
    let [size, lightest, heaviest] = [0, Infinity, 0];
    let v = 0;
    for (const vm of vms) {
      const bytes = vm.memoryBytes + weights.perMoveBytes;
      if (inFlight[v] !== 1 && bytes > 0) {
        // Mostly it is so already.
        if (size === 0 || bytes % size !== 0) size = commonDivisor(bytes, size);
        const weight = (cost[v] ?? 0) / bytes;
        lightest = Math.min(lightest, weight);
        heaviest = Math.max(heaviest, weight);
      }
      v += 1;
    }
    this.#size = lightest > 0 && heaviest < Infinity ? size : 0;
    this.#lightest = lightest;
    this.#heaviest = heaviest;
  }

  /** What moves cost at least that cost so much at least. */
  raised(bound: number): number {
    if (this.#size === 0 || bound === Infinity) return bound;
    const multiples = Math.ceil((bound / (this.#size * this.#heaviest)) * (1 - ROUNDING));
    return Math.max(bound, multiples * this.#size * this.#lightest * (1 - ROUNDING));
  }

  /**
   * How many multiples lie within so much, about: limits of equal reach are as good as one. Within
   * less than a quarter of one there is none: what differs so little differs by weights alone.
   */
  reach(amount: number): number {
    if (this.#size === 0) return amount;
    return Math.ceil(amount / (this.#size * this.#lightest) - SLACK);
  }
}

/** The largest number of which both are whole multiples; 0 counts as a multiple of any. */
export function commonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

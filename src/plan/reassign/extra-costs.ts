/**
 * What a bin costs beside load beyond its soft capacity: balances between resources, deviation from
 * the fleet's share, and load beyond hard capacity where the start has it. Judged for a bin as it
 * is, with an item that arrives, or one that leaves, or both (-1: none).
 */

import { evenFree, overWeights, spreadPerUnit } from './load-tables.ts';
import type { Balance, Problem } from './problem.ts';

export class ExtraCosts {
  /** True when none of them can cost anything, anywhere. */
  readonly isNone: boolean;
  /** Whether some bin started beyond its hard capacity. */
  readonly startsOverfull: boolean;
  readonly #resources: number;
  /** bins × R: capacity - load. */
  readonly #free: Float64Array;
  readonly #need: Float64Array;
  readonly #balances: readonly Balance[];
  readonly #spread: Float64Array | undefined;
  /** bins × R: what would be free at the fleet's share of load. */
  readonly #even: Float64Array;
  /** Per resource: cost per unit beyond hard capacity, where the start is beyond it. */
  readonly #overWeight: Float64Array;
  /** Per bin: 1 = started beyond its hard capacity. */
  readonly #overfull: Uint8Array;

  /** `free` (capacity - load) is read from now on, as it changes. */
  constructor(problem: Problem, free: Float64Array) {
    const { bins, resources } = problem;
    this.#resources = resources;
    this.#free = free;
    this.#need = problem.need;
    this.#balances = problem.balances ?? [];
    this.#even = evenFree(problem, free);
    this.#spread = problem.spreadWeight === undefined ? undefined : spreadPerUnit(problem);
    this.#overWeight = overWeights(problem);
    this.#overfull = new Uint8Array(bins);
    for (let at = 0; at < bins * resources; at += 1) {
      if ((free[at] ?? 0) < 0) this.#overfull[Math.floor(at / resources)] = 1;
    }
    this.startsOverfull = this.#overfull.includes(1);
    this.isNone = this.#balances.length === 0 && this.#spread === undefined && !this.startsOverfull;
  }

  of(bin: number, arriving: number, leaving: number): number {
    let cost = 0;
    for (let b = 0; b < this.#balances.length; b += 1) {
      const balance = this.#balances[b];
      if (balance === undefined) continue;
      const missing =
        balance.target * this.#freeAfter(bin, balance.first, arriving, leaving) -
        this.#freeAfter(bin, balance.second, arriving, leaving);
      if (missing > 0) cost += balance.weight * missing;
    }
    if (this.#spread !== undefined) cost += this.#spreadCost(bin, arriving, leaving);
    if (this.#overfull[bin] === 1) cost += this.#overCost(bin, arriving, leaving);
    return cost;
  }

  /** How much more of the second resource would have to be free. */
  lack(bin: number, { first, second, target }: Balance): number {
    return target * this.#freeAfter(bin, first, -1, -1) - this.#freeAfter(bin, second, -1, -1);
  }

  /** Load beyond hard capacity × penalty, where the bin started with such. */
  overCost(bin: number): number {
    return this.#overfull[bin] === 1 ? this.#overCost(bin, -1, -1) : 0;
  }

  #freeAfter(bin: number, r: number, arriving: number, leaving: number): number {
    const resources = this.#resources;
    let free = this.#free[bin * resources + r] ?? 0;
    if (arriving >= 0) free -= this.#need[arriving * resources + r] ?? 0;
    if (leaving >= 0) free += this.#need[leaving * resources + r] ?? 0;
    return free;
  }

  #spreadCost(bin: number, arriving: number, leaving: number): number {
    let cost = 0;
    for (let r = 0; r < this.#resources; r += 1) {
      const at = bin * this.#resources + r;
      const perUnit = this.#spread?.[at] ?? 0;
      if (perUnit === 0) continue;
      const off = this.#freeAfter(bin, r, arriving, leaving) - (this.#even[at] ?? 0);
      cost += perUnit * off * off;
    }
    return cost;
  }

  #overCost(bin: number, arriving: number, leaving: number): number {
    let cost = 0;
    for (let r = 0; r < this.#resources; r += 1) {
      const free = this.#freeAfter(bin, r, arriving, leaving);
      if (free < 0) cost -= free * (this.#overWeight[r] ?? 0);
    }
    return cost;
  }
}

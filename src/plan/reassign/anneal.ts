/**
 * Simulated annealing over shifts and swaps (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983):
 * a change that costs δ is made with probability e^(-δ/T), while T falls from a small
 * share of what a usual change costs to a tenth of that over the budget, and is 0 at its end.
 *
 * Two things make it strong here. Most proposals go from a bin where some concern costs
 * ("hot") to a bin that can take more of it for nothing ("cool"), by shift or else by swap; the
 * others are drawn at random. And holding transient room has a price: an item that leaves home
 * blocks its transient need there, so that moves without much use would use up the room that the
 * useful ones need. The price falls to nothing before the end; it is no part of the problem's cost.
 */

import { type Rng, seededRng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';
import type { Budget } from './problem.ts';

/** Steps between two looks at the budget; the best answer is kept at these moments. */
const STRIDE = 1024;
/** The first and the last temperature, as shares of a usual change. */
const HOTTEST = 0.03;
const COLDEST = 3e-3;
/** Of the cost of as much load beyond soft capacity. */
const HOLDING_PRICE = 1.3;
/** Share of the budget after which holding is free and nothing may get dearer. */
const FROZEN = 0.95;
/** The share of proposals that go from hot to cool; the others are random. */
const GUIDED = 0.8;
/** How often an item to come back is drawn, until it is smaller than the one that goes. */
const TRIES = 4;
/** How many random shifts tell what a usual change costs. */
const SAMPLES = 2000;

/** Draws of -ln(random). */
const LOGS = Float64Array.from({ length: 4096 }, (_, i) => -Math.log((i + 0.5) / 4096));

export class Annealer {
  steps = 0;
  bestCost: number;
  readonly best: Int32Array;
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #budget: Budget;
  /** With the holding price. */
  #cost: number;
  #temperature = 0;

  constructor(state: Assignment, budget: Budget) {
    this.#state = state;
    this.#budget = budget;
    this.#rng = seededRng(budget.seed);
    this.#cost = state.cost();
    this.bestCost = this.#cost;
    this.best = state.at.slice();
  }

  run(): void {
    const { steps } = this.#budget;
    if (this.#state.problem.items === 0 || this.#state.problem.bins < 2) return;
    const usual = this.#usualChange();
    while (this.steps < steps && usual > 0) {
      if (this.#budget.shouldStop?.() === true) break;
      const spent = Math.min(1, this.#budget.spent?.() ?? this.steps / steps);
      const falling = usual * HOTTEST * (COLDEST / HOTTEST) ** spent;
      this.#temperature = spent < FROZEN ? falling : 0;
      this.#charge(HOLDING_PRICE * Math.max(0, 1 - spent / FROZEN));
      const until = Math.min(steps, this.steps + STRIDE);
      for (; this.steps < until; this.steps += 1) this.#step();
      this.#keepBest();
    }
    this.#charge(0);
  }

  #charge(price: number): void {
    const { moves } = this.#state;
    this.#cost += (price - moves.holdingPrice) * moves.held;
    moves.holdingPrice = price;
  }

  #keepBest(): void {
    const { moves, at } = this.#state;
    const cost = this.#cost - moves.holdingPrice * moves.held;
    if (cost >= this.bestCost) return;
    this.bestCost = cost;
    this.best.set(at);
  }

  #step(): void {
    // A change of δ passes when random < e^(-δ/T): the same as δ < -T ln(random).
    const limit = this.#temperature * (LOGS[(this.#rng.next() * LOGS.length) | 0] ?? 0);
    const draw = this.#rng.next();
    if (draw < GUIDED) this.#hotToCool(limit);
    else if (draw < (1 + GUIDED) / 2) this.#randomShift(limit);
    else this.#randomSwap(limit);
  }

  #hotToCool(limit: number): void {
    const { loads, itemsIn } = this.#state;
    const concern = loads.concern(this.#rng.next());
    const from = this.#oneOf(loads.hot(concern));
    const to = this.#oneOf(loads.cool(concern));
    if (from < 0 || to < 0 || from === to) return;
    const item = this.#oneOf(itemsIn[from] ?? []);
    if (item < 0 || this.#shift(item, to, limit)) return;
    // What comes back must be smaller in what is short.
    for (let tries = 0; tries < TRIES; tries += 1) {
      const other = this.#oneOf(itemsIn[to] ?? []);
      if (other < 0) return;
      if (loads.needOf(other, concern) >= loads.needOf(item, concern)) continue;
      this.#swap(item, other, limit);
      return;
    }
  }

  #randomShift(limit: number): void {
    const { problem, at } = this.#state;
    const item = this.#below(problem.items);
    const to = this.#below(problem.bins);
    if (at[item] !== to) this.#shift(item, to, limit);
  }

  #randomSwap(limit: number): void {
    const { problem, at } = this.#state;
    const one = this.#below(problem.items);
    const other = this.#below(problem.items);
    if (at[one] !== at[other]) this.#swap(one, other, limit);
  }

  #shift(item: number, to: number, limit: number): boolean {
    const change = this.#state.shiftCost(item, to, limit);
    if (change > limit) return false;
    this.#state.place(item, to);
    this.#cost += change;
    return true;
  }

  #swap(one: number, other: number, limit: number): void {
    const change = this.#state.swapCost(one, other, limit);
    if (change > limit) return;
    this.#state.swap(one, other);
    this.#cost += change;
  }

  /** The mean size of what random shifts would change. */
  #usualChange(): number {
    const { problem, at } = this.#state;
    let [sum, count] = [0, 0];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const item = this.#below(problem.items);
      const to = this.#below(problem.bins);
      const change = at[item] === to ? Infinity : this.#state.shiftCost(item, to);
      if (!Number.isFinite(change)) continue;
      sum += Math.abs(change);
      count += 1;
    }
    return count > 0 ? sum / count : 1;
  }

  #below(count: number): number {
    return Math.floor(this.#rng.next() * count);
  }

  #oneOf(list: readonly number[]): number {
    return list[this.#below(list.length)] ?? -1;
  }
}

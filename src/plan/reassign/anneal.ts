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
 *
 * Beside these, items go where another leaves (which exchanges what fills a room), and large ones
 * are brought into bins that are too full for them (rearrange.ts). Where there are few steps per
 * item, a descent (descend.ts) goes first.
 */

import { type Rng, seededRng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';
import { Descent } from './descend.ts';
import type { Budget } from './problem.ts';
import { Rearranger } from './rearrange.ts';

/** Steps between two looks at the budget; the best answer is kept at these moments. */
const STRIDE = 1024;
/** Of the cost of as much load beyond soft capacity; what a long search charges. */
const HOLDING_PRICE = 1.3;
/** Share of the budget after which holding is free and nothing may get dearer. */
const FROZEN = 0.95;
/** The share of proposals that go from hot to cool; the others are random. */
const GUIDED = 0.8;
/** How often an item to come back is drawn, until it is smaller than the one that goes. */
const TRIES = 4;
/** With so many steps per item two trials, of this share of the budget each, can be afforded. */
const TRIAL_PACE = 5000;
const TRIAL = 0.08;
/** The share of a time budget in which the search learns how fast it is. */
const LEARNING = 0.03;
/** With fewer steps per item a descent goes first; with more, what it fills would be in the way. */
const DESCENT_PACE = 500;
/** The share of the budget after which the first descent ends, wherever it is. */
const DESCENT = 0.6;
/** How many random shifts tell what a usual change costs. */
const SAMPLES = 2000;

/** Draws of -ln(random). */
const LOGS = Float64Array.from({ length: 4096 }, (_, i) => -Math.log((i + 0.5) / 4096));

/** The last temperature as a share of the first. */
const COOLING = 0.1;

/** What suits the steps that there are. */
interface SearchPlan {
  /** The first temperature as a share of a usual change. */
  readonly heat: number;
  readonly holdingPrice: number;
  /** Shares of proposals that rearrange a bin, and (of the rest) that go where another leaves. */
  readonly rearranged: number;
  readonly chained: number;
}

/**
 * The more often each item's turn comes, the hotter may the search begin, and the more is dear room
 * at home worth saving: both pay only when there is time to use it. The figures are from trials
 * with 50 to 15,000 steps per item.
 */
function planFor(stepsPerItem: number): SearchPlan {
  return {
    heat: Math.min(0.3, 0.03 * Math.sqrt(stepsPerItem / 1000)),
    holdingPrice: HOLDING_PRICE * Math.min(1, stepsPerItem / 500),
    rearranged: Math.min(0.1, Math.max(0, stepsPerItem - 5000) / 100_000),
    chained: Math.min(0.4, stepsPerItem / 20_000),
  };
}

export class Annealer {
  steps = 0;
  bestCost: number;
  readonly best: Int32Array;
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #budget: Budget;
  readonly #rearranger: Rearranger;
  /** With the holding price. */
  #cost: number;
  #temperature = 0;
  /** The share of the budget that was spent before the search began. */
  #started = 0;
  /** What a random shift changes. */
  #usual = 0;
  #plan = planFor(0);

  constructor(state: Assignment, budget: Budget) {
    this.#state = state;
    this.#budget = budget;
    this.#rng = seededRng(budget.seed);
    this.#rearranger = new Rearranger(state, this.#rng);
    this.#cost = state.cost();
    this.bestCost = this.#cost;
    this.best = state.at.slice();
  }

  run(): void {
    if (this.#state.problem.items === 0 || this.#state.problem.bins < 2) return;
    this.#usual = this.#usualChange();
    this.#started = this.#spent(0);
    if (this.#budget.spent !== undefined) this.#anneal(this.#started + LEARNING, 1);
    if (this.#pace(this.#spent(this.steps)) < DESCENT_PACE) this.#descend();
    const share = this.#holdingShare();
    this.#anneal(1, share);
  }

  /**
   * Whether room at home is worth its price: 1 = yes. Where no transient room is short, the price
   * only bars good moves; a short search with it and one without tell.
   */
  #holdingShare(): 0 | 1 {
    const spent = this.#spent(this.steps);
    if (!this.#state.moves.canHold || this.#pace(spent) < TRIAL_PACE) return 1;
    const start = this.#state.at.slice();
    const results = ([0, 1] as const).map((share) => {
      this.#restore(start);
      return this.#anneal(spent + TRIAL * (1 + share), share);
    });
    this.#restore(this.best);
    return (results[0] ?? 0) < (results[1] ?? 0) ? 0 : 1;
  }

  /** From now until that share of the budget is spent; returns the least cost that it saw. */
  #anneal(until: number, holdingShare: 0 | 1): number {
    const { steps } = this.#budget;
    const from = this.#spent(this.steps);
    let least = Number.POSITIVE_INFINITY;
    while (this.steps < steps && this.#usual > 0) {
      if (this.#budget.shouldStop?.() === true) break;
      const spent = this.#spent(this.steps);
      if (spent >= until && until < 1) break;
      const progress = (spent - from) / Math.max(1 - FROZEN, until - from);
      this.#plan = planFor(this.#pace(spent));
      const heat = this.#plan.heat * COOLING ** progress;
      this.#temperature = progress < FROZEN ? this.#usual * heat : 0;
      const falling = Math.max(0, 1 - progress / FROZEN);
      this.#charge(holdingShare * this.#plan.holdingPrice * falling);
      const next = Math.min(steps, this.steps + STRIDE);
      for (; this.steps < next; this.steps += 1) this.#step();
      least = Math.min(least, this.#keepBest());
    }
    this.#charge(0);
    return least;
  }

  /** Puts all items where they were; what was allowed then is not judged again. */
  #restore(at: Int32Array): void {
    const state = this.#state;
    at.forEach((bin, item) => {
      if (state.at[item] !== bin) state.place(item, bin);
    });
    this.#cost = state.cost();
  }

  /** How many steps there will be for each item, judged by those so far. */
  #pace(spent: number): number {
    const { items } = this.#state.problem;
    if (this.#budget.spent === undefined) return this.#budget.steps / items;
    const passed = Math.max(Number.EPSILON, spent - this.#started);
    return (this.steps * (1 - this.#started)) / passed / items;
  }

  #descend(): void {
    const isOver = (): boolean =>
      this.#budget.shouldStop?.() === true || this.#spent(this.steps + descent.steps) >= DESCENT;
    const descent = new Descent(this.#state, this.#rng, isOver);
    const start = this.steps;
    this.#charge(HOLDING_PRICE);
    while (descent.round()) {
      this.steps = start + descent.steps;
      this.#charge(planFor(this.#pace(this.#spent(this.steps))).holdingPrice);
    }
    this.steps = start + descent.steps;
    this.#charge(0);
    this.#cost = this.#state.cost();
    this.#keepBest();
  }

  /** The share of the budget that is used up. */
  #spent(steps: number): number {
    return Math.min(1, this.#budget.spent?.() ?? steps / this.#budget.steps);
  }

  #charge(price: number): void {
    const { moves } = this.#state;
    this.#cost += (price - moves.holdingPrice) * moves.held;
    moves.holdingPrice = price;
  }

  /** Returns the problem's cost. */
  #keepBest(): number {
    const { moves, at } = this.#state;
    const cost = this.#cost - moves.holdingPrice * moves.held;
    if (cost < this.bestCost) {
      this.bestCost = cost;
      this.best.set(at);
    }
    return cost;
  }

  #step(): void {
    // A change of δ passes when random < e^(-δ/T): the same as δ < -T ln(random).
    const limit = this.#temperature * (LOGS[(this.#rng.next() * LOGS.length) | 0] ?? 0);
    if (this.#rng.next() < this.#plan.rearranged) return this.#rearrange(limit);
    if (this.#rng.next() < this.#plan.chained) return this.#chain(limit);
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

  #rearrange(limit: number): void {
    this.#cost += this.#rearranger.attempt(limit) ?? 0;
    this.steps += this.#rearranger.steps;
    this.#rearranger.steps = 0;
  }

  /** An item goes where another leaves: that one half of the time home, or else anywhere. */
  #chain(limit: number): void {
    const { problem, at, itemsIn, loads } = this.#state;
    const guided = this.#rng.next() < 0.5;
    const concern = guided ? loads.concern(this.#rng.next()) : 0;
    const hot = guided ? this.#oneOf(loads.hot(concern)) : -1;
    const item = hot < 0 ? this.#below(problem.items) : this.#oneOf(itemsIn[hot] ?? []);
    const cool = guided ? this.#oneOf(loads.cool(concern)) : -1;
    const through = cool < 0 ? this.#below(problem.bins) : cool;
    const from = at[item] ?? -1;
    if (item < 0) return;
    if (from === through) return;
    const other = this.#oneOf(itemsIn[through] ?? []);
    if (other < 0) return;
    const home = this.#rng.next() < 0.5 ? (problem.home[other] ?? -1) : -1;
    const to = home >= 0 ? home : this.#below(problem.bins);
    if (to === through) return;
    if (to === from) return this.#swap(item, other, limit);
    const change = this.#state.chainCost(item, other, to, limit);
    if (change > limit) return;
    this.#state.chain(item, other, to);
    this.#cost += change;
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

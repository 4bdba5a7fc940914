/**
 * Simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983) over the changes of
 * proposals.ts: one that costs δ is made with probability e^(-δ/T), while T falls from a small
 * share of what a usual change costs to a few hundredths of that, and is 0 at the budget's end.
 *
 * Two things open the way to what is dear to reach. Hard room and, in a long search, rules are for
 * sale while it is hot (sale.ts). And holding transient room has a price: an item that leaves home
 * blocks its transient need there, so that moves without much use would use up the room that the
 * useful ones need. The price falls to nothing before the end; it is no part of the problem's cost.
 *
 * Where there are few steps per item, a descent (descend.ts) goes first. Searches that run beside
 * each other meet at fixed shares of the budget, and go on from where the cheapest of them is. In a
 * long search every other one lets holding be free: which of the two kinds suits a problem is seen
 * late, and each is the better one somewhere.
 */

import { type Rng, seededRng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';
import { Descent } from './descend.ts';
import type { Budget } from './problem.ts';
import { type Mix, Proposals } from './proposals.ts';
import { Sale } from './sale.ts';

/** Steps between two looks at the budget; the best answer is kept at these moments. */
const STRIDE = 1024;
/** Of the cost of as much load beyond soft capacity; what a long search charges. */
const HOLDING_PRICE = 0.65;
/** The price falls with this power of what is left: few moves are worth a high price, and those are
 *  soon found; most of what is gained is gained at low prices, and takes its time. */
const FALL = 3;
/** Share of the budget after which holding is free and nothing may get dearer. */
const FROZEN = 0.95;
/** With so many steps per item both kinds of search are worth their time: with holding at a price
 *  and free. One that is alone makes a trial of either, of this share of the budget each. */
const KINDS_PACE = 5000;
const TRIAL = 0.08;
/** With so many, searches that meet share the kinds out among them and make no trials. */
const SHARED_KINDS_PACE = 20_000;
/** The share of a time budget in which the search learns how fast it is. */
const LEARNING = 0.03;
/** With fewer steps per item a descent goes first; with more, what it fills would be in the way. */
const DESCENT_PACE = 500;
/** The share of the budget after which the first descent ends, wherever it is. */
const DESCENT = 0.6;
/** With fewer steps per item room stays hard: there is no time to settle what is beyond it. */
const SALE_PACE = 100;
/** With so many steps per item rules are for sale with room, at multiples of that share of what a
 *  usual change costs; with fewer, there is no time to mend them. */
const RULES_PACE = 5000;
const RULE_WORTH = 0.3;
/** How many random shifts tell what a usual change costs. */
const SAMPLES = 2000;
/** Shares of the progress at which searches meet, while room may be for sale; they meet once more
 *  when they are through. */
const MEETINGS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.78];
export const ROUNDS = MEETINGS.length + 1;

/** Draws of -ln(random). */
const LOGS = Float64Array.from({ length: 4096 }, (_, i) => -Math.log((i + 0.5) / 4096));

/** The last temperature: at most that share of a usual change, and of the first one. */
const COLD = 0.002;
const COOLING = 0.02;

/** What suits the steps that there are. */
interface SearchPlan extends Mix {
  /** The first temperature as a share of a usual change. */
  readonly heat: number;
  /** The power of progress that the cooling goes by: above 1, it stays hot for longer. */
  readonly bend: number;
  readonly holdingPrice: number;
}

/**
 * The more often each item's turn comes, the hotter may the search begin, and the more is dear room
 * at home worth saving: both pay only when there is time to use it. The figures are from trials
 * with 50 to 15,000 steps per item.
 */
function planFor(stepsPerItem: number): SearchPlan {
  return {
    heat: Math.min(0.7, (0.19 * stepsPerItem) / 1000),
    bend: 1 + 0.6 * Math.min(1, stepsPerItem / 5000),
    holdingPrice: HOLDING_PRICE * Math.min(1, stepsPerItem / 250),
    reaches: stepsPerItem >= KINDS_PACE,
    rearranged: stepsPerItem < KINDS_PACE ? 0 : 0.005,
    chained: Math.min(0.2, stepsPerItem / 7000),
  };
}

/** The last temperature as a share of the first. */
function cooling(heat: number): number {
  return Math.min(COOLING, COLD / heat);
}

export class Annealer {
  steps = 0;
  bestCost: number;
  readonly best: Int32Array;
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #budget: Budget;
  readonly #proposals: Proposals;
  readonly #sale: Sale;
  /** What the start has beyond the room. */
  readonly #excess: number;
  /** With the prices. */
  #cost: number;
  /** The share of the budget that was spent before the search began. */
  #started = 0;
  /** What a random shift changes. */
  #usual = 0;
  /** Whether room and rules may be for sale. */
  #sells = false;
  /** What a unit of a broken rule is worth in a sale; Infinity: rules are hard. */
  #ruleWorth = Number.POSITIVE_INFINITY;
  /** How many meetings there have been. */
  #met = 0;

  constructor(state: Assignment, budget: Budget) {
    this.#state = state;
    this.#budget = budget;
    this.#rng = seededRng(budget.seed);
    this.#proposals = new Proposals(state, this.#rng);
    this.#sale = new Sale(state, this.#rng, () => budget.shouldStop?.() === true);
    this.#excess = state.loads.excess();
    this.#cost = state.cost();
    this.bestCost = this.#cost;
    this.best = state.at.slice();
  }

  run(): void {
    if (this.#state.problem.items > 0 && this.#state.problem.bins > 1) this.#search();
    const { meeting } = this.#budget;
    if (meeting === undefined) return;
    const missed = { cost: Number.POSITIVE_INFINITY, held: 0, at: this.best };
    // Others wait at the meetings that a short search has missed.
    for (; this.#met < MEETINGS.length; this.#met += 1) meeting.meet(this.#met, missed, 0);
    const offer = meeting.meet(this.#met, { ...missed, cost: this.bestCost }, 0);
    if (offer !== undefined) this.best.set(offer);
  }

  #search(): void {
    this.#usual = this.#usualChange();
    this.#started = this.#spent(0);
    if (this.#budget.spent !== undefined) this.#anneal(this.#started + LEARNING, 1);
    if (this.#pace(this.#spent(this.steps)) < DESCENT_PACE) this.#descend();
    const share = this.#holdingShare();
    const pace = this.#pace(this.#spent(this.steps));
    this.#sells = pace >= SALE_PACE;
    if (pace >= RULES_PACE) this.#ruleWorth = RULE_WORTH * this.#usual;
    this.#anneal(1, share);
  }

  /**
   * Whether room at home is worth its price: 1 = yes. Where no transient room is short, the price
   * only bars good moves. Of long searches that meet every other one has it; else two trials tell,
   * which are short and may err.
   */
  #holdingShare(): 0 | 1 {
    const spent = this.#spent(this.steps);
    const pace = this.#pace(spent);
    if (!this.#state.moves.canHold || pace < KINDS_PACE) return 1;
    const { meeting } = this.#budget;
    if (meeting !== undefined && pace >= SHARED_KINDS_PACE) return meeting.self % 2 === 0 ? 1 : 0;
    const start = this.#state.at.slice();
    const results = ([0, 1] as const).map((share) => {
      this.#goTo(start);
      return this.#anneal(spent + TRIAL * (1 + share), share);
    });
    this.#goTo(this.best);
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
      const plan = planFor(this.#pace(spent));
      const falling = Math.max(0, 1 - progress / FROZEN);
      this.#charge(holdingShare * plan.holdingPrice * falling ** FALL);
      if (this.#sells && this.#sale.update(progress, this.#ruleWorth)) this.#reckon();
      this.#cost += this.#sale.markUp(progress);
      if (until === 1) this.#meet(progress);
      const fallen = cooling(plan.heat) ** (progress ** plan.bend);
      const heat = progress < FROZEN ? plan.heat * fallen : 0;
      this.#stride(Math.min(steps, this.steps + STRIDE), this.#usual * heat, plan);
      least = Math.min(least, this.#keepBest());
    }
    this.#charge(0);
    if (this.#sale.close()) {
      this.#reckon();
      this.#keepBest();
    }
    return least;
  }

  #stride(until: number, temperature: number, mix: Mix): void {
    const proposals = this.#proposals;
    for (; this.steps < until; this.steps += 1) {
      // A change of δ passes when random < e^(-δ/T): the same as δ < -T ln(random).
      const limit = temperature * (LOGS[(this.#rng.next() * LOGS.length) | 0] ?? 0);
      this.#cost += proposals.step(limit, mix);
      this.steps += proposals.extraSteps;
      proposals.extraSteps = 0;
    }
  }

  /** Goes on from where another search is, if that has come further by this one's own price. */
  #meet(progress: number): void {
    const { meeting } = this.#budget;
    const { moves, at } = this.#state;
    while (meeting !== undefined && progress >= (MEETINGS[this.#met] ?? Number.POSITIVE_INFINITY)) {
      const cost = this.#cost - moves.holdingPrice * moves.held;
      const offer = meeting.meet(this.#met, { cost, held: moves.held, at }, moves.holdingPrice);
      this.#met += 1;
      if (offer === undefined) continue;
      this.#goTo(offer);
      // Room and rules may be for sale to the other only, whose pace is its own.
      if (!this.#sale.isOpen && !this.#sale.isWhole()) this.#goTo(this.best);
    }
  }

  /** After the price of room has changed. */
  #reckon(): void {
    if (this.#sale.isOpen || this.#sale.isWhole()) this.#recount();
    else this.#goTo(this.best);
  }

  #recount(): void {
    const { moves } = this.#state;
    this.#cost = this.#state.cost() + moves.holdingPrice * moves.held;
  }

  #goTo(at: Int32Array): void {
    this.#state.restore(at);
    this.#recount();
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
    this.#recount();
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

  /** Keeps what is allowed and the cheapest so far. Returns the cost, without holding. */
  #keepBest(): number {
    const { moves, at, loads } = this.#state;
    const cost = this.#cost - moves.holdingPrice * moves.held;
    const isAllowed = (): boolean =>
      this.#sale.isOpen ? this.#sale.isWhole() : loads.excess() <= this.#excess;
    if (cost < this.bestCost && isAllowed()) {
      this.bestCost = cost;
      this.best.set(at);
    }
    return cost;
  }

  /** The mean size of what random shifts would change. */
  #usualChange(): number {
    const { problem, at } = this.#state;
    let [sum, count] = [0, 0];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const item = Math.floor(this.#rng.next() * problem.items);
      const to = Math.floor(this.#rng.next() * problem.bins);
      const change = at[item] === to ? Infinity : this.#state.shiftCost(item, to);
      if (!Number.isFinite(change)) continue;
      sum += Math.abs(change);
      count += 1;
    }
    return count > 0 ? sum / count : 1;
  }
}

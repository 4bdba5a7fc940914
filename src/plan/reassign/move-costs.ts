/**
 * What being away from home costs: per item, per pair of bins, and for the move group with the most
 * moved items. Also keeps the limit on the number of moves.
 */

import { holdingPrices } from './load-tables.ts';
import type { Problem } from './problem.ts';

export class MoveCosts {
  moved = 0;
  /** The sum of what the items that are away hold at home. */
  held = 0;
  /** Charged per unit of {@link held}; no part of the problem's cost: see anneal.ts. */
  holdingPrice = 0;
  /** True when any item would hold something at home. */
  readonly canHold: boolean;
  /** Per item its move cost and the transient need that it leaves behind at home, at its price
   *  (load-tables.ts); side by side, since they are asked for together. */
  readonly #fees: Float64Array;
  readonly #home: Int32Array;
  readonly #items: number;
  readonly #bins: number;
  readonly #at: Int32Array;
  readonly #pairWeight: number;
  readonly #groupWeight: number;
  readonly #groupOf: Int32Array | undefined;
  readonly #pairs: Problem['pairCost'];
  readonly #maxMoves: number;
  /** Per move group: how many of it are away. */
  readonly #movedOf: Int32Array;
  /** Per number of moved items: how many groups have that many. */
  readonly #groupsWith: Int32Array;
  #most = 0;

  constructor(problem: Problem, at: Int32Array) {
    this.#home = problem.home;
    this.#items = problem.items;
    this.#bins = problem.bins;
    this.#at = at;
    this.#pairWeight = problem.pairWeight ?? 1;
    this.#groupWeight = problem.moveGroupWeight ?? 0;
    this.#groupOf = this.#groupWeight > 0 ? problem.moveGroupOf : undefined;
    this.#pairs = problem.pairCost;
    this.#maxMoves = problem.maxMoves ?? Number.POSITIVE_INFINITY;
    this.#fees = feesOf(problem);
    this.canHold = this.#fees.some((fee, at) => at % 2 === 1 && fee > 0);
    const groups = this.#groupOf?.reduce((most, g) => Math.max(most, g + 1), 0) ?? 0;
    this.#movedOf = new Int32Array(groups);
    this.#groupsWith = new Int32Array(problem.items + 2);
    this.#groupsWith[0] = groups;
    for (let item = 0; item < problem.items; item += 1) {
      if (this.#away(item, at[item] ?? -1) === 1) this.#count(item, 1);
    }
  }

  total(): number {
    let sum = this.#groupWeight * this.#most;
    for (let item = 0; item < this.#items; item += 1) {
      sum += this.#costAt(item, this.#at[item] ?? -1);
    }
    return sum - this.holdingPrice * this.held;
  }

  /** What it would change, holding included; Infinity: one move too many. */
  change(item: number, from: number, to: number): number {
    const away = this.#away(item, to) - this.#away(item, from);
    if (away > 0 && this.moved >= this.#maxMoves) return Number.POSITIVE_INFINITY;
    const own = this.#costAt(item, to) - this.#costAt(item, from);
    return this.#groupOf === undefined
      ? own
      : own + this.#groupWeight * this.#mostChange(item, away);
  }

  /** The same for two items that move at once. */
  pairChange(one: number, oneTo: number, other: number, otherTo: number): number {
    const [here, there] = [this.#at[one] ?? -1, this.#at[other] ?? -1];
    const goes = this.#away(one, oneTo) - this.#away(one, here);
    const comes = this.#away(other, otherTo) - this.#away(other, there);
    if (goes + comes > 0 && this.moved + goes + comes > this.#maxMoves) {
      return Number.POSITIVE_INFINITY;
    }
    const own = this.#costAt(one, oneTo) - this.#costAt(one, here);
    const others = this.#costAt(other, otherTo) - this.#costAt(other, there);
    if (this.#groupOf === undefined) return own + others;
    return own + others + this.#groupWeight * this.#mostChangeOfTwo(one, goes, other, comes);
  }

  apply(item: number, from: number, to: number): void {
    const away = this.#away(item, to) - this.#away(item, from);
    if (away !== 0) this.#count(item, away);
  }

  #costAt(item: number, bin: number): number {
    const home = this.#home[item] ?? -1;
    if (home < 0 || bin < 0 || bin === home) return 0;
    const fees = this.#fees;
    const own = (fees[2 * item] ?? 0) + this.holdingPrice * (fees[2 * item + 1] ?? 0);
    if (this.#pairs === undefined) return own;
    return own + this.#pairWeight * (this.#pairs[home * this.#bins + bin] ?? 0);
  }

  #away(item: number, bin: number): number {
    const home = this.#home[item] ?? -1;
    return home < 0 || bin < 0 || bin === home ? 0 : 1;
  }

  #mostChange(item: number, away: number): number {
    const group = this.#groupOf?.[item] ?? -1;
    if (away === 0 || group < 0) return 0;
    const now = this.#movedOf[group] ?? 0;
    if (away > 0) return now === this.#most ? 1 : 0;
    return now === this.#most && this.#groupsWith[now] === 1 ? -1 : 0;
  }

  #mostChangeOfTwo(one: number, goes: number, other: number, comes: number): number {
    if (goes === 0) return this.#mostChange(other, comes);
    if (comes === 0) return this.#mostChange(one, goes);
    const before = this.#most;
    this.#count(one, goes);
    const after = this.#most + this.#mostChange(other, comes);
    this.#count(one, -goes);
    return after - before;
  }

  #count(item: number, away: number): void {
    this.moved += away;
    this.held += away * (this.#fees[2 * item + 1] ?? 0);
    const group = this.#groupOf?.[item] ?? -1;
    if (group < 0) return;
    const before = this.#movedOf[group] ?? 0;
    const now = before + away;
    this.#movedOf[group] = now;
    this.#groupsWith[before] = (this.#groupsWith[before] ?? 0) - 1;
    this.#groupsWith[now] = (this.#groupsWith[now] ?? 0) + 1;
    if (now > this.#most) this.#most = now;
    else if (before === this.#most && this.#groupsWith[before] === 0) this.#most = now;
  }
}

function feesOf(problem: Problem): Float64Array {
  const { items, resources, need, moveCost } = problem;
  const prices = holdingPrices(problem);
  const fees = new Float64Array(2 * items);
  for (let item = 0; item < items; item += 1) {
    fees[2 * item] = moveCost[item] ?? 0;
    let held = 0;
    for (let r = 0; r < resources; r += 1) {
      held += (prices[r] ?? 0) * (need[item * resources + r] ?? 0);
    }
    fees[2 * item + 1] = held;
  }
  return fees;
}

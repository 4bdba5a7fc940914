/**
 * Where every item is, and what that costs. Knows how to judge a change (what it would cost, or
 * that it is not allowed), make it, and take it back, each in O(resources + rules of the items).
 *
 * Judging changes nothing, and allows nothing that breaks what was whole. A change is told with the
 * holding price (move-costs.ts), which `cost` leaves out.
 */

import { IndexSets } from './index-sets.ts';
import { Loads } from './loads.ts';
import { MoveCosts } from './move-costs.ts';
import type { Problem } from './problem.ts';
import { RuleCounts } from './rule-counts.ts';

interface Move {
  readonly item: number;
  readonly to: number;
}

export class Assignment {
  readonly problem: Problem;
  readonly at: Int32Array;
  readonly loads: Loads;
  readonly rules: RuleCounts;
  readonly moves: MoveCosts;
  /** Per bin: the items there, in no particular order. */
  readonly itemsIn: number[][];
  /** The items that are not at home, in no particular order. */
  readonly away: readonly number[];
  /** Items that stand where they may not, or nowhere. */
  misplaced = 0;
  readonly #slot: Int32Array;
  /** One set of items: {@link away}. */
  readonly #awaySet: IndexSets;
  readonly #allowed: readonly (Uint8Array | undefined)[] | undefined;
  readonly #classOf: Int32Array | undefined;
  readonly #fixed: Uint8Array | undefined;
  readonly #penalty: number;
  /** True when no arrival lowers a cost. */
  readonly #isMonotone: boolean;

  /** `at` becomes the assignment's own; -1: in no bin yet, which counts as misplaced. */
  constructor(problem: Problem, at: Int32Array) {
    this.problem = problem;
    this.at = at;
    this.loads = new Loads(problem, at);
    this.moves = new MoveCosts(problem, at);
    this.rules = new RuleCounts(problem, at);
    this.itemsIn = Array.from({ length: problem.bins }, () => []);
    this.#slot = new Int32Array(problem.items);
    this.#awaySet = new IndexSets(1, problem.items);
    this.away = this.#awaySet.of(0);
    this.#classOf = problem.classOf;
    this.#allowed = problem.allowed;
    this.#fixed = problem.fixed;
    this.#penalty = problem.penalty;
    this.#isMonotone = this.loads.isPlain;
    at.forEach((bin, item) => {
      if (bin >= 0) this.#enter(item, bin);
      this.#awaySet.put(0, item, bin !== problem.home[item]);
      if (!this.allows(item, bin)) this.misplaced += 1;
    });
  }

  /** The problem's cost, added up anew (bins and items each once). */
  cost(): number {
    const bins = this.loads.cost.reduce((sum, cost) => sum + cost, 0);
    const { rules } = this;
    const broken = rules.isForSale ? rules.cost : this.#penalty * rules.total;
    return bins + this.moves.total() + broken + this.#penalty * this.misplaced;
  }

  broken(): number {
    return this.rules.total + this.misplaced + this.loads.overload(this.#penalty);
  }

  allows(item: number, bin: number): boolean {
    if (bin < 0) return false;
    if (this.#allowed === undefined) return true;
    return (this.#allowed[this.#classOf?.[item] ?? 0]?.[bin] ?? 1) === 1;
  }

  /**
   * What it would change if the item went to another bin; Infinity: not allowed. An answer above
   * `limit` only says that it is above: rules are then not looked at.
   */
  shiftCost(item: number, to: number, limit = Number.POSITIVE_INFINITY): number {
    if (!this.allows(item, to) || this.#fixed?.[item] === 1) return Number.POSITIVE_INFINITY;
    const { loads } = this;
    const from = this.at[item] ?? -1;
    const mendable = limit + this.#mendable(item);
    let change = this.moves.change(item, from, to);
    if (from >= 0) change += loads.departure(item, from);
    if (this.misplaced > 0 && !this.allows(item, from)) change -= this.#penalty;
    if (this.#isMonotone && change > mendable) return change;
    change += loads.arrival(item, to, mendable - change);
    if (change > mendable || change === Number.POSITIVE_INFINITY) return change;
    if (this.rules.isFree(item)) return change;
    return change + this.#shiftBreaks(item, from, to);
  }

  /** The same for two items in different bins that change places. */
  swapCost(one: number, other: number, limit = Number.POSITIVE_INFINITY): number {
    const here = this.at[one] ?? -1;
    const there = this.at[other] ?? -1;
    if (here < 0 || there < 0) return Number.POSITIVE_INFINITY;
    if (!this.allows(one, there) || !this.allows(other, here)) return Number.POSITIVE_INFINITY;
    if (this.#fixed?.[one] === 1 || this.#fixed?.[other] === 1) return Number.POSITIVE_INFINITY;
    const { loads } = this;
    let change = this.moves.pairChange(one, there, other, here);
    if (this.misplaced > 0) change -= this.#penalty * this.#strays(one, other);
    const mendable = limit + this.#mendable(one) + this.#mendable(other);
    // The gain of its leaving; less comes of it when another arrives, but for balances and spread.
    const floorHere = this.#isMonotone ? loads.departure(one, here) : -(loads.cost[here] ?? 0);
    change += loads.exchange(one, other, there, mendable - change - floorHere);
    if (change + floorHere > mendable || change === Number.POSITIVE_INFINITY) {
      return change + floorHere;
    }
    change += loads.exchange(other, one, here, mendable - change);
    if (change > mendable || change === Number.POSITIVE_INFINITY) return change;
    return this.#withRules(change, { item: one, to: there }, { item: other, to: here });
  }

  /** The same for an item that goes where another leaves for a third bin. */
  chainCost(one: number, other: number, to: number, limit = Number.POSITIVE_INFINITY): number {
    const here = this.at[one] ?? -1;
    const there = this.at[other] ?? -1;
    if (here < 0 || there < 0) return Number.POSITIVE_INFINITY;
    if (!this.allows(one, there) || !this.allows(other, to)) return Number.POSITIVE_INFINITY;
    if (this.#fixed?.[one] === 1 || this.#fixed?.[other] === 1) return Number.POSITIVE_INFINITY;
    const { loads } = this;
    let change = this.moves.pairChange(one, there, other, to) + loads.departure(one, here);
    if (this.misplaced > 0) change -= this.#penalty * this.#strays(one, other);
    const mendable = limit + this.#mendable(one) + this.#mendable(other);
    const floorThere = -(loads.cost[there] ?? 0);
    change += loads.arrival(other, to, mendable - change - floorThere);
    if (change + floorThere > mendable || change === Number.POSITIVE_INFINITY) {
      return change + floorThere;
    }
    change += loads.exchange(one, other, there, mendable - change);
    if (change > mendable || change === Number.POSITIVE_INFINITY) return change;
    return this.#withRules(change, { item: one, to: there }, { item: other, to });
  }

  /** How many of the two stand where they may not. */
  #strays(one: number, other: number): number {
    const strays = this.allows(one, this.at[one] ?? -1) ? 0 : 1;
    return strays + (this.allows(other, this.at[other] ?? -1) ? 0 : 1);
  }

  /** What a move of the item may gain at most by mending rules. */
  #mendable(item: number): number {
    const { rules } = this;
    if (!rules.isBroken(item)) return 0;
    return rules.isForSale ? rules.cost : Number.POSITIVE_INFINITY;
  }

  /** What the shift would cost in rules; Infinity: it breaks one that is hard. */
  #shiftBreaks(item: number, from: number, to: number): number {
    const { rules } = this;
    if (rules.canJudge(item)) return rules.judge(item, to);
    rules.mark();
    rules.move(item, to);
    const change = rules.change(this.#penalty);
    rules.move(item, from);
    return change;
  }

  /** The change with what two moves cost in rules; Infinity: they break one that is hard. */
  #withRules(change: number, one: Move, other: Move): number {
    const { rules } = this;
    if (rules.isFree(one.item) && rules.isFree(other.item)) return change;
    if (rules.canJudgeBoth(one.item, other.item)) {
      return change + rules.judge(one.item, one.to) + rules.judge(other.item, other.to);
    }
    const [here, there] = [this.at[one.item] ?? -1, this.at[other.item] ?? -1];
    rules.mark();
    rules.move(one.item, -1);
    rules.move(other.item, other.to);
    rules.move(one.item, one.to);
    const broken = rules.change(this.#penalty);
    rules.move(one.item, -1);
    rules.move(other.item, there);
    rules.move(one.item, here);
    return change + broken;
  }

  /** Puts the item into the bin. The caller has judged: nothing is checked. */
  place(item: number, to: number): void {
    const from = this.at[item] ?? -1;
    if (!this.allows(item, from)) this.misplaced -= 1;
    if (!this.allows(item, to)) this.misplaced += 1;
    if (from >= 0) {
      this.loads.remove(item, from);
      this.#leave(item, from);
    }
    this.moves.apply(item, from, to);
    this.rules.move(item, to);
    this.#awaySet.put(0, item, to !== this.problem.home[item]);
    if (to < 0) return;
    this.loads.add(item, to);
    this.#enter(item, to);
  }

  /**
   * Puts the item into the bin though there may be no room for it, which the caller has to make.
   * Returns what that changes but for the room; Infinity: it is not allowed, and nothing is done.
   */
  force(item: number, to: number): number {
    const from = this.at[item] ?? -1;
    if (!this.allows(item, to) || this.#fixed?.[item] === 1) return Number.POSITIVE_INFINITY;
    let change = this.moves.change(item, from, to);
    if (!this.rules.isFree(item)) change += this.#shiftBreaks(item, from, to);
    if (change === Number.POSITIVE_INFINITY) return change;
    const { cost } = this.loads;
    if (!this.allows(item, from)) change -= this.#penalty;
    change -= (cost[from] ?? 0) + (cost[to] ?? 0);
    this.place(item, to);
    return change + (cost[from] ?? 0) + (cost[to] ?? 0);
  }

  /** Puts all items where they were once; what was allowed then is not judged again. */
  restore(at: Int32Array): void {
    at.forEach((bin, item) => {
      if (this.at[item] !== bin) this.place(item, bin);
    });
  }

  /** The change that {@link chainCost} judges. */
  chain(one: number, other: number, to: number): void {
    const there = this.at[other] ?? -1;
    this.place(other, to);
    this.place(one, there);
  }

  swap(one: number, other: number): void {
    const [here, there] = [this.at[one] ?? -1, this.at[other] ?? -1];
    this.place(one, there);
    this.place(other, here);
  }

  #enter(item: number, bin: number): void {
    const inside = this.itemsIn[bin] ?? [];
    this.#slot[item] = inside.length;
    inside.push(item);
  }

  #leave(item: number, bin: number): void {
    const inside = this.itemsIn[bin] ?? [];
    const last = inside.pop() ?? item;
    if (last === item) return;
    const slot = this.#slot[item] ?? 0;
    inside[slot] = last;
    this.#slot[last] = slot;
  }
}

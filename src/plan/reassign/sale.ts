/**
 * Room and rules for sale: while the search is hot, what goes beyond the hard room of a bin, and
 * what breaks a rule, costs a price instead of being forbidden, so that the search may cross
 * placements that are not allowed (as strategic oscillation does: Glover, "Future paths for integer
 * programming", 1986). Where little room is left, or rules hold many items together, what is
 * allowed falls into islands that no shift or swap connects. And where room is for sale but rules
 * are hard, a bin may stay overdrawn for good, since no way out of it keeps the rules.
 *
 * Prices rise with progress; near the end they rise faster until all is whole. What then still is
 * not leaves its bin, for home if there is no better place. Where rules bar that, guests go home
 * together with those whom that would break a rule for: at home all items fit.
 */

import type { Rng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';

/** The price as a multiple of what room is worth (load-tables.ts), at first and at the end. */
const FIRST = 2;
const LAST = 30;
/** Prices change in such steps: all bins are reckoned anew then. */
const STEP = 1.08;
/** The share of progress after which room is hard as soon as all fits; until nothing is for sale,
 *  the price rises by so much more. */
const CLOSING = 0.8;
const CLOSED = 0.9;
const RISE = 300;
/** Powers of ten by which room that is overdrawn gets dearer in the course of the whole search, and
 *  by which it gets cheaper again where it is not. */
const RISING = 50;
const FALLING = 20;
/** The price at which what does not fit leaves, and how many rounds over all bins that takes. */
const FORBIDDING = 1e5;
const ROUNDS = 20;
/** How many bins, and others to change places with, are looked at for an item that has to leave. */
const PLACES_DRAWN = 100;

export class Sale {
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #isOver: () => boolean;
  /** Per rule: in how many units it was broken when the search began. */
  readonly #brokenBefore: Int32Array;
  /** Whether rules may be for sale with room: not where some are broken from the start. */
  readonly #maySellRules: boolean;
  #factor = Number.POSITIVE_INFINITY;
  #ruleWorth = Number.POSITIVE_INFINITY;
  /** The progress at which prices were marked up last. */
  #marked = 0;

  /** `isOver`: there is no time left to find places; asked bin by bin. */
  constructor(state: Assignment, rng: Rng, isOver: () => boolean) {
    this.#state = state;
    this.#rng = rng;
    this.#isOver = isOver;
    this.#brokenBefore = state.rules.broken.slice();
    this.#maySellRules = state.rules.total === 0;
  }

  get isOpen(): boolean {
    return this.#factor < Number.POSITIVE_INFINITY;
  }

  /** Sets the prices for that share of progress. `ruleWorth`: of what a unit of a broken rule costs
   *  a multiple, as room does of its worth; Infinity: rules stay hard. True: costs have changed. */
  update(progress: number, ruleWorth = Number.POSITIVE_INFINITY): boolean {
    const { loads } = this.#state;
    if (progress >= CLOSING) {
      if (!this.isOpen) return false;
      if (this.isWhole()) return this.#sell(Number.POSITIVE_INFINITY);
      if (progress >= CLOSED) return this.close();
    } else if (!this.isOpen && !loads.canSellRoom()) return false;
    const end = Math.max(0, progress - CLOSING) / (CLOSED - CLOSING);
    const factor = FIRST * (LAST / FIRST) ** Math.min(1, progress / CLOSING) * RISE ** end;
    const isNear = factor < this.#factor * STEP && factor * STEP > this.#factor;
    if (isNear) return false;
    if (this.#maySellRules) this.#ruleWorth = ruleWorth;
    return this.#sell(factor);
  }

  /**
   * Marks up room that is overdrawn and rules that are broken, the longer the more, so that nothing
   * gets stuck there: as much as the progress since the last time is worth. Returns what that
   * changes in cost.
   */
  markUp(progress: number): number {
    const passed = Math.max(0, progress - this.#marked);
    this.#marked = progress;
    if (!this.isOpen) return 0;
    const [dearer, cheaper] = [10 ** (RISING * passed), 10 ** (-FALLING * passed)];
    const { loads, rules } = this.#state;
    return loads.markUp(dearer, cheaper) + rules.markUp(dearer, cheaper);
  }

  /** From now on nothing is for sale; what bars that leaves. True: costs have changed. */
  close(): boolean {
    if (!this.isOpen) return false;
    this.#sell(FORBIDDING);
    const { loads, problem, rules } = this.#state;
    for (let round = 0; round < ROUNDS && !this.isWhole(); round += 1) {
      for (let bin = 0; bin < problem.bins; bin += 1) {
        if (loads.excessIn(bin) > 0 && !this.#isOver()) this.#clear(bin);
      }
      for (let item = 0; rules.total > 0 && item < problem.items; item += 1) {
        if (rules.isBroken(item) && !this.#isOver()) this.#sendOff(item);
      }
    }
    this.#retreat();
    return this.#sell(Number.POSITIVE_INFINITY);
  }

  #sell(factor: number): boolean {
    this.#factor = factor;
    this.#state.loads.sellRoom(factor);
    this.#state.rules.sell(factor * this.#ruleWorth);
    return true;
  }

  /** Those leave whose leaving helps, until all fits: first strangers, and those that help most. */
  #clear(bin: number): void {
    const { loads, itemsIn, problem } = this.#state;
    const change = (item: number): number => loads.departure(item, bin);
    const native = (item: number): number => (problem.home[item] === bin ? 1 : 0);
    const guests = (itemsIn[bin] ?? []).filter((item) => change(item) < 0);
    guests.sort((a, b) => native(a) - native(b) || change(a) - change(b) || a - b);
    for (const item of guests) {
      if (loads.excessIn(bin) === 0) return;
      if (change(item) < 0) this.#sendOff(item);
    }
  }

  #sendOff(item: number): void {
    if (this.#exchange(item)) return;
    const to = this.#placeFor(item, this.#state.at[item] ?? -1);
    if (to >= 0) this.#state.place(item, to);
  }

  /** Changes places with the best of some others, if that makes it cheaper. */
  #exchange(item: number): boolean {
    const { problem, at } = this.#state;
    let [best, least] = [-1, 0];
    for (let drawn = 0; drawn < PLACES_DRAWN; drawn += 1) {
      const other = Math.floor(this.#rng.next() * problem.items);
      if (at[other] === at[item]) continue;
      const change = this.#state.swapCost(item, other, least);
      if (change < least) [best, least] = [other, change];
    }
    if (best >= 0) this.#state.swap(item, best);
    return best >= 0;
  }

  /**
   * What fits nowhere since rules are against it: guests of overfull bins go home, whatever that
   * breaks, and so do those whom it breaks rules for, until all is whole: at home everybody fits.
   * Ends, for every round sends some home who were away. (Where the search did not begin at home,
   * all may not be whole even then.)
   */
  #retreat(): void {
    const { problem, at } = this.#state;
    for (let sent = -1; sent !== 0 && !this.isWhole(); ) {
      sent = 0;
      for (const item of this.#troubled()) {
        const home = problem.home[item] ?? -1;
        if (home < 0 || at[item] === home || !this.#isTrouble(item)) continue;
        this.#state.place(item, home);
        sent += 1;
      }
    }
  }

  /** True when everything fits and no rule is broken further than when the search began. */
  isWhole(): boolean {
    const { loads, rules } = this.#state;
    const isKept = (units: number, rule: number): boolean =>
      units <= (this.#brokenBefore[rule] ?? 0);
    return loads.excess() === 0 && rules.broken.every(isKept);
  }

  /** Those in overfull bins, whose leaving helps most first; then those of broken rules. */
  #troubled(): readonly number[] {
    const { problem, loads, rules, itemsIn } = this.#state;
    const guests: { readonly item: number; readonly change: number }[] = [];
    for (let bin = 0; bin < problem.bins; bin += 1) {
      if (loads.excessIn(bin) === 0) continue;
      for (const item of itemsIn[bin] ?? []) {
        guests.push({ item, change: loads.departure(item, bin) });
      }
    }
    guests.sort((a, b) => a.change - b.change || a.item - b.item);
    if (guests.length > 0) return guests.map(({ item }) => item);
    return Array.from(problem.home.keys()).filter((item) => rules.isBroken(item));
  }

  #isTrouble(item: number): boolean {
    const { at, loads, rules } = this.#state;
    return loads.excessIn(at[item] ?? -1) > 0 || rules.isBroken(item);
  }

  /** Where it costs least; home, if it would not be cheaper anywhere than where it is. */
  #placeFor(item: number, from: number): number {
    const { problem } = this.#state;
    const home = problem.home[item] ?? -1;
    const homeCost = home < 0 ? Number.POSITIVE_INFINITY : this.#state.shiftCost(item, home);
    let [best, least] = [homeCost < Number.POSITIVE_INFINITY ? home : -1, Math.min(0, homeCost)];
    for (let drawn = 0; drawn < PLACES_DRAWN; drawn += 1) {
      const bin = Math.floor(this.#rng.next() * problem.bins);
      if (bin === from) continue;
      const change = this.#state.shiftCost(item, bin, least);
      if (change < least) [best, least] = [bin, change];
    }
    return best;
  }
}

/**
 * The changes that the annealer proposes: one at a time, made if it costs no more than it may.
 * Most go from a bin where some concern costs ("hot") to a bin that can take more of it for nothing
 * ("cool"), by shift or else by swap, or exchange two items of about the same size, which changes
 * little and so is often worth it late in the search; some let an item go where another leaves;
 * some are shifts to anywhere. In most of them the items take turns: neighbours come one after the
 * other, which memory likes (arrange.ts).
 *
 * Where transient room is scarce, an item that leaves home takes room elsewhere and frees none, so
 * that hardly a change of those that are at home is allowed; who is away moves easily. There those
 * that are away have their turn more often, and no two that are at home exchange.
 */

import type { Rng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';
import { Likes } from './likes.ts';
import { Reach } from './reach.ts';
import { Rearranger } from './rearrange.ts';

/** The shares of proposals (but those that rearrange or chain) from hot to cool and to anywhere;
 *  the others exchange likes. The best of trials on four problems. */
const GUIDED = 0.3;
const ANYWHERE = 0.17;
/** The share of shifts to anywhere that go home: what gives back the room that a move of little use
 *  has taken there and here, and would be rare by chance. */
const HOME = 0.3;
/** How often an item to come back is drawn, until it is smaller than the one that goes. */
const TRIES = 4;
/** How often a bin is drawn until it could hold the item. */
const REACHING = 8;
/** Items are alike if they are at most so many places apart by size, and that share of all. */
const LIKE = 500;
const LIKE_SHARE = 0.1;
/** The share of exchanges with those whose needs are nearest; the others are of about one size. */
const NEAREST = 0.6;
/** Where transient room is scarce: how much oftener than by their number those that are away have
 *  their turn, and the most of all turns that they have. */
const AWAY = 2;
const MOST_AWAY = 0.6;
/** There too: how often one that is at home is passed over once, when one is drawn to leave a bin;
 *  and how many are drawn at most until one is away, to make room. */
const PASSED_OVER = 0.5;
const YIELDING_DRAWN = 5;

export interface Mix {
  /** Whether only bins are drawn that could ever hold the item (reach.ts). */
  readonly reaches: boolean;
  /** Which shares of proposals rearrange a bin, and (of the rest) go where another leaves. */
  readonly rearranged: number;
  readonly chained: number;
}

export class Proposals {
  /** Judged beyond the one change that each call proposes; the caller counts and resets it. */
  extraSteps = 0;
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #reach: Reach;
  readonly #rearranger: Rearranger;
  readonly #like: number;
  readonly #likes: Likes;
  #reaches = false;
  /** Whether those that are away are preferred. */
  #prefersAway = false;
  /** The item whose turn it was last. */
  #turn = -1;

  constructor(state: Assignment, rng: Rng) {
    this.#state = state;
    this.#rng = rng;
    this.#reach = new Reach(state.problem);
    this.#rearranger = new Rearranger(state, rng, this.#reach);
    this.#likes = new Likes(state.problem);
    this.#like = Math.max(1, Math.min(LIKE, Math.floor(LIKE_SHARE * state.problem.items)));
  }

  /** Proposes one change that may cost `limit`; returns what was changed, 0 if nothing. */
  step(limit: number, mix: Mix): number {
    this.#reaches = mix.reaches && this.#reach.isScarce;
    this.#prefersAway = this.#reaches && this.#state.moves.canHold;
    if (mix.rearranged > 0 && this.#rng.next() < mix.rearranged) return this.#rearrange(limit);
    if (mix.chained > 0 && this.#rng.next() < mix.chained) return this.#chain(limit);
    const draw = this.#rng.next();
    if (draw < GUIDED) return this.#hotToCool(limit);
    return draw < GUIDED + ANYWHERE ? this.#toAnywhere(limit) : this.#exchangeLikes(limit);
  }

  #hotToCool(limit: number): number {
    const { loads, itemsIn } = this.#state;
    const concern = loads.concern(this.#rng.next());
    const from = this.#oneOf(loads.hot(concern));
    const passesOver = this.#prefersAway && this.#rng.next() < PASSED_OVER;
    const item = this.#guestOf(from, passesOver ? 2 : 1);
    if (item < 0) return 0;
    const to = this.#oneFor(item, loads.cool(concern));
    if (to < 0 || from === to) return 0;
    const change = this.#shift(item, to, limit);
    if (change !== 0) return change;
    // What comes back must be smaller in what is short.
    for (let tries = 0; tries < TRIES; tries += 1) {
      const other = this.#oneOf(itemsIn[to] ?? []);
      if (other < 0) return 0;
      if (loads.needOf(other, concern) >= loads.needOf(item, concern)) continue;
      if (this.#holds(other, from)) return this.#swap(item, other, limit);
    }
    return 0;
  }

  #rearrange(limit: number): number {
    const change = this.#rearranger.attempt(limit) ?? 0;
    this.extraSteps += this.#rearranger.steps;
    this.#rearranger.steps = 0;
    return change;
  }

  /** An item goes where another leaves: that one half of the time home, or else anywhere. */
  #chain(limit: number): number {
    const { problem, at, itemsIn, loads } = this.#state;
    const guided = this.#rng.next() < 0.5;
    const concern = guided ? loads.concern(this.#rng.next()) : 0;
    const hot = guided ? this.#oneOf(loads.hot(concern)) : -1;
    const item = hot < 0 ? this.#next() : this.#oneOf(itemsIn[hot] ?? []);
    if (item < 0) return 0;
    const cool = guided ? this.#oneFor(item, loads.cool(concern)) : -1;
    const through = cool < 0 ? this.#anyFor(item) : cool;
    const from = at[item] ?? -1;
    if (through < 0 || from === through) return 0;
    const other = this.#guestOf(through, this.#prefersAway ? YIELDING_DRAWN : 1);
    if (other < 0) return 0;
    const home = this.#rng.next() < 0.5 ? (problem.home[other] ?? -1) : -1;
    const to = home >= 0 ? home : this.#anyFor(other);
    if (to < 0 || to === through) return 0;
    if (to === from) return this.#swap(item, other, limit);
    const change = this.#state.chainCost(item, other, to, limit);
    if (change > limit) return 0;
    this.#state.chain(item, other, to);
    return change;
  }

  #toAnywhere(limit: number): number {
    const item = this.#next();
    const { problem, at } = this.#state;
    const home = this.#rng.next() < HOME ? (problem.home[item] ?? -1) : -1;
    const to = home >= 0 ? home : this.#anyFor(item);
    return to < 0 || at[item] === to ? 0 : this.#shift(item, to, limit);
  }

  #exchangeLikes(limit: number): number {
    const { at } = this.#state;
    const one = this.#next();
    const here = at[one] ?? -1;
    for (let tries = 0; tries < REACHING; tries += 1) {
      const other =
        this.#rng.next() < NEAREST
          ? this.#likes.like(one, this.#rng.next())
          : one + this.#below(2 * this.#like + 1) - this.#like;
      const there = at[other] ?? -1;
      if (there < 0 || here === there) return 0;
      if (this.#mayExchange(one, other)) return this.#swap(one, other, limit);
    }
    return 0;
  }

  #mayExchange(one: number, other: number): boolean {
    if (this.#prefersAway && this.#isAtHome(one) && this.#isAtHome(other)) return false;
    const { at } = this.#state;
    return this.#holds(one, at[other] ?? -1) && this.#holds(other, at[one] ?? -1);
  }

  /** A bin that could hold the item; -1: none was found. */
  #anyFor(item: number): number {
    for (let tries = 0; tries < REACHING; tries += 1) {
      const bin = this.#below(this.#state.problem.bins);
      if (this.#holds(item, bin)) return bin;
    }
    return -1;
  }

  /** The same of those bins. */
  #oneFor(item: number, bins: readonly number[]): number {
    for (let tries = 0; tries < REACHING; tries += 1) {
      const bin = this.#oneOf(bins);
      if (bin < 0 || this.#holds(item, bin)) return bin;
    }
    return -1;
  }

  #holds(item: number, bin: number): boolean {
    return !this.#reaches || this.#reach.holds(item, bin);
  }

  #shift(item: number, to: number, limit: number): number {
    const change = this.#state.shiftCost(item, to, limit);
    if (change > limit) return 0;
    this.#state.place(item, to);
    return change;
  }

  #swap(one: number, other: number, limit: number): number {
    const change = this.#state.swapCost(one, other, limit);
    if (change > limit) return 0;
    this.#state.swap(one, other);
    return change;
  }

  #isAtHome(item: number): boolean {
    const { at, problem } = this.#state;
    return at[item] === problem.home[item];
  }

  /** One of those in the bin: the first that is away from home of so many draws, or the last. */
  #guestOf(bin: number, draws: number): number {
    const inside = this.#state.itemsIn[bin] ?? [];
    let guest = this.#oneOf(inside);
    for (let drawn = 1; drawn < draws && guest >= 0 && this.#isAtHome(guest); drawn += 1) {
      guest = this.#oneOf(inside);
    }
    return guest;
  }

  #next(): number {
    if (this.#prefersAway) {
      const { away, problem } = this.#state;
      const share = Math.min(MOST_AWAY, (AWAY * away.length) / problem.items);
      if (this.#rng.next() < share) return this.#oneOf(away);
    }
    this.#turn = this.#turn + 1 < this.#state.problem.items ? this.#turn + 1 : 0;
    return this.#turn;
  }

  #below(count: number): number {
    return Math.floor(this.#rng.next() * count);
  }

  #oneOf(list: readonly number[]): number {
    return list[this.#below(list.length)] ?? -1;
  }
}

/**
 * Brings an item into a bin that is too full for it: the item goes there, and others leave, one by
 * one, each for the place that the item has left or for where it costs least of some bins drawn at
 * random, until the rest fits; or everything is taken back. Judged as a whole, so that a large item
 * that relieves its bin a lot pays for the many small ones that make room; and two bins may
 * exchange most of what they hold, where a large item fills nearly all of one. Shifts and swaps
 * alone never do that: each of the small ones would have to gain by itself. (The machine
 * reassignment challenge of 2012 knew such moves as "big process rearrangement": Gavranović,
 * Buljubašić and Demirović, 2012.)
 */

import type { Rng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';
import type { Reach } from './reach.ts';

/** How many leave at most, and how many failures to find one or its place are borne. */
const MAX_LEAVERS = 16;
const MAX_FAILURES = 6;
/** How many are drawn to take the best of: bins by cost, items by gain, leavers, places. */
const BINS_DRAWN = 2;
const ITEMS_DRAWN = 3;
const LEAVERS_DRAWN = 5;
const PLACES_DRAWN = 24;
/** How often a bin is drawn until it could hold the item. */
const TARGETS_DRAWN = 24;

export class Rearranger {
  /** How many shifts were judged. */
  steps = 0;
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #reach: Reach;
  /** Items and where they were, in the order of the moves of this try. */
  readonly #log: number[] = [];

  constructor(state: Assignment, rng: Rng, reach: Reach) {
    this.#state = state;
    this.#rng = rng;
    this.#reach = reach;
  }

  /** Tries once: what it changed, at most `limit`; undefined: nothing came of it. */
  attempt(limit: number): number | undefined {
    const item = this.#draw();
    const to = item < 0 ? -1 : this.#target(item);
    if (to < 0) return undefined;
    const from = this.#state.at[item] ?? -1;
    this.#log.length = 0;
    const arrival = this.#state.force(item, to);
    this.steps += 1;
    if (arrival === Number.POSITIVE_INFINITY) return undefined;
    this.#log.push(item, from);
    const change = this.#clear(item, from, limit, arrival);
    if (change === undefined) this.#undo();
    return change;
  }

  /** Sends others from where the item is now, until all fits and what has changed is within the
   *  limit. `vacated` is where it was, `arrival` what its coming has changed. */
  #clear(item: number, vacated: number, limit: number, arrival: number): number | undefined {
    const { at, loads } = this.#state;
    const bin = at[item] ?? -1;
    let change = arrival;
    let failures = 0;
    while (failures < MAX_FAILURES && this.#log.length < 2 * MAX_LEAVERS) {
      if (change <= limit && loads.fits(bin)) return change;
      // No more than what the bin costs can be gained by leaving it, but in rare cases elsewhere.
      if (change - (loads.cost[bin] ?? 0) > limit) return undefined;
      const leaver = this.#leaver(item, bin);
      const cost = leaver < 0 ? undefined : this.#sendAway(leaver, bin, vacated);
      if (cost === undefined) failures += 1;
      else change += cost;
    }
    return undefined;
  }

  /** An item whose leaving would gain much, from a bin that costs. */
  #draw(): number {
    const { loads, itemsIn } = this.#state;
    const concern = loads.concern(this.#rng.next());
    let from = -1;
    for (let drawn = 0; drawn < BINS_DRAWN; drawn += 1) {
      const bin = this.#oneOf(loads.hot(concern));
      if (bin < 0) return -1;
      if (from < 0 || (loads.cost[bin] ?? 0) > (loads.cost[from] ?? 0)) from = bin;
    }
    let [item, gain] = [-1, 0];
    for (let drawn = 0; drawn < ITEMS_DRAWN; drawn += 1) {
      const one = this.#oneOf(itemsIn[from] ?? []);
      if (one < 0) return -1;
      const change = loads.departure(one, from);
      if (change < gain) [item, gain] = [one, change];
    }
    return item;
  }

  #target(item: number): number {
    const { problem, at } = this.#state;
    for (let drawn = 0; drawn < TARGETS_DRAWN; drawn += 1) {
      const bin = this.#below(problem.bins);
      if (bin === at[item] || !this.#state.allows(item, bin)) continue;
      if (this.#state.loads.fits(bin) && this.#reach.holds(item, bin)) return bin;
    }
    return -1;
  }

  /** Of some guests of the bin the one whose leaving brings the item furthest; -1: none helps. */
  #leaver(item: number, bin: number): number {
    const inside = this.#state.itemsIn[bin] ?? [];
    let [leaver, most] = [-1, 0];
    for (let drawn = 0; drawn < LEAVERS_DRAWN; drawn += 1) {
      const guest = this.#oneOf(inside);
      if (guest < 0) break;
      if (guest === item) continue;
      const help = helpOf(this.#state, guest, bin) * (0.5 + this.#rng.next());
      if (help > most) [leaver, most] = [guest, help];
    }
    return leaver;
  }

  /** What it changed; undefined: there was no place for it. */
  #sendAway(item: number, from: number, vacated: number): number | undefined {
    let [best, least] = [-1, Number.POSITIVE_INFINITY];
    for (let drawn = 0; drawn < PLACES_DRAWN; drawn += 1) {
      const bin = this.#place(item, vacated, drawn);
      if (bin < 0 || bin === from || !this.#reach.holds(item, bin)) continue;
      const change = this.#state.shiftCost(item, bin, least);
      this.steps += 1;
      if (change < least) [best, least] = [bin, change];
    }
    if (best < 0) return undefined;
    this.#log.push(item, from);
    this.#state.place(item, best);
    return least;
  }

  /** First what was vacated, then home, then any. */
  #place(item: number, vacated: number, drawn: number): number {
    if (drawn === 0) return vacated;
    const { home, bins } = this.#state.problem;
    return drawn === 1 ? (home[item] ?? -1) : this.#below(bins);
  }

  #undo(): void {
    for (;;) {
      const from = this.#log.pop();
      const item = this.#log.pop();
      if (from === undefined || item === undefined) return;
      this.#state.place(item, from);
    }
  }

  #below(count: number): number {
    return Math.floor(this.#rng.next() * count);
  }

  #oneOf(list: readonly number[]): number {
    return list[this.#below(list.length)] ?? -1;
  }
}

/**
 * How far a guest's leaving brings a bin that is too full: the sum over the resources of the share
 * of what is missing; when all fits, of what is beyond soft capacity.
 */
function helpOf({ problem, loads }: Assignment, guest: number, bin: number): number {
  const { resources, need, transient, home } = problem;
  const { room, slack, weight } = loads.tables;
  let [hard, soft] = [0, 0];
  let fits = true;
  for (let r = 0; r < resources; r += 1) {
    const cell = bin * resources + r;
    const given = need[guest * resources + r] ?? 0;
    const over = -(slack[cell] ?? 0);
    if (over > 0) soft += (given < over ? given : over) * (weight[cell] ?? 0);
    const missing = -(room[cell] ?? 0);
    if (missing <= 0) continue;
    fits = false;
    if (transient?.[r] === 1 && home[guest] === bin) continue;
    hard += given < missing ? given / missing : 1;
  }
  return fits ? soft : hard;
}

/**
 * Brings an item into a bin that is too full for it: others leave that bin first, one by one, each
 * to where it costs least of some bins drawn at random; then the item comes, or everything is taken
 * back. Judged as a whole, so that a large item that relieves its bin a lot pays for the many small
 * ones that make room. Shifts and swaps alone never do that: each of the small ones would have to
 * gain by itself. (The machine reassignment challenge of 2012 knew such moves as "big process
 * rearrangement": Gavranović, Buljubašić and Demirović, 2012.)
 */

import type { Rng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';
import type { Problem } from './problem.ts';

/** How many leave at most, and how many failures to find one or its place are borne. */
const MAX_LEAVERS = 16;
const MAX_FAILURES = 6;
/** How many are drawn to take the best of: bins by cost, items by gain, leavers, places. */
const BINS_DRAWN = 2;
const ITEMS_DRAWN = 3;
const LEAVERS_DRAWN = 5;
const PLACES_DRAWN = 24;
/** How often a bin is drawn until the item fits into it once all guests are gone. */
const TARGETS_DRAWN = 24;

export class Rearranger {
  /** How many shifts were judged. */
  steps = 0;
  readonly #state: Assignment;
  readonly #rng: Rng;
  /** bins × R: the room there is when every item that may leave has left. */
  readonly #most: Float64Array;
  /** Items and where they were, in the order of the moves of this try. */
  readonly #log: number[] = [];

  constructor(state: Assignment, rng: Rng) {
    this.#state = state;
    this.#rng = rng;
    this.#most = mostRoom(state.problem);
  }

  /** Tries once: what it changed, at most `limit`; undefined: nothing came of it. */
  attempt(limit: number): number | undefined {
    const item = this.#draw();
    if (item < 0) return undefined;
    const to = this.#target(item);
    if (to < 0) return undefined;
    this.#log.length = 0;
    const change = this.#makeWay(item, to, limit);
    if (change === undefined) this.#undo();
    return change;
  }

  #makeWay(item: number, to: number, limit: number): number | undefined {
    const state = this.#state;
    let change = 0;
    let failures = 0;
    while (failures < MAX_FAILURES && this.#log.length < 2 * MAX_LEAVERS) {
      const arrival = state.shiftCost(item, to, limit - change);
      this.steps += 1;
      if (change + arrival <= limit) {
        state.place(item, to);
        return change + arrival;
      }
      const leaver = this.#leaver(item, to);
      const cost = leaver < 0 ? undefined : this.#sendAway(leaver, to);
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
    const { bins, resources, need } = problem;
    for (let drawn = 0; drawn < TARGETS_DRAWN; drawn += 1) {
      const bin = this.#below(bins);
      if (bin === at[item] || !this.#state.allows(item, bin)) continue;
      let r = 0;
      while (r < resources) {
        if ((need[item * resources + r] ?? 0) > (this.#most[bin * resources + r] ?? 0)) break;
        r += 1;
      }
      if (r === resources || problem.home[item] === bin) return bin;
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
      const help = helpOf(this.#state, guest, item, bin) * (0.5 + this.#rng.next());
      if (help > most) [leaver, most] = [guest, help];
    }
    return leaver;
  }

  /** What it changed; undefined: there was no place for it. */
  #sendAway(item: number, from: number): number | undefined {
    const { problem } = this.#state;
    let [best, least] = [-1, Number.POSITIVE_INFINITY];
    for (let drawn = 0; drawn < PLACES_DRAWN; drawn += 1) {
      const bin = drawn === 0 ? (problem.home[item] ?? -1) : this.#below(problem.bins);
      if (bin < 0 || bin === from) continue;
      const change = this.#state.shiftCost(item, bin, least);
      this.steps += 1;
      if (change < least) [best, least] = [bin, change];
    }
    if (best < 0) return undefined;
    this.#log.push(item, from);
    this.#state.place(item, best);
    return least;
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
 * How far a guest's leaving brings the item that does not fit: the sum over the resources of the
 * share of what is missing; when it fits, of what is beyond soft capacity.
 */
function helpOf({ problem, loads }: Assignment, guest: number, item: number, bin: number): number {
  const { resources, need, transient, home } = problem;
  const { room, slack, weight } = loads.tables;
  let [hard, soft] = [0, 0];
  let fits = true;
  for (let r = 0; r < resources; r += 1) {
    const cell = bin * resources + r;
    const wanted = need[item * resources + r] ?? 0;
    const given = need[guest * resources + r] ?? 0;
    if (wanted === 0) continue;
    const over = wanted - (slack[cell] ?? 0);
    if (over > 0) soft += (given < over ? given : over) * (weight[cell] ?? 0);
    const isHeld = transient?.[r] === 1;
    const missing = wanted - (room[cell] ?? 0);
    if (missing <= 0 || (isHeld && home[item] === bin)) continue;
    fits = false;
    if (isHeld && home[guest] === bin) continue;
    hard += given < missing ? given / missing : 1;
  }
  return fits ? soft : hard;
}

/** What items hold at home is never free, wherever they go. */
function mostRoom({ items, resources, need, home, capacity, base, transient }: Problem) {
  const most = capacity.map((whole, cell) => whole - (base?.[cell] ?? 0));
  for (let item = 0; item < items; item += 1) {
    const bin = home[item] ?? -1;
    for (let r = 0; bin >= 0 && r < resources; r += 1) {
      if (transient?.[r] !== 1) continue;
      const cell = bin * resources + r;
      most[cell] = (most[cell] ?? 0) - (need[item * resources + r] ?? 0);
    }
  }
  return most;
}

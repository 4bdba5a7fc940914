/**
 * How full the bins are and what that costs: the hot part of the engine. A bin's cost depends on
 * its own load alone, so that a change is judged by the two bins it touches.
 *
 * Per bin and resource: `room` (what still fits; transient needs of items that left home are taken
 * off), `free` (capacity - load), `slack` (soft capacity - load), `weight` (of load beyond that).
 * What a change brings is told by adding up what its bins will cost: no part of that is below 0, so
 * that the sum can end as soon as it is too much.
 *
 * Room is hard, or for sale: then what goes beyond it costs its price, so that a search may pass
 * through placements that are not allowed. The caller sees to it that none of those is an answer.
 */

import { ExtraCosts } from './extra-costs.ts';
import { IndexSets } from './index-sets.ts';
import { drawsOf, emptyBins, type LoadTables, roomPrices } from './load-tables.ts';
import type { Balance, Problem } from './problem.ts';
import { SalePrices } from './sale-prices.ts';

export class Loads {
  /** Per bin. */
  readonly cost: Float64Array;
  /** Resources and balances: what bins are hot or cool in. */
  readonly concerns: number;
  /** As they are now: to be read only. */
  readonly tables: LoadTables;
  readonly #extras: ExtraCosts;
  /** True when nothing but load beyond soft capacity and beyond the room costs: then no arrival
   *  lowers a cost. */
  readonly isPlain: boolean;
  readonly #sets: IndexSets;
  readonly #resources: number;
  /** bins × R: see above. */
  readonly #room: Float64Array;
  readonly #free: Float64Array;
  readonly #slack: Float64Array;
  readonly #weight: Float64Array;
  readonly #need: Float64Array;
  readonly #home: Int32Array;
  readonly #transient: Uint8Array;
  readonly #balances: readonly Balance[];
  /** Per bin: which of all changes was its last. */
  readonly #version: Int32Array;
  #changes = 0;
  /** The departure asked for last: whose, when, and what it would change. */
  #gone = -1;
  #goneAt = -1;
  #goneChange = 0;
  readonly #draws: Uint8Array;
  readonly #prices: SalePrices;
  /** bins × R: what a unit beyond the room costs now. */
  readonly #price: Float64Array;
  #isForSale = false;

  constructor(problem: Problem, at: Int32Array) {
    const { bins, resources, items } = problem;
    this.#resources = resources;
    this.#need = problem.need;
    this.#home = problem.home;
    this.#transient = problem.transient ?? new Uint8Array(resources);
    this.#balances = problem.balances ?? [];
    const { room, free, slack } = emptyBins(problem);
    [this.#room, this.#free, this.#slack] = [room, free, slack];
    this.#weight = problem.softWeight;
    this.tables = { room, slack, weight: this.#weight };
    this.cost = new Float64Array(bins);
    this.#version = new Int32Array(bins);
    this.#draws = drawsOf(problem);
    this.#prices = new SalePrices(roomPrices(problem), bins);
    this.#price = this.#prices.price;
    this.concerns = resources + this.#balances.length;
    this.#sets = new IndexSets(2 * this.concerns, bins);
    for (let item = 0; item < items; item += 1) {
      this.#holdAtHome(item);
      const bin = at[item] ?? -1;
      if (bin >= 0) this.#count(item, bin, -1);
    }
    this.#extras = new ExtraCosts(problem, this.#free);
    this.isPlain = this.#extras.isNone;
    for (let bin = 0; bin < bins; bin += 1) this.#settle(bin);
  }

  /** Draws a concern, those that cost more more often; `random` from [0, 1). */
  concern(random: number): number {
    return this.#draws[Math.floor(random * this.#draws.length)] ?? 0;
  }

  /** What the item needs of the concern; of a balance, of its second resource. */
  needOf(item: number, concern: number): number {
    const resources = this.#resources;
    const r = concern < resources ? concern : (this.#balances[concern - resources]?.second ?? 0);
    return this.#need[item * resources + r] ?? 0;
  }

  hot(concern: number): readonly number[] {
    return this.#sets.of(2 * concern);
  }

  cool(concern: number): readonly number[] {
    return this.#sets.of(2 * concern + 1);
  }

  /** False: room stays hard, since no load costs or since something is beyond the room already. */
  canSellRoom(): boolean {
    const costs = this.#balances.length > 0 || this.#weight.some((weight) => weight > 0);
    return costs && !this.#extras.startsOverfull && this.excess() === 0;
  }

  /** What goes beyond the room costs so many times what the room is worth; Infinity: it is hard. */
  sellRoom(factor: number): void {
    this.#prices.sell(factor);
    this.#isForSale = this.#prices.isForSale;
    for (let bin = 0; bin < this.cost.length; bin += 1) this.#settle(bin);
  }

  /** Makes room that is overdrawn dearer by a factor, and other room that was made dearer cheaper.
   *  Returns what that changes in the cost of all bins. */
  markUp(dearer: number, cheaper: number): number {
    const resources = this.#resources;
    let change = 0;
    for (let bin = 0; bin < this.cost.length; bin += 1) {
      let isAny = false;
      for (let cell = bin * resources; cell < (bin + 1) * resources; cell += 1) {
        const isOverdrawn = (this.#room[cell] ?? 0) < 0;
        this.#prices.mark(cell, isOverdrawn, dearer, cheaper);
        isAny ||= isOverdrawn;
      }
      if (!isAny) continue;
      const before = this.cost[bin] ?? 0;
      this.#settle(bin);
      change += (this.cost[bin] ?? 0) - before;
    }
    return change;
  }

  /** What is beyond the room in all bins, at its worth; 0: everything fits. */
  excess(): number {
    let sum = 0;
    for (let bin = 0; bin < this.cost.length; bin += 1) sum += this.excessIn(bin);
    return sum;
  }

  /** True when nothing goes beyond the bin's room, or that is for sale. */
  fits(bin: number): boolean {
    return this.#isForSale || this.excessIn(bin) === 0;
  }

  excessIn(bin: number): number {
    const resources = this.#resources;
    let sum = 0;
    for (let r = 0; r < resources; r += 1) {
      const room = this.#room[bin * resources + r] ?? 0;
      if (room < 0) sum -= room * (this.#prices.worth[r] ?? 0);
    }
    return sum;
  }

  /**
   * What the item's arrival changes; Infinity: it does not fit. An answer above `limit` only says
   * that it is above.
   */
  arrival(item: number, bin: number, limit: number): number {
    const [room, slack, weight] = [this.#room, this.#slack, this.#weight];
    const [need, resources] = [this.#need, this.#resources];
    const before = this.cost[bin] ?? 0;
    const enough = 2 * (limit + before);
    let twice = 0;
    let cell = bin * resources;
    let at = item * resources;
    for (let r = 0; r < resources; r += 1) {
      const wanted = need[at] ?? 0;
      if (wanted > (room[cell] ?? 0)) {
        const held = this.#stays(item, bin, r) ? 0 : wanted;
        twice += this.#beyond(held, room[cell] ?? 0, cell);
        if (twice === Number.POSITIVE_INFINITY) return twice;
      }
      // x + |x| is twice what x is above 0, without a branch that would be guessed wrong.
      const over = wanted - (slack[cell] ?? 0);
      twice += (over + Math.abs(over)) * (weight[cell] ?? 0);
      if (twice > enough) return twice / 2 - before;
      cell += 1;
      at += 1;
    }
    const others = this.isPlain ? 0 : this.#extras.of(bin, item, -1);
    return twice / 2 + others - before;
  }

  /** Twice the price of what goes beyond the room; Infinity: it is hard, and there is some. */
  #beyond(held: number, room: number, cell: number): number {
    if (held <= room || (held <= 0 && !this.#isForSale)) return 0;
    if (!this.#isForSale) return Number.POSITIVE_INFINITY;
    return 2 * (held - room) * (this.#price[cell] ?? 0);
  }

  /** Whether the bin holds the item's need wherever the item is. */
  #stays(item: number, bin: number, r: number): boolean {
    return this.#transient[r] === 1 && this.#home[item] === bin;
  }

  /** What changes when the item leaves, which is there. */
  departure(item: number, bin: number): number {
    const version = this.#version[bin] ?? 0;
    if (this.#gone === item && this.#goneAt === version) return this.#goneChange;
    this.#gone = item;
    this.#goneAt = version;
    this.#goneChange = this.#leaving(item, bin) - (this.cost[bin] ?? 0);
    return this.#goneChange;
  }

  /** What the bin costs without the item. */
  #leaving(item: number, bin: number): number {
    const [room, slack, weight] = [this.#room, this.#slack, this.#weight];
    const [need, resources] = [this.#need, this.#resources];
    const isForSale = this.#isForSale;
    let twice = 0;
    let cell = bin * resources;
    let at = item * resources;
    for (let r = 0; r < resources; r += 1) {
      const given = need[at] ?? 0;
      if (isForSale && (room[cell] ?? 0) < 0) {
        const held = this.#stays(item, bin, r) ? 0 : -given;
        twice += this.#beyond(held, room[cell] ?? 0, cell);
      }
      const over = -given - (slack[cell] ?? 0);
      twice += (over + Math.abs(over)) * (weight[cell] ?? 0);
      cell += 1;
      at += 1;
    }
    return twice / 2 + (this.isPlain ? 0 : this.#extras.of(bin, -1, item));
  }

  /**
   * What changes when one item comes and another goes; Infinity: that does not fit. An answer above
   * `limit` only says that it is above.
   */
  exchange(arriving: number, leaving: number, bin: number, limit: number): number {
    const [room, slack, weight] = [this.#room, this.#slack, this.#weight];
    const [need, resources, isForSale] = [this.#need, this.#resources, this.#isForSale];
    const isHome = this.#home[arriving] === bin || this.#home[leaving] === bin;
    const before = this.cost[bin] ?? 0;
    const enough = 2 * (limit + before);
    let twice = 0;
    let cell = bin * resources;
    let atIn = arriving * resources;
    let atOut = leaving * resources;
    for (let r = 0; r < resources; r += 1) {
      const taken = need[atIn] ?? 0;
      const given = need[atOut] ?? 0;
      const change = taken - given;
      const free = room[cell] ?? 0;
      if (change > free || isForSale || isHome) {
        const comes = this.#stays(arriving, bin, r) ? 0 : taken;
        const goes = this.#stays(leaving, bin, r) ? 0 : given;
        twice += this.#beyond(comes - goes, free, cell);
        if (twice === Number.POSITIVE_INFINITY) return twice;
      }
      const over = change - (slack[cell] ?? 0);
      twice += (over + Math.abs(over)) * (weight[cell] ?? 0);
      if (twice > enough) return twice / 2 - before;
      cell += 1;
      atIn += 1;
      atOut += 1;
    }
    const others = this.isPlain ? 0 : this.#extras.of(bin, arriving, leaving);
    return twice / 2 + others - before;
  }

  add(item: number, bin: number): void {
    this.#count(item, bin, -1);
    this.#settle(bin);
  }

  remove(item: number, bin: number): void {
    this.#count(item, bin, 1);
    this.#settle(bin);
  }

  /** Hard capacity less load; < 0: the bin is overfull. */
  free(bin: number, resource: number): number {
    return this.#free[bin * this.#resources + resource] ?? 0;
  }

  /** True when the bin carries more than its hard capacity, as it did at the start. */
  isOverfull(bin: number): boolean {
    return this.#extras.overCost(bin) > 0;
  }

  /** Load beyond hard capacity, in units of the mean need. */
  overload(penalty: number): number {
    let sum = 0;
    for (let bin = 0; bin < this.cost.length; bin += 1) sum += this.#extras.overCost(bin);
    return penalty > 0 ? sum / penalty : 0;
  }

  /** sign -1: the item arrives, 1: it leaves. At home, transient needs stay as they are. */
  #count(item: number, bin: number, sign: 1 | -1): void {
    const [room, free, slack] = [this.#room, this.#free, this.#slack];
    const resources = this.#resources;
    const atHome = this.#home[item] === bin;
    for (let r = 0; r < resources; r += 1) {
      const change = sign * (this.#need[item * resources + r] ?? 0);
      const cell = bin * resources + r;
      free[cell] = (free[cell] ?? 0) + change;
      slack[cell] = (slack[cell] ?? 0) + change;
      if (atHome && this.#transient[r] === 1) continue;
      room[cell] = (room[cell] ?? 0) + change;
    }
  }

  /** Transient needs stay at home, wherever the item goes. */
  #holdAtHome(item: number): void {
    const home = this.#home[item] ?? -1;
    for (let r = 0; home >= 0 && r < this.#resources; r += 1) {
      if (this.#transient[r] !== 1) continue;
      const cell = home * this.#resources + r;
      this.#room[cell] = (this.#room[cell] ?? 0) - (this.#need[item * this.#resources + r] ?? 0);
    }
  }

  #settle(bin: number): void {
    this.#changes += 1;
    this.#version[bin] = this.#changes;
    const [resources, sets] = [this.#resources, this.#sets];
    let cost = 0;
    for (let r = 0; r < resources; r += 1) {
      const cell = bin * resources + r;
      const room = this.#room[cell] ?? 0;
      const slack = this.#slack[cell] ?? 0;
      const weight = this.#weight[cell] ?? 0;
      const isBeyond = this.#isForSale && room < 0;
      if (isBeyond) cost -= room * (this.#price[cell] ?? 0);
      if (slack < 0) cost -= slack * weight;
      if (weight === 0) continue;
      sets.put(2 * r, bin, slack < 0 || isBeyond);
      sets.put(2 * r + 1, bin, slack > 0 && room > 0);
    }
    this.cost[bin] = this.isPlain ? cost : cost + this.#extras.of(bin, -1, -1);
    for (let b = 0; b < this.#balances.length; b += 1) {
      const balance = this.#balances[b];
      if (balance === undefined) continue;
      const missing = this.#extras.lack(bin, balance);
      sets.put(2 * (resources + b), bin, missing > 0);
      sets.put(2 * (resources + b) + 1, bin, missing < 0);
    }
  }
}

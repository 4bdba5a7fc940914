/**
 * How full the bins are and what that costs: the hot part of the engine. A bin's cost depends on
 * its own load alone, so that a change is judged by the two bins it touches.
 *
 * Per bin and resource four numbers lie side by side (one cache line holds two resources): ROOM
 * (what still fits; transient needs of items that left home are taken off), FREE (capacity - load),
 * SLACK (soft capacity - load) and the WEIGHT of load beyond it.
 */

import { BinSets } from './bin-sets.ts';
import {
  CELL,
  drawsOf,
  emptyCells,
  evenFree,
  FREE,
  overWeights,
  SLACK,
  spreadPerUnit,
  swayOf,
  WEIGHT,
} from './load-tables.ts';
import type { Balance, Problem } from './problem.ts';

export class Loads {
  /** Per bin. */
  readonly cost: Float64Array;
  /** Resources and balances: what bins are hot or cool in. */
  readonly concerns: number;
  readonly #sets: BinSets;
  readonly #resources: number;
  readonly #cells: Float64Array;
  readonly #need: Float64Array;
  readonly #home: Int32Array;
  readonly #transient: Uint8Array;
  readonly #balances: readonly Balance[];
  readonly #spread: Float64Array | undefined;
  /** bins × R: what would be free at the fleet's share of load. */
  readonly #even: Float64Array;
  /** Per resource: cost per unit beyond hard capacity, where the start is beyond it. */
  readonly #overWeight: Float64Array;
  /** Per bin: 1 = started beyond its hard capacity. */
  readonly #overfull: Uint8Array;
  /** Per bin: what spread and overload cost there, the part that an arrival may lower. */
  readonly #extra: Float64Array;
  /** Per item: the most that balances may gain when it comes or goes. */
  readonly #sway: Float64Array;
  /** Per bin: how often it changed. Per item: the change at which its departure was reckoned. */
  readonly #version: Int32Array;
  readonly #draws: Uint8Array;
  #changes = 0;
  readonly #reckonedAt: Int32Array;
  /** True when nothing but load beyond soft capacity costs. */
  #plain = false;
  readonly #departure: Float64Array;
  readonly #softGain: Float64Array;

  constructor(problem: Problem, at: Int32Array) {
    const { bins, resources, items } = problem;
    this.#resources = resources;
    this.#need = problem.need;
    this.#home = problem.home;
    this.#transient = problem.transient ?? new Uint8Array(resources);
    this.#balances = problem.balances ?? [];
    this.#cells = emptyCells(problem);
    this.cost = new Float64Array(bins);
    this.#extra = new Float64Array(bins);
    this.#version = new Int32Array(bins);
    this.#reckonedAt = new Int32Array(items).fill(-1);
    this.#departure = new Float64Array(items);
    this.#softGain = new Float64Array(items);
    this.#sway = swayOf(problem);
    this.#draws = drawsOf(problem);
    this.concerns = resources + this.#balances.length;
    this.#sets = new BinSets(2 * this.concerns, bins);
    for (let item = 0; item < items; item += 1) {
      this.#holdAtHome(item);
      const bin = at[item] ?? -1;
      if (bin >= 0) this.#count(item, bin, -1);
    }
    this.#even = evenFree(problem, this.#cells);
    this.#spread = problem.spreadWeight === undefined ? undefined : spreadPerUnit(problem);
    this.#overWeight = overWeights(problem);
    this.#overfull = new Uint8Array(bins);
    for (let bin = 0; bin < bins; bin += 1) {
      for (let r = 0; r < resources; r += 1) {
        if ((this.#cells[(bin * resources + r) * CELL + FREE] ?? 0) < 0) this.#overfull[bin] = 1;
      }
    }
    this.#plain =
      this.#balances.length === 0 && this.#spread === undefined && !this.#overfull.includes(1);
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

  /**
   * What the item's arrival changes; Infinity: it does not fit. An answer above `limit` only says
   * that it is above.
   */
  arrival(item: number, bin: number, limit: number): number {
    const cells = this.#cells;
    const resources = this.#resources;
    const need = this.#need;
    const transient = this.#transient;
    const atHome = this.#home[item] === bin;
    // Soft load only grows; what else may shrink is known, so that the loop can end early.
    const enough = limit + (this.#sway[item] ?? 0) + (this.#extra[bin] ?? 0);
    let change = 0;
    let cell = bin * resources * CELL;
    let at = item * resources;
    for (let r = 0; r < resources; r += 1) {
      const wanted = need[at] ?? 0;
      if (wanted > (cells[cell] ?? 0) && wanted > 0 && !(atHome && transient[r] === 1)) {
        return Number.POSITIVE_INFINITY;
      }
      const slack = cells[cell + SLACK] ?? 0;
      if (wanted > slack) {
        change += (slack > 0 ? wanted - slack : wanted) * (cells[cell + WEIGHT] ?? 0);
        if (change > enough) return change;
      }
      cell += CELL;
      at += 1;
    }
    return this.#plain ? change : change + this.#others(bin, item, -1) - this.#others(bin, -1, -1);
  }

  /** What changes when the item leaves, which is there. */
  departure(item: number, bin: number): number {
    if (this.#reckonedAt[item] !== this.#version[bin]) this.#reckon(item, bin);
    return this.#departure[item] ?? 0;
  }

  /** A floor under {@link exchange}, from what is known already. */
  exchangeFloor(arriving: number, leaving: number, bin: number): number {
    if (this.#reckonedAt[leaving] !== this.#version[bin]) this.#reckon(leaving, bin);
    return (
      -(this.#softGain[leaving] ?? 0) -
      (this.#sway[arriving] ?? 0) -
      (this.#sway[leaving] ?? 0) -
      (this.#extra[bin] ?? 0)
    );
  }

  /** What changes when one item comes and another goes; Infinity: that does not fit. */
  exchange(arriving: number, leaving: number, bin: number): number {
    const cells = this.#cells;
    const resources = this.#resources;
    const need = this.#need;
    const transient = this.#transient;
    const arrivingHome = this.#home[arriving] === bin;
    const leavingHome = this.#home[leaving] === bin;
    let cost = 0;
    let cell = bin * resources * CELL;
    let atIn = arriving * resources;
    let atOut = leaving * resources;
    for (let r = 0; r < resources; r += 1) {
      const taken = need[atIn] ?? 0;
      const given = need[atOut] ?? 0;
      const change = taken - given;
      if (transient[r] === 1) {
        const held = (arrivingHome ? 0 : taken) - (leavingHome ? 0 : given);
        if (held > (cells[cell] ?? 0) && held > 0) return Number.POSITIVE_INFINITY;
      } else if (change > (cells[cell] ?? 0) && change > 0) return Number.POSITIVE_INFINITY;
      const over = change - (cells[cell + SLACK] ?? 0);
      if (over > 0) cost += over * (cells[cell + WEIGHT] ?? 0);
      cell += CELL;
      atIn += 1;
      atOut += 1;
    }
    return (
      (this.#plain ? cost : cost + this.#others(bin, arriving, leaving)) - (this.cost[bin] ?? 0)
    );
  }

  add(item: number, bin: number): void {
    this.#count(item, bin, -1);
    this.#settle(bin);
  }

  remove(item: number, bin: number): void {
    this.#count(item, bin, 1);
    this.#settle(bin);
  }

  /** The concern that costs most in the bin; -1: none does. */
  dearest(bin: number): number {
    let [dearest, most] = [-1, 0];
    for (let concern = 0; concern < this.concerns; concern += 1) {
      const cost = this.#concernCost(bin, concern);
      if (cost > most) [dearest, most] = [concern, cost];
    }
    return dearest;
  }

  #concernCost(bin: number, concern: number): number {
    const resources = this.#resources;
    if (concern < resources) {
      const cell = (bin * resources + concern) * CELL;
      return -(this.#cells[cell + SLACK] ?? 0) * (this.#cells[cell + WEIGHT] ?? 0);
    }
    const balance = this.#balances[concern - resources];
    return balance === undefined ? 0 : balance.weight * this.#lack(bin, balance);
  }

  /** How much more of the second resource would have to be free. */
  #lack(bin: number, { first, second, target }: Balance): number {
    const after = this.#freeAfter(bin, second, -1, -1);
    return target * this.#freeAfter(bin, first, -1, -1) - after;
  }

  /**
   * How far a guest's leaving brings the item that does not fit: the sum over the resources of the
   * share of what is missing; when it fits, of what is beyond soft capacity.
   */
  help(guest: number, item: number, bin: number): number {
    const resources = this.#resources;
    let [hard, soft] = [0, 0];
    for (let r = 0; r < resources; r += 1) {
      const cell = (bin * resources + r) * CELL;
      const wanted = this.#need[item * resources + r] ?? 0;
      const given = this.#need[guest * resources + r] ?? 0;
      if (wanted === 0 || given === 0) continue;
      const over = wanted - (this.#cells[cell + SLACK] ?? 0);
      if (over > 0) soft += (given < over ? given : over) * (this.#cells[cell + WEIGHT] ?? 0);
      const isHeld = this.#transient[r] === 1;
      const missing = wanted - (this.#cells[cell] ?? 0);
      if (missing <= 0 || (isHeld && this.#home[item] === bin)) continue;
      if (isHeld && this.#home[guest] === bin) continue;
      hard += given < missing ? given / missing : 1;
    }
    return this.arrival(item, bin, 0) === Number.POSITIVE_INFINITY ? hard : soft;
  }

  /** Hard capacity less load; < 0: the bin is overfull. */
  free(bin: number, resource: number): number {
    return this.#cells[(bin * this.#resources + resource) * CELL + FREE] ?? 0;
  }

  /** True when the bin carries more than its hard capacity. */
  isOverfull(bin: number): boolean {
    return this.#overfull[bin] === 1 && this.#overCost(bin, -1, -1) > 0;
  }

  /** Load beyond hard capacity, in units of the mean need. */
  overload(penalty: number): number {
    let sum = 0;
    for (let bin = 0; bin < this.cost.length; bin += 1) {
      if (this.#overfull[bin] === 1) sum += this.#overCost(bin, -1, -1);
    }
    return penalty > 0 ? sum / penalty : 0;
  }

  /** sign -1: the item arrives, 1: it leaves. At home, transient needs stay as they are. */
  #count(item: number, bin: number, sign: 1 | -1): void {
    const [cells, resources] = [this.#cells, this.#resources];
    const atHome = this.#home[item] === bin;
    for (let r = 0; r < resources; r += 1) {
      const change = sign * (this.#need[item * resources + r] ?? 0);
      const cell = (bin * resources + r) * CELL;
      cells[cell + FREE] = (cells[cell + FREE] ?? 0) + change;
      cells[cell + SLACK] = (cells[cell + SLACK] ?? 0) + change;
      if (atHome && this.#transient[r] === 1) continue;
      cells[cell] = (cells[cell] ?? 0) + change;
    }
  }

  /** Transient needs stay at home, wherever the item goes. */
  #holdAtHome(item: number): void {
    const home = this.#home[item] ?? -1;
    for (let r = 0; home >= 0 && r < this.#resources; r += 1) {
      if (this.#transient[r] !== 1) continue;
      const cell = (home * this.#resources + r) * CELL;
      this.#cells[cell] = (this.#cells[cell] ?? 0) - (this.#need[item * this.#resources + r] ?? 0);
    }
  }

  #reckon(item: number, bin: number): void {
    const cells = this.#cells;
    const resources = this.#resources;
    let gain = 0;
    for (let r = 0; r < resources; r += 1) {
      const cell = (bin * resources + r) * CELL;
      const over = -(cells[cell + SLACK] ?? 0);
      if (over <= 0) continue;
      const given = this.#need[item * resources + r] ?? 0;
      gain += (given < over ? given : over) * (cells[cell + WEIGHT] ?? 0);
    }
    this.#reckonedAt[item] = this.#version[bin] ?? 0;
    this.#softGain[item] = gain;
    this.#departure[item] = this.#plain
      ? -gain
      : this.#others(bin, -1, item) - this.#others(bin, -1, -1) - gain;
  }

  #settle(bin: number): void {
    this.cost[bin] = this.#costNow(bin);
    this.#changes += 1;
    this.#version[bin] = this.#changes;
    this.#extra[bin] = this.#plain
      ? 0
      : this.#spreadCost(bin, -1, -1) + this.#overCost(bin, -1, -1);
    const sets = this.#sets;
    for (let r = 0; r < this.#resources; r += 1) {
      const cell = (bin * this.#resources + r) * CELL;
      if ((this.#cells[cell + WEIGHT] ?? 0) === 0) continue;
      const slack = this.#cells[cell + SLACK] ?? 0;
      sets.put(2 * r, bin, slack < 0);
      sets.put(2 * r + 1, bin, slack > 0 && (this.#cells[cell] ?? 0) > 0);
    }
    for (let b = 0; b < this.#balances.length; b += 1) {
      const balance = this.#balances[b];
      if (balance === undefined) continue;
      const missing = this.#lack(bin, balance);
      sets.put(2 * (this.#resources + b), bin, missing > 0);
      sets.put(2 * (this.#resources + b) + 1, bin, missing < 0);
    }
  }

  #costNow(bin: number): number {
    const [cells, resources] = [this.#cells, this.#resources];
    let cost = 0;
    for (let r = 0; r < resources; r += 1) {
      const cell = (bin * resources + r) * CELL;
      const over = -(cells[cell + SLACK] ?? 0);
      if (over > 0) cost += over * (cells[cell + WEIGHT] ?? 0);
    }
    return cost + this.#others(bin, -1, -1);
  }

  /** All but the load beyond soft capacity; -1: nothing arrives, nothing leaves. */
  #others(bin: number, arriving: number, leaving: number): number {
    let cost = 0;
    for (const { first, second, target, weight } of this.#balances) {
      const missing =
        target * this.#freeAfter(bin, first, arriving, leaving) -
        this.#freeAfter(bin, second, arriving, leaving);
      if (missing > 0) cost += weight * missing;
    }
    if (this.#spread !== undefined) cost += this.#spreadCost(bin, arriving, leaving);
    if (this.#overfull[bin] === 1) cost += this.#overCost(bin, arriving, leaving);
    return cost;
  }

  #freeAfter(bin: number, r: number, arriving: number, leaving: number): number {
    const resources = this.#resources;
    let free = this.#cells[(bin * resources + r) * CELL + FREE] ?? 0;
    if (arriving >= 0) free -= this.#need[arriving * resources + r] ?? 0;
    if (leaving >= 0) free += this.#need[leaving * resources + r] ?? 0;
    return free;
  }

  #spreadCost(bin: number, arriving: number, leaving: number): number {
    let cost = 0;
    for (let r = 0; r < this.#resources; r += 1) {
      const at = bin * this.#resources + r;
      const perUnit = this.#spread?.[at] ?? 0;
      if (perUnit === 0) continue;
      const off = this.#freeAfter(bin, r, arriving, leaving) - (this.#even[at] ?? 0);
      cost += perUnit * off * off;
    }
    return cost;
  }

  #overCost(bin: number, arriving: number, leaving: number): number {
    let cost = 0;
    for (let r = 0; r < this.#resources; r += 1) {
      const free = this.#freeAfter(bin, r, arriving, leaving);
      if (free < 0) cost -= free * (this.#overWeight[r] ?? 0);
    }
    return cost;
  }
}

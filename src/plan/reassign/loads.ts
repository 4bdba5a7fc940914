/**
 * How full the bins are and what that costs: the hot part of the engine. A bin's cost depends on
 * its own load alone, so that a change is judged by the two bins it touches.
 *
 * Per bin and resource four numbers lie side by side (one cache line holds two resources): ROOM
 * (what still fits; transient needs of items that left home are taken off), FREE (capacity - load),
 * SLACK (soft capacity - load) and the WEIGHT of load beyond it.
 */

import { BinSets } from './bin-sets.ts';
import type { Balance, Problem } from './problem.ts';

const ROOM = 0;
const FREE = 1;
const SLACK = 2;
const WEIGHT = 3;
const CELL = 4;

export class Loads {
  readonly #resources: number;
  readonly #cells: Float64Array;
  /** Per bin. */
  readonly cost: Float64Array;
  /** Resources and balances: what bins are hot or cool in. */
  readonly concerns: number;
  readonly #sets: BinSets;
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

  constructor(problem: Problem, at: Int32Array) {
    const { bins, resources, items } = problem;
    this.#resources = resources;
    this.#need = problem.need;
    this.#home = problem.home;
    this.#transient = problem.transient ?? new Uint8Array(resources);
    this.#balances = problem.balances ?? [];
    this.#cells = emptyCells(problem);
    this.cost = new Float64Array(bins);
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
      this.#settle(bin);
    }
  }

  hot(concern: number): readonly number[] {
    return this.#sets.of(2 * concern);
  }

  cool(concern: number): readonly number[] {
    return this.#sets.of(2 * concern + 1);
  }

  /** What the bin costs with the item too; Infinity: it does not fit. */
  with(item: number, bin: number): number {
    const [cells, resources] = [this.#cells, this.#resources];
    const [need, transient] = [this.#need, this.#transient];
    const atHome = this.#home[item] === bin;
    let cost = 0;
    let cell = bin * resources * CELL;
    let at = item * resources;
    for (let r = 0; r < resources; r += 1) {
      const wanted = need[at] ?? 0;
      if (wanted > (cells[cell] ?? 0) && wanted > 0 && !(atHome && transient[r] === 1)) {
        return Number.POSITIVE_INFINITY;
      }
      const over = wanted - (cells[cell + SLACK] ?? 0);
      if (over > 0) cost += over * (cells[cell + WEIGHT] ?? 0);
      cell += CELL;
      at += 1;
    }
    return cost + this.#others(bin, item, -1);
  }

  /** What the bin costs without the item, which is there. */
  without(item: number, bin: number): number {
    const [cells, resources] = [this.#cells, this.#resources];
    const need = this.#need;
    let cost = 0;
    let cell = bin * resources * CELL;
    let at = item * resources;
    for (let r = 0; r < resources; r += 1) {
      const over = -(need[at] ?? 0) - (cells[cell + SLACK] ?? 0);
      if (over > 0) cost += over * (cells[cell + WEIGHT] ?? 0);
      cell += CELL;
      at += 1;
    }
    return cost + this.#others(bin, -1, item);
  }

  /** What the bin costs with one item and without another; Infinity: that does not fit. */
  exchanged(arriving: number, leaving: number, bin: number): number {
    const [cells, resources] = [this.#cells, this.#resources];
    const [need, transient] = [this.#need, this.#transient];
    const arrivingHome = this.#home[arriving] === bin;
    const leavingHome = this.#home[leaving] === bin;
    let cost = 0;
    let cell = bin * resources * CELL;
    let atIn = arriving * resources;
    let atOut = leaving * resources;
    for (let r = 0; r < resources; r += 1) {
      const [taken, given] = [need[atIn] ?? 0, need[atOut] ?? 0];
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
    return cost + this.#others(bin, arriving, leaving);
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

  #settle(bin: number): void {
    this.cost[bin] = this.#costNow(bin);
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
      const missing =
        balance.target * this.#freeAfter(bin, balance.first, -1, -1) -
        this.#freeAfter(bin, balance.second, -1, -1);
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

function emptyCells({ bins, resources, base, capacity, soft, softWeight }: Problem): Float64Array {
  const cells = new Float64Array(bins * resources * CELL);
  for (let at = 0; at < bins * resources; at += 1) {
    const taken = base?.[at] ?? 0;
    cells[at * CELL + ROOM] = (capacity[at] ?? 0) - taken;
    cells[at * CELL + FREE] = (capacity[at] ?? 0) - taken;
    cells[at * CELL + SLACK] = (soft[at] ?? 0) - taken;
    cells[at * CELL + WEIGHT] = softWeight[at] ?? 0;
  }
  return cells;
}

/** What would be free where every bin carried the fleet's share of the load there is now. */
function evenFree({ bins, resources, capacity }: Problem, cells: Float64Array): Float64Array {
  const even = new Float64Array(bins * resources);
  for (let r = 0; r < resources; r += 1) {
    let [free, total] = [0, 0];
    for (let at = r; at < bins * resources; at += resources) {
      free += cells[at * CELL + FREE] ?? 0;
      total += capacity[at] ?? 0;
    }
    for (let at = r; at < bins * resources; at += resources) {
      even[at] = total > 0 ? ((capacity[at] ?? 0) * free) / total : 0;
    }
  }
  return even;
}

/** (load / capacity - share)² × weight = (free - even free)² × weight / capacity². */
function spreadPerUnit({ spreadWeight, capacity }: Problem): Float64Array | undefined {
  return spreadWeight?.map((weight, at) => {
    const whole = capacity[at] ?? 0;
    return whole > 0 ? weight / (whole * whole) : 0;
  });
}

function overWeights({ items, resources, need, penalty }: Problem): Float64Array {
  const sums = new Float64Array(resources);
  for (let at = 0; at < items * resources; at += 1) {
    sums[at % resources] = (sums[at % resources] ?? 0) + (need[at] ?? 0);
  }
  return sums.map((sum) => (sum > 0 ? (penalty * items) / sum : penalty));
}

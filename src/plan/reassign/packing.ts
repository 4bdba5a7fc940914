/**
 * What repair asks of an assignment: where an item fits, who has to leave a bin for whom, at which
 * price; and a log, so that whatever was tried can be taken back.
 */

import { cheapestCover } from '../cover.ts';
import { Assignment } from './assignment.ts';
import type { GroupRule, Problem } from './problem.ts';

/** Bounds of the search for the cheapest set that leaves one bin. */
const MAX_NODES = 5000;
/** What it takes to find out who would have to leave, as against whether there is room. */
const WAY_STEPS = 64;
/** More than any room: shares of capacity, summed up over the resources. */
const WAITING = 1000;
/** Of two sets that cost the same, the smaller one is easier to place. */
const SIZE_WEIGHT = 1e-3;

/** Someone arrives in a bin that is not free for it yet: these have to leave where they are. */
export interface Way {
  readonly bin: number;
  readonly leavers: readonly number[];
  readonly cost: number;
  readonly size: number;
}

/** A rule that drives members out when one of them comes. */
interface Bond {
  readonly kind: 'apart' | 'together';
  readonly members: Int32Array;
  /** Undefined: every bin is a domain of its own. */
  readonly domainOf: Int32Array | undefined;
}

export class Packing {
  readonly problem: Problem;
  readonly state: Assignment;
  /** How many pairs of item and bin were judged; a way into a bin counts as {@link WAY_STEPS}. */
  steps = 0;
  /** Per item: its largest share of an average bin. */
  readonly #size: Float64Array;
  /** Per item: how often it found no place. */
  readonly #trouble: Float64Array;
  readonly #meanCost: number;
  /** bins × R: what those take who left it: room that is there once they are gone. */
  readonly #left: Float64Array;
  readonly #boundOf = new Map<number, Bond[]>();
  /** Item and where it was, of all changes so far. */
  readonly #log: number[] = [];

  constructor(problem: Problem) {
    this.problem = problem;
    this.state = new Assignment(problem, (problem.start ?? problem.home).slice());
    this.#size = sizes(problem);
    this.#trouble = new Float64Array(problem.items);
    this.#left = new Float64Array(problem.bins * problem.resources);
    const costs = problem.moveCost.reduce((sum, cost) => sum + cost, 0);
    this.#meanCost = costs > 0 ? costs / problem.items : 1;
    for (const [item, own] of problem.home.entries()) {
      if (own >= 0 && this.state.at[item] !== own) this.#leftBy(item, own, 1);
    }
    for (const rule of problem.rules ?? []) this.#bind(rule);
  }

  at(item: number): number {
    return this.state.at[item] ?? -1;
  }

  home(item: number): number {
    return this.problem.home[item] ?? -1;
  }

  isFixed(item: number): boolean {
    return this.problem.fixed?.[item] === 1;
  }

  place(item: number, to: number): void {
    this.#log.push(item, this.at(item));
    this.#put(item, to);
  }

  /** What {@link rollback} goes back to. */
  mark(): number {
    return this.#log.length;
  }

  rollback(mark: number): void {
    while (this.#log.length > mark) {
      const from = this.#log.pop() ?? -1;
      const item = this.#log.pop() ?? -1;
      this.#put(item, from);
    }
  }

  /** The largest first: what is hard to place goes early. */
  bySize(items: readonly number[]): number[] {
    return items.toSorted((a, b) => (this.#size[b] ?? 0) - (this.#size[a] ?? 0) || a - b);
  }

  /** It found no place: from now on it is dearer to send away. */
  complain(item: number): void {
    this.#trouble[item] = (this.#trouble[item] ?? 0) + 1;
  }

  fits(item: number, bin: number): boolean {
    return this.state.shiftCost(item, bin) !== Number.POSITIVE_INFINITY;
  }

  /** Its home if that has room again, else the tightest room that need not wait; -1: none. */
  bestBin(item: number): number {
    const { bins } = this.problem;
    const own = this.home(item);
    if (own >= 0 && this.fits(item, own)) return own;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let bin = 0; bin < bins; bin += 1) {
      const room = this.#roomAfter(item, bin);
      if (room < 0 || room >= least) continue;
      // Room that others still have to leave is taken last: it orders the moves, or ties them up.
      const rank = this.#mustWait(item, bin) ? WAITING + room : room;
      if (rank >= least || !this.fits(item, bin)) continue;
      best = bin;
      least = rank;
    }
    this.steps += bins;
    return best;
  }

  /** Ways for the item into bins that are not free for it, the cheapest first. */
  ways(item: number): Way[] {
    const { bins } = this.problem;
    const ways: Way[] = [];
    for (let bin = 0; bin < bins; bin += 1) {
      if (!this.state.allows(item, bin)) continue;
      const rivals = this.#rivals(item, bin);
      if (rivals === undefined) continue;
      const inside = rivals.filter((rival) => this.at(rival) === bin);
      const others = this.excess(bin, item, inside);
      if (others === undefined) continue;
      const leavers = [...new Set([...rivals, ...others])];
      if (leavers.length === 0) continue;
      let [cost, size] = [0, 0];
      for (const leaver of leavers) {
        cost += this.#price(leaver);
        size = Math.max(size, this.#size[leaver] ?? 0);
      }
      ways.push({ bin, leavers, cost, size });
    }
    this.steps += WAY_STEPS * bins;
    return ways.sort((a, b) => a.cost - b.cost || a.size - b.size || a.bin - b.bin);
  }

  /**
   * The cheapest guests whose leaving brings the bin back to its capacity, `arriving` included,
   * with those that leave anyway; undefined: nothing suffices.
   */
  excess(
    bin: number,
    arriving = -1,
    anyway: readonly number[] = [],
  ): readonly number[] | undefined {
    const { resources, need } = this.problem;
    const leaving = [...anyway];
    for (let r = 0; r < resources; r += 1) {
      const taken = arriving < 0 ? 0 : (need[arriving * resources + r] ?? 0);
      let missing = taken - this.state.loads.free(bin, r);
      for (const item of leaving) missing -= need[item * resources + r] ?? 0;
      // Whoever asks nothing of an overfull resource may come all the same.
      if (missing <= 0 || (arriving >= 0 && taken === 0)) continue;
      const gain = (item: number): number => need[item * resources + r] ?? 0;
      const able = (this.state.itemsIn[bin] ?? []).filter(
        (item) => gain(item) > 0 && !this.isFixed(item) && !leaving.includes(item),
      );
      able.sort((a, b) => a - b);
      const items = able.map((item) => ({ gain: gain(item), cost: this.#price(item) }));
      const bounds = { below: Number.POSITIVE_INFINITY, maxNodes: MAX_NODES };
      const cover = cheapestCover(items, missing, bounds);
      if (cover === undefined) return undefined;
      for (const index of cover.chosen) leaving.push(able[index] ?? -1);
    }
    return leaving;
  }

  #put(item: number, to: number): void {
    const own = this.home(item);
    const away = Number(this.at(item) === own) - Number(to === own);
    if (own >= 0 && away !== 0) this.#leftBy(item, own, away);
    this.state.place(item, to);
  }

  #leftBy(item: number, own: number, sign: number): void {
    const { resources, need } = this.problem;
    for (let r = 0; r < resources; r += 1) {
      const cell = own * resources + r;
      this.#left[cell] = (this.#left[cell] ?? 0) + sign * (need[item * resources + r] ?? 0);
    }
  }

  #bind(rule: GroupRule): void {
    if (rule.kind !== 'together' && rule.kind !== 'apart') return;
    if (rule.kind === 'apart' && (rule.atMost ?? 1) > 1) return;
    const { groups, partitions } = this.problem;
    const members = groups?.[rule.group] ?? new Int32Array(0);
    const bond: Bond = { kind: rule.kind, members, domainOf: partitions?.[rule.by] };
    for (const item of members) {
      const bonds = this.#boundOf.get(item);
      if (bonds === undefined) this.#boundOf.set(item, [bond]);
      else bonds.push(bond);
    }
  }

  /**
   * Who may not be where they are once the item is in the bin: guests to be kept apart from it, and
   * those that are to be with it but are elsewhere. Undefined: one of them stays.
   */
  #rivals(item: number, bin: number): readonly number[] | undefined {
    const rivals = new Set<number>();
    for (const { kind, members, domainOf } of this.#boundOf.get(item) ?? []) {
      for (const member of members) {
        const there = this.at(member);
        if (there < 0 || member === item) continue;
        const meets = (domainOf?.[there] ?? there) === (domainOf?.[bin] ?? bin);
        if (meets === (kind === 'apart')) rivals.add(member);
      }
    }
    return [...rivals].some((rival) => this.isFixed(rival)) ? undefined : [...rivals];
  }

  /** What it costs to send the item on: nothing but the trouble, where it is not at home. */
  #price(item: number): number {
    const atHome = this.home(item) === this.at(item);
    const cost = atHome ? (this.problem.moveCost[item] ?? 0) / this.#meanCost : 0;
    const trouble = this.#trouble[item] ?? 0;
    return cost + trouble + SIZE_WEIGHT * (1 + cost) * (1 + (this.#size[item] ?? 0));
  }

  /** Free shares of the bin's capacities with the item in it, summed up; < 0: it does not fit. */
  #roomAfter(item: number, bin: number): number {
    if (!this.state.allows(item, bin)) return -1;
    const { resources, need, capacity } = this.problem;
    let room = 0;
    for (let r = 0; r < resources; r += 1) {
      const wanted = need[item * resources + r] ?? 0;
      const free = this.state.loads.free(bin, r) - wanted;
      if (free < 0 && wanted > 0) return -1;
      const whole = capacity[bin * resources + r] ?? 0;
      if (whole > 0 && whole !== Number.POSITIVE_INFINITY) room += Math.max(0, free) / whole;
    }
    return room;
  }

  #mustWait(item: number, bin: number): boolean {
    const { resources, need } = this.problem;
    for (let r = 0; r < resources; r += 1) {
      const wanted = need[item * resources + r] ?? 0;
      const left = this.#left[bin * resources + r] ?? 0;
      if (wanted > 0 && left > 0 && wanted > this.state.loads.free(bin, r) - left) return true;
    }
    return false;
  }
}

function sizes({ items, bins, resources, need, capacity }: Problem): Float64Array {
  const mean = new Float64Array(resources);
  for (const [at, whole] of capacity.entries()) {
    if (whole !== Number.POSITIVE_INFINITY) {
      mean[at % resources] = (mean[at % resources] ?? 0) + whole / bins;
    }
  }
  return Float64Array.from({ length: items }, (_none, item) => {
    let largest = 0;
    for (let r = 0; r < resources; r += 1) {
      const whole = mean[r] ?? 0;
      if (whole > 0) largest = Math.max(largest, (need[item * resources + r] ?? 0) / whole);
    }
    return largest;
  });
}

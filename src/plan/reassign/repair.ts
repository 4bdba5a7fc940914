/**
 * Repair: the cheapest way out of what is broken, touching nothing else. Takes out what cannot stay
 * (items without a bin, in bins they may not use, too many of a group together, the cheapest set
 * that brings an overfull bin back to its capacity), then puts everything back where it fits, the
 * largest first into the tightest room. Where nothing fits, others make room: the cheapest guests
 * of a bin leave it and look for a place themselves, a few deep; and where that fails, ejection
 * goes on with guests that were hard to place before ever dearer to send away (after the guided
 * ejection search of Nagata and Bräysy, "A powerful route minimization heuristic for the vehicle
 * routing problem with time windows", 2009). At last movers go home wherever that costs no move.
 *
 * For problems whose cost is moves and whose trouble is local: O(what is broken × bins), whatever
 * the number of items. It does not weigh soft capacity, balance and evenness; the general search
 * does, and may start from this answer. Deterministic; knows `apart` and `together` as reasons to
 * leave, and breaks no rule of any kind.
 */

import { Packing, type Way } from './packing.ts';
import type { Answer, Budget, GroupRule, Problem } from './problem.ts';

/** How often in a row places are made by sending others away, and how many ways are tried. */
const MAX_DEPTH = 3;
const WAYS_BY_DEPTH = [0, 4, 24, 200];
/** Ejections per item that found no place otherwise, before it is given up. */
const MAX_EJECTIONS = 300;
/** Some seconds' worth. */
const MAX_STEPS = 100_000_000;

/**
 * Once the budget is spent, what fits nowhere stays at home. Without `shouldStop` the answer
 * depends on the problem and the steps alone.
 */
export function repair(
  problem: Problem,
  { steps = MAX_STEPS, shouldStop }: Partial<Pick<Budget, 'steps' | 'shouldStop'>> = {},
): Answer {
  return new Repair(problem, steps, shouldStop).run();
}

class Repair {
  readonly #problem: Problem;
  readonly #packing: Packing;

  readonly #steps: number;
  readonly #shouldStop: (() => boolean) | undefined;

  constructor(problem: Problem, steps: number, shouldStop: (() => boolean) | undefined) {
    this.#problem = problem;
    this.#steps = steps;
    this.#shouldStop = shouldStop;
    this.#packing = new Packing(problem);
  }

  run(): Answer {
    const { state } = this.#packing;
    const startCost = state.cost();
    const waiting = this.#packing.bySize(this.#takeOut());
    const left = waiting.filter((item) => !this.#settle(item));
    // Others may have made room since.
    const hard = left.filter((item) => !this.#makeRoom(item, MAX_DEPTH));
    for (const item of hard) if (!this.#eject(item)) this.#leaveAtHome(item);
    this.#returnHome();
    return {
      at: state.at,
      cost: state.cost(),
      startCost,
      broken: state.broken(),
      moved: state.moves.moved,
      steps: this.#packing.steps,
    };
  }

  /** Everything that cannot stay, in no bin from here on. */
  #takeOut(): readonly number[] {
    const { state } = this.#packing;
    const out: number[] = [];
    const take = (item: number): void => {
      if (this.#packing.isFixed(item)) return;
      this.#packing.place(item, -1);
      out.push(item);
    };
    for (let item = 0; item < this.#problem.items; item += 1) {
      const bin = this.#packing.at(item);
      if (bin < 0) out.push(item);
      else if (!state.allows(item, bin)) take(item);
    }
    for (const [index, rule] of (this.#problem.rules ?? []).entries()) {
      if ((state.rules.broken[index] ?? 0) > 0) this.#tooMany(rule).forEach(take);
    }
    for (let bin = 0; bin < this.#problem.bins; bin += 1) {
      this.#packing.excess(bin)?.forEach(take);
    }
    return out;
  }

  /** Of a broken group: all but the dearest that may be where they are. */
  #tooMany(rule: GroupRule): readonly number[] {
    if (rule.kind !== 'apart' && rule.kind !== 'together') return [];
    const domainOf = this.#problem.partitions?.[rule.by];
    const crowds = new Map<number, number[]>();
    for (const item of this.#problem.groups?.[rule.group] ?? []) {
      const bin = this.#packing.at(item);
      const domain = bin < 0 ? -1 : (domainOf?.[bin] ?? bin);
      const crowd = crowds.get(domain);
      if (domain < 0) continue;
      if (crowd === undefined) crowds.set(domain, [item]);
      else crowd.push(item);
    }
    const cost = (item: number): number =>
      this.#packing.isFixed(item) ? Number.POSITIVE_INFINITY : (this.#problem.moveCost[item] ?? 0);
    if (rule.kind === 'apart') {
      return [...crowds.values()].flatMap((crowd) =>
        crowd.sort((a, b) => cost(b) - cost(a) || a - b).slice(rule.atMost ?? 1),
      );
    }
    const worth = (crowd: readonly number[]): number =>
      crowd.reduce((sum, item) => sum + cost(item), 0);
    return [...crowds.values()]
      .sort((a, b) => worth(b) - worth(a))
      .slice(1)
      .flat();
  }

  #isSpent(): boolean {
    return this.#packing.steps >= this.#steps || this.#shouldStop?.() === true;
  }

  #settle(item: number): boolean {
    const bin = this.#packing.bestBin(item);
    if (bin >= 0) this.#packing.place(item, bin);
    return bin >= 0;
  }

  /** Puts the item where others can leave for it; nothing changes when there is no such place. */
  #makeRoom(item: number, depth: number): boolean {
    if (this.#settle(item)) return true;
    if (depth === 0 || this.#isSpent()) return false;
    const mark = this.#packing.mark();
    for (const way of this.#packing.ways(item).slice(0, WAYS_BY_DEPTH[depth])) {
      if (this.#driveOut(item, way)) {
        const leavers = this.#packing.bySize(way.leavers);
        if (leavers.every((leaver) => this.#makeRoom(leaver, depth - 1))) return true;
      }
      this.#packing.rollback(mark);
      if (this.#isSpent()) break;
    }
    return false;
  }

  /** Puts the item into the bin and the leavers into none; false: a rule is still against it. */
  #driveOut(item: number, { bin, leavers }: Way): boolean {
    for (const leaver of leavers) this.#packing.place(leaver, -1);
    const fits = this.#packing.fits(item, bin);
    if (fits) this.#packing.place(item, bin);
    return fits;
  }

  /** Places the item and, one after the other, all whom that drives out; or changes nothing. */
  #eject(item: number): boolean {
    const start = this.#packing.mark();
    const open = [item];
    for (let ejections = 0; ejections < MAX_EJECTIONS; ejections += 1) {
      const next = open.pop();
      if (next === undefined) return true;
      if (this.#makeRoom(next, 1)) continue;
      open.push(next);
      if (this.#isSpent()) break;
      this.#packing.complain(next);
      const mark = this.#packing.mark();
      const [way] = this.#packing.ways(next);
      if (way === undefined) break;
      if (!this.#driveOut(next, way)) {
        this.#packing.rollback(mark);
        continue;
      }
      open.pop();
      open.push(...way.leavers);
    }
    if (open.length === 0) return true;
    this.#packing.rollback(start);
    return false;
  }

  /**
   * Better overfull at home than nowhere: who has a home goes back when nothing was found. Who came
   * there since has to go again.
   */
  #leaveAtHome(item: number): void {
    const own = this.#packing.home(item);
    if (own < 0) return;
    const fits = this.#packing.fits(item, own);
    this.#packing.place(item, own);
    if (fits) return;
    const guests = this.#packing.state.itemsIn[own] ?? [];
    const strangers = guests.filter((guest) => this.#packing.home(guest) !== own);
    for (const stranger of strangers) this.#packing.place(stranger, -1);
    for (const stranger of strangers) if (!this.#settle(stranger)) this.#leaveAtHome(stranger);
  }

  /** Where there is room again, or where only such make room as are not at home themselves. */
  #returnHome(): void {
    for (let item = 0; item < this.#problem.items; item += 1) {
      const [own, bin] = [this.#packing.home(item), this.#packing.at(item)];
      if (own < 0 || bin < 0 || bin === own) continue;
      if (this.#packing.fits(item, own)) this.#packing.place(item, own);
      else if (this.#packing.state.allows(item, own)) this.#exchangeHome(item, own);
    }
  }

  #exchangeHome(item: number, own: number): void {
    const mark = this.#packing.mark();
    const leavers = this.#packing.excess(own, item) ?? [];
    if (leavers.length > 0 && leavers.every((leaver) => this.#packing.home(leaver) !== own)) {
      const way = { bin: own, leavers, cost: 0, size: 0 };
      if (this.#driveOut(item, way) && leavers.every((leaver) => this.#settle(leaver))) return;
    }
    this.#packing.rollback(mark);
  }
}

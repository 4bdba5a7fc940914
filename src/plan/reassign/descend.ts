/**
 * The fast way down: bin by bin, the dearest first, the items whose leaving gains most go to the
 * best of some bins that can take more of what costs, or change places with something smaller
 * there. Only what gets cheaper is done. Where there are too many items for the annealer to draw
 * each of them often, most of the answer's worth comes from here.
 */

import type { Rng } from '../../domain/rng.ts';
import type { Assignment } from './assignment.ts';

/** Bins drawn per item to take the best of, and exchanges tried where no shift helps. */
const BINS_DRAWN = 16;
const EXCHANGES_DRAWN = 16;
/** Items of a bin that are tried in a row without success. */
const ITEMS_TRIED = 6;
/** A round that gains less than this share of the cost is the last one. */
const WORTHWHILE = 0.01;

export class Descent {
  /** How many changes were judged. */
  steps = 0;
  readonly #state: Assignment;
  readonly #rng: Rng;
  readonly #isOver: () => boolean;

  /** `isOver` is asked bin by bin. */
  constructor(state: Assignment, rng: Rng, isOver: () => boolean) {
    this.#state = state;
    this.#rng = rng;
    this.#isOver = isOver;
  }

  /** Goes through the bins once; false: it was not worth it, or time is over. */
  round(): boolean {
    const { cost } = this.#state.loads;
    const before = cost.reduce((sum, one) => sum + one, 0);
    const order = Array.from(cost.keys()).filter((bin) => (cost[bin] ?? 0) > 0);
    order.sort((a, b) => (cost[b] ?? 0) - (cost[a] ?? 0) || a - b);
    for (const bin of order) {
      if (this.#isOver()) return false;
      this.#relieve(bin);
    }
    const after = cost.reduce((sum, one) => sum + one, 0);
    return before - after > WORTHWHILE * before;
  }

  #relieve(bin: number): void {
    const { loads, itemsIn } = this.#state;
    const gain = (item: number): number => -loads.departure(item, bin);
    for (let moves = 0; moves < this.#state.problem.items; moves += 1) {
      const concern = dearest(this.#state, bin);
      if (concern < 0) return;
      const able = (itemsIn[bin] ?? []).filter((item) => gain(item) > 0);
      able.sort((a, b) => gain(b) - gain(a) || a - b);
      if (!able.slice(0, ITEMS_TRIED).some((item) => this.#improve(item, bin, concern))) return;
    }
  }

  #improve(item: number, from: number, concern: number): boolean {
    const cool = this.#state.loads.cool(concern);
    let [best, least] = [-1, 0];
    for (let drawn = 0; drawn < BINS_DRAWN; drawn += 1) {
      const bin = this.#oneOf(cool);
      if (bin < 0 || bin === from) continue;
      const change = this.#state.shiftCost(item, bin, least);
      if (change < least) [best, least] = [bin, change];
    }
    this.steps += BINS_DRAWN;
    if (best >= 0) {
      this.#state.place(item, best);
      return true;
    }
    return this.#exchange(item, from, concern);
  }

  #exchange(item: number, from: number, concern: number): boolean {
    const { loads, itemsIn } = this.#state;
    const need = loads.needOf(item, concern);
    const cool = loads.cool(concern);
    let [best, least] = [-1, 0];
    for (let drawn = 0; drawn < EXCHANGES_DRAWN; drawn += 1) {
      const bin = this.#oneOf(cool);
      const other = this.#oneOf(itemsIn[bin] ?? []);
      if (other < 0 || bin === from || loads.needOf(other, concern) >= need) continue;
      const change = this.#state.swapCost(item, other, least);
      if (change < least) [best, least] = [other, change];
    }
    this.steps += EXCHANGES_DRAWN;
    if (best >= 0) this.#state.swap(item, best);
    return best >= 0;
  }

  #oneOf(list: readonly number[]): number {
    return list[Math.floor(this.#rng.next() * list.length)] ?? -1;
  }
}

/** The concern that costs most in the bin; -1: none does. */
function dearest(state: Assignment, bin: number): number {
  let [found, most] = [-1, 0];
  for (let concern = 0; concern < state.loads.concerns; concern += 1) {
    const cost = concernCost(state, bin, concern);
    if (cost > most) [found, most] = [concern, cost];
  }
  return found;
}

function concernCost({ problem, loads }: Assignment, bin: number, concern: number): number {
  const { resources, balances } = problem;
  if (concern < resources) {
    const cell = bin * resources + concern;
    return -(loads.tables.slack[cell] ?? 0) * (loads.tables.weight[cell] ?? 0);
  }
  const balance = balances?.[concern - resources];
  if (balance === undefined) return 0;
  const { first, second, target, weight } = balance;
  return weight * (target * loads.free(bin, first) - loads.free(bin, second));
}

/**
 * Levelling CPU between hosts: the move that lowers the sum of squared distances from the mean
 * utilisation most for its cost, again and again, from the fullest hosts to the emptiest, until no
 * move gains more than it costs. A VM is moved once at most, so this ends.
 */

import type { Finding } from '../domain/finding.ts';
import type { Weights } from '../domain/policy.ts';
import { GIB } from '../domain/units.ts';
import type { Draft } from './draft.ts';
import { CPU_AT } from './model.ts';
import type { SearchBudget } from './relieve.ts';
import type { State, Terms } from './state.ts';

/**
 * Squares of shares are small: evening out 1 % is worth 1e-4, where moving 1 GiB costs 1e-3 with
 * the shipped weights. This brings the two to one scale: 1 GiB is moved for about 0.3 %.
 */
const EXCHANGE = 0.01;

export interface LevelSettings {
  readonly finding: Finding;
  readonly terms: Terms;
  readonly weights: Weights;
  /** A move must gain this share more than it costs. */
  readonly margin: number;
}

interface Step {
  readonly vm: number;
  readonly to: number;
  readonly profit: number;
}

/** Returns how many moves it made. */
export function level(draft: Draft, settings: LevelSettings, budget: SearchBudget): number {
  const leveller = new Leveller(draft, settings);
  let made = 0;
  while (budget.steps > 0 && !budget.shouldStop()) {
    budget.steps -= 1;
    if (!leveller.step()) break;
    made += 1;
  }
  return made;
}

class Leveller {
  readonly #draft: Draft;
  readonly #state: State;
  readonly #settings: LevelSettings;
  /** Hosts that take part: with capacity, and measured. */
  readonly #hosts: readonly number[];
  /** Hosts from which no move gains any more; emptied when a host of a pair changes. */
  readonly #spent = new Set<number>();
  readonly #mean: number;

  constructor(draft: Draft, settings: LevelSettings) {
    this.#draft = draft;
    this.#state = draft.state;
    this.#settings = settings;
    const { model } = draft.state;
    this.#hosts = model.hosts.flatMap((_host, h) =>
      model.hostMeasured[h] === 1 && (model.capacity[h * model.width] ?? 0) > 0 ? [h] : [],
    );
    const total = this.#hosts.reduce((sum, h) => sum + this.#use(h), 0);
    this.#mean = total / Math.max(1, this.#hosts.length);
  }

  /** Makes the best move from the fullest host that has one; false: none is left. */
  step(): boolean {
    const fullestFirst = this.#hosts
      .filter((h) => !this.#spent.has(h) && this.#use(h) > this.#mean)
      .sort((a, b) => this.#use(b) - this.#use(a) || a - b);
    for (const from of fullestFirst) {
      const best = this.#bestFrom(from);
      if (best === undefined) {
        this.#spent.add(from);
        continue;
      }
      const { finding, terms } = this.#settings;
      this.#draft.move(best.vm, best.to, { finding, terms, makesRoomFor: undefined });
      return true;
    }
    return false;
  }

  #bestFrom(from: number): Step | undefined {
    const { terms } = this.#settings;
    let best: Step | undefined;
    const emptiest = this.#emptiest();
    for (const vm of this.#draft.residents(from)) {
      if (this.#state.at[vm] !== from || this.#state.stuck(vm, terms) !== 0) continue;
      for (const to of emptiest) {
        const profit = this.#profit(vm, from, to);
        if (profit <= 0 || (best !== undefined && profit <= best.profit)) continue;
        if (this.#state.refusal(vm, to, terms, 'any-moment') === 0) best = { vm, to, profit };
      }
    }
    return best;
  }

  /** A few of the hosts below the mean, emptiest first. */
  #emptiest(): readonly number[] {
    const below = this.#hosts.filter((h) => this.#use(h) < this.#mean);
    return below.sort((a, b) => this.#use(a) - this.#use(b) || a - b).slice(0, 8);
  }

  /** What the move gains less what it costs (with the margin), per byte-weighted cost. */
  #profit(vm: number, from: number, to: number): number {
    const { weights, margin } = this.#settings;
    const { width, need, held, capacity, cost } = this.#state.model;
    const leaves = (held[vm * width + CPU_AT] ?? 0) / (capacity[from * width + CPU_AT] ?? 1);
    const comes = (need[vm * width + CPU_AT] ?? 0) / (capacity[to * width + CPU_AT] ?? 1);
    const source = this.#use(from) - this.#mean;
    const target = this.#use(to) - this.#mean;
    const before = source ** 2 + target ** 2;
    const after = (source - leaves) ** 2 + (target + comes) ** 2;
    const gain = weights.imbalance * (before - after);
    const price = (weights.moveCost * (1 + margin) * (cost[vm] ?? 0)) / GIB;
    return gain > price * EXCHANGE ? gain / Math.max(price, Number.MIN_VALUE) : 0;
  }

  #use(h: number): number {
    return this.#state.utilisation(h, CPU_AT);
  }
}

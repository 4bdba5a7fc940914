/**
 * Clearing all hosts that need it, together. First each by itself: its cheapest set, then where
 * room is too scarce for that, with others that give way (eject.ts). Here no clearing relies on
 * what another one frees: each can be taken back by itself, and whatever is found is valid in any
 * order of execution in which those who give way go first. Then a large neighbourhood search takes
 * a few of them back and does them together (improve.ts). Which answer counts: anytime.ts.
 *
 * The sum of the hosts' own optima is a lower bound; the search ends when it is reached.
 */

import { type ClearTask, type Job, findClearing, makeJob } from './clear.ts';
import type { Draft } from './draft.ts';
import { Ejector } from './eject.ts';
import { type Cleared, type SearchBudget, isClose } from './improve.ts';
import { CPU_AT } from './model.ts';
import type { State } from './state.ts';
import type { Clearing, Means } from './trial.ts';

/** The clearings of all jobs; undefined where none was found. */
type Solution = readonly (Clearing | undefined)[];

/**
 * Hosts in a row that could not be cleared although others were asked to give way, after which that
 * is not asked for any more: each takes long, and where so many are in vain the fleet is full.
 */
const MOST_IN_VAIN = 8;

/** Hosts cleared one by one, and whether that may be had for less. */
export interface Cleaned extends Cleared {
  readonly jobs: readonly Job[];
  readonly isDone: boolean;
}

/** The steps that it returns are made, on the bare state. */
export function clearEach(
  draft: Draft,
  tasks: readonly ClearTask[],
  budget: SearchBudget,
): Cleaned {
  const jobs = tasks.map((task) => makeJob(draft.state, task, mayLeave(draft, task)));
  const search = new ClearSearch(draft.state, jobs);
  return { ...search.run(budget), jobs, isDone: search.isDone() };
}

/** VMs of the host but those for which no moves of others could make room. */
function mayLeave(draft: Draft, task: ClearTask): readonly number[] {
  const { state, pools } = draft;
  const { width, need } = state.model;
  const most = state.byRoom.most();
  return draft
    .residents(task.host)
    .filter(
      (v) =>
        (need[v * width + CPU_AT] ?? 0) <= most ||
        pools.shortFor(v, task.reliefTerms) === undefined,
    );
}

class ClearSearch {
  readonly #state: State;
  readonly #jobs: readonly Job[];
  readonly #bounds: Float64Array;
  readonly #solution: (Clearing | undefined)[];
  #ejector: Ejector | undefined;
  #means: Means = { fit: 'spread', ejector: undefined };
  /** Hosts in a row for which no others could give way. */
  #inVain = 0;

  constructor(state: State, jobs: readonly Job[]) {
    this.#state = state;
    this.#jobs = jobs;
    this.#bounds = Float64Array.from(jobs, ({ ideals }) => ideals[0]?.cost ?? Infinity);
    this.#solution = jobs.map(() => undefined);
  }

  /** The steps that it made, in this order. */
  run(budget: SearchBudget): Cleared {
    this.#search(budget);
    return {
      steps: this.#solution.flatMap((clearing) => clearing?.moves ?? []),
      cleared: this.#solution.map((clearing) => clearing !== undefined),
    };
  }

  /** Whether no more can be gained. */
  isDone(): boolean {
    let bound = 0;
    let cost = 0;
    for (const [index, least] of this.#bounds.entries()) {
      if (least === Infinity) continue;
      bound += least;
      cost += this.#solution[index]?.cost ?? Infinity;
    }
    return isClose(cost, bound);
  }

  #search(budget: SearchBudget): void {
    const bounds = this.#bounds;
    const hardestFirst = this.#jobs
      .map((_job, index) => index)
      .filter((index) => (bounds[index] ?? Infinity) < Infinity)
      .sort((a, b) => (bounds[b] ?? 0) - (bounds[a] ?? 0) || a - b);
    for (const index of hardestFirst) this.#solve(index);
    if (this.isDone()) return;
    const spread = this.#score();
    const kept = [...this.#solution];
    for (const index of hardestFirst) this.#takeBack(index);
    const direct: Means = { fit: 'pack', ejector: undefined };
    this.#means = direct;
    // Who finds no place although nobody else takes any has others give way, and goes first.
    for (const index of hardestFirst) {
      this.#solve(index);
      if (this.#solution[index] !== undefined) this.#takeBack(index);
      else if (this.#inVain < MOST_IN_VAIN) {
        this.#means = this.#withOthers();
        this.#solve(index);
        this.#count(index);
        this.#means = direct;
      }
    }
    for (const index of hardestFirst) if (this.#solution[index] === undefined) this.#solve(index);
    if (isWorse(this.#score(), spread)) this.#restore(kept);
    if (!this.isDone()) this.#improve(hardestFirst, budget);
  }

  /** Each that could be cheaper once more, now with others that give way. */
  #improve(hardestFirst: readonly number[], budget: SearchBudget): void {
    this.#means = this.#withOthers();
    for (const index of hardestFirst) {
      if (budget.shouldStop()) return;
      if (this.#isBest(index)) continue;
      const isOpen = this.#solution[index] === undefined;
      if (isOpen && this.#inVain >= MOST_IN_VAIN) continue;
      this.#solveAgain(index);
      if (isOpen) this.#count(index);
    }
  }

  /** Notes whether a way was found for the host, where only others that give way could be one. */
  #count(index: number): void {
    this.#inVain = this.#solution[index] === undefined ? this.#inVain + 1 : 0;
  }

  #withOthers(): Means {
    const spared = new Uint8Array(this.#state.model.hosts.length);
    for (const { task } of this.#jobs) spared[task.host] = 1;
    this.#ejector ??= new Ejector(this.#state, spared);
    return { fit: 'pack', ejector: this.#ejector };
  }

  /** What was there stays where nothing better is found. */
  #solveAgain(index: number): void {
    const kept = this.#solution[index];
    this.#takeBack(index);
    this.#solve(index, kept?.cost);
    if (this.#solution[index] === undefined) this.#put(index, kept);
  }

  #solve(index: number, below = Infinity): void {
    const job = this.#jobs[index];
    if (job === undefined || job.ideals.length === 0) return;
    this.#put(index, findClearing(this.#state, job, this.#means, below));
  }

  #put(index: number, clearing: Clearing | undefined): void {
    if (clearing === undefined) return;
    for (const { vm, to } of clearing.moves) this.#state.apply(vm, to);
    this.#solution[index] = clearing;
  }

  #takeBack(index: number): void {
    const moves = this.#solution[index]?.moves ?? [];
    for (let at = moves.length - 1; at >= 0; at -= 1) this.#state.undo(moves[at]?.vm ?? -1);
    this.#solution[index] = undefined;
  }

  #restore(kept: Solution): void {
    for (const index of kept.keys()) this.#takeBack(index);
    for (const [index, clearing] of kept.entries()) this.#put(index, clearing);
  }

  #isBest(index: number): boolean {
    const bound = this.#bounds[index] ?? Infinity;
    // The same set may be summed up in another order.
    const reached = (this.#solution[index]?.cost ?? Infinity) * (1 - 1e-12);
    return bound === Infinity || reached <= bound;
  }

  #score(): Score {
    let open = 0;
    let cost = 0;
    for (const [index, clearing] of this.#solution.entries()) {
      if (clearing === undefined && (this.#bounds[index] ?? Infinity) < Infinity) open += 1;
      cost += clearing?.cost ?? 0;
    }
    return { open, cost };
  }
}

interface Score {
  readonly open: number;
  readonly cost: number;
}

function isWorse(score: Score, than: Score): boolean {
  if (score.open !== than.open) return score.open > than.open;
  return score.cost > than.cost * (1 + 1e-12);
}

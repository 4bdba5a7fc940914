/**
 * Clearing all hosts that need it, together: each host's cheapest set is tried first, and where
 * room is too scarce for that, a large neighbourhood search takes the clearings of a few hosts
 * back and solves them again in another order (Shaw, "Using constraint programming and local
 * search methods to solve vehicle routing problems", CP 1998).
 *
 * All of it stays within gross loads: whatever is found is valid in any order of execution. The
 * sum of the hosts' own optima is a lower bound; the search ends when it is reached.
 */

import type { Rng } from '../domain/rng.ts';
import { type ClearTask, type Clearing, findClearing, reliefCandidates } from './clear.ts';
import type { Draft } from './draft.ts';
import type { State } from './state.ts';
import type { Fit } from './targets.ts';

/** How many hosts' clearings are taken back at once, at most. */
const NEIGHBOURHOOD = 3;

/** Steps without an improvement after which the search is taken to be at its end. */
const MAX_IDLE = 150;

export interface SearchBudget {
  readonly rng: Rng;
  readonly shouldStop: () => boolean;
  /** Steps left; every attempt to solve a neighbourhood again takes one. */
  steps: number;
}

interface Job {
  readonly task: ClearTask;
  readonly candidates: readonly number[];
  /** Least cost of this host alone; undefined: not even all of its VMs would be enough. */
  readonly bound: number | undefined;
}

/** The clearings of all tasks; undefined where none was found within the gross loads. */
export type Solution = readonly (Clearing | undefined)[];

/**
 * Makes the moves that it returns. The solution is in the order of the tasks. `makeRoom` is called
 * for hosts that cannot be cleared although nobody else takes any room; it moves what it can.
 */
export function clearAll(
  draft: Draft,
  tasks: readonly ClearTask[],
  makeRoom: (task: ClearTask) => boolean,
  budget: SearchBudget,
): Solution {
  const solution = new ClearSearch(draft, tasks, makeRoom).run(budget);
  // The search works on the bare state; the moves are made again with their causes.
  for (const clearing of solution) {
    for (const { vm } of clearing?.moves ?? []) draft.state.undo(vm);
  }
  for (const clearing of solution) {
    for (const { vm, to, terms, finding } of clearing?.moves ?? []) {
      draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
    }
  }
  return solution;
}

class ClearSearch {
  readonly #state: State;
  readonly #jobs: readonly Job[];
  readonly #makeRoom: (task: ClearTask) => boolean;
  /** Jobs that were left to {@link makeRoom}: the search does not touch them any more. */
  readonly #settled = new Set<number>();
  readonly #solution: (Clearing | undefined)[];
  #fit: Fit = 'spread';

  constructor(draft: Draft, tasks: readonly ClearTask[], makeRoom: (task: ClearTask) => boolean) {
    this.#state = draft.state;
    this.#makeRoom = makeRoom;
    this.#jobs = tasks.map((task) => {
      const candidates = reliefCandidates(draft.state, task, draft.residents(task.host));
      const bound = findClearing(draft.state, task, candidates, undefined)?.cost;
      return { task, candidates, bound };
    });
    this.#solution = tasks.map(() => undefined);
  }

  run(budget: SearchBudget): Solution {
    const hardestFirst = this.#jobs
      .map((_job, index) => index)
      .sort((a, b) => (this.#jobs[b]?.bound ?? 0) - (this.#jobs[a]?.bound ?? 0) || a - b);
    for (const index of hardestFirst) this.#solve(index);
    if (this.#isOptimal()) return this.#solution;
    const spread = this.#score();
    const kept = [...this.#solution];
    for (const index of hardestFirst) this.#takeBack(index);
    this.#fit = 'pack';
    const open = hardestFirst.filter((index) => kept[index] === undefined);
    for (const index of open) this.#tryAlone(index);
    for (const index of hardestFirst) this.#solve(index);
    // Once room was made for some, the spread solution may not fit any more.
    if (this.#settled.size === 0 && isWorse(this.#score(), spread)) this.#restore(kept);
    let idle = 0;
    while (budget.steps > 0 && idle < MAX_IDLE && !this.#isOptimal() && !budget.shouldStop()) {
      budget.steps -= 1;
      idle = this.#step(budget.rng) ? 0 : idle + 1;
    }
    return this.#solution;
  }

  /** A job that fails even with all the room there is needs others to be moved out of its way. */
  #tryAlone(index: number): void {
    const job = this.#jobs[index];
    if (job?.bound === undefined) return;
    this.#solve(index);
    if (this.#solution[index] === undefined) {
      this.#settled.add(index);
      this.#makeRoom(job.task);
    } else this.#takeBack(index);
  }

  /** True when it found something better. */
  #step(rng: Rng): boolean {
    const before = this.#score();
    const kept = [...this.#solution];
    const chosen = this.#neighbourhood(rng);
    for (const index of chosen) this.#takeBack(index);
    for (const index of chosen) this.#solve(index);
    const after = this.#score();
    if (isWorse(after, before)) this.#restore(kept);
    return isWorse(before, after);
  }

  /** One host that could be cheaper (or is not cleared yet), and others at random, shuffled. */
  #neighbourhood(rng: Rng): number[] {
    const improvable = this.#jobs.map((_job, index) => index).filter((i) => !this.#isBest(i));
    const pick = improvable[Math.floor(rng.next() * improvable.length)] ?? 0;
    const chosen = new Set([pick]);
    const size = 1 + Math.floor(rng.next() * NEIGHBOURHOOD);
    for (let draw = 0; draw < size; draw += 1) {
      chosen.add(Math.floor(rng.next() * this.#jobs.length));
    }
    // The host that is to gain chooses first more often than not.
    const others = [...chosen].filter((index) => index !== pick);
    return rng.next() < 0.75 ? [pick, ...others] : [...others, pick];
  }

  #solve(index: number): void {
    const job = this.#jobs[index];
    if (job?.bound === undefined || this.#settled.has(index)) return;
    const found = findClearing(this.#state, job.task, job.candidates, this.#fit);
    if (found !== undefined) this.#put(index, found);
  }

  #put(index: number, clearing: Clearing): void {
    for (const { vm, to } of clearing.moves) this.#state.apply(vm, to);
    this.#solution[index] = clearing;
  }

  #takeBack(index: number): void {
    for (const { vm } of this.#solution[index]?.moves.toReversed() ?? []) this.#state.undo(vm);
    this.#solution[index] = undefined;
  }

  #restore(kept: Solution): void {
    const changed = kept.flatMap((clearing, i) => (clearing === this.#solution[i] ? [] : [i]));
    for (const index of changed) this.#takeBack(index);
    for (const index of changed) {
      const clearing = kept[index];
      if (clearing !== undefined) this.#put(index, clearing);
    }
  }

  #isBest(index: number): boolean {
    const bound = this.#settled.has(index) ? undefined : this.#jobs[index]?.bound;
    // The same set may be summed up in another order.
    const reached = (this.#solution[index]?.cost ?? Infinity) * (1 - 1e-12);
    return bound === undefined || reached <= bound;
  }

  #isOptimal(): boolean {
    return this.#jobs.every((_job, index) => this.#isBest(index));
  }

  #score(): Score {
    let open = 0;
    let cost = 0;
    for (const [index, job] of this.#jobs.entries()) {
      const clearing = this.#solution[index];
      const isOpen = clearing === undefined && job.bound !== undefined;
      if (isOpen && !this.#settled.has(index)) open += 1;
      cost += clearing?.cost ?? 0;
    }
    return { open, cost };
  }
}

interface Score {
  open: number;
  cost: number;
}

function isWorse(score: Score, than: Score): boolean {
  return score.open !== than.open ? score.open > than.open : score.cost > than.cost;
}

/**
 * Clearing all hosts that need it, together: each host's cheapest set is tried first, and where
 * room is too scarce for that, a large neighbourhood search takes the clearings of a few hosts
 * back and solves them again in another order (Shaw, "Using constraint programming and local
 * search methods to solve vehicle routing problems", CP 1998), now with others that give way
 * (eject.ts).
 *
 * No clearing relies on what another one frees: each can be taken back by itself, and whatever is
 * found is valid in any order of execution in which those who give way go first. The sum of the
 * hosts' own optima is a lower bound; the search ends when it is reached.
 */

import type { Rng } from '../domain/rng.ts';
import {
  type ClearTask,
  type Clearing,
  type Job,
  type Means,
  findClearing,
  makeJob,
} from './clear.ts';
import type { Draft } from './draft.ts';
import { Ejector } from './eject.ts';
import { CPU_AT } from './model.ts';
import type { State } from './state.ts';

/** How many hosts' clearings are taken back at once, at most. */
const NEIGHBOURHOOD = 3;

/**
 * Steps without an improvement after which the search is taken to be at its end: so many for each
 * host that could still be cleared for less, and at most.
 */
const IDLE_PER_JOB = 10;
const MAX_IDLE = 120;

/** The search ends this close to the lower bound: what is left is not worth the wait. */
const CLOSE = 1.0005;

export interface SearchBudget {
  readonly rng: Rng;
  readonly shouldStop: () => boolean;
  /** Steps left; every attempt to solve a neighbourhood again takes one. */
  steps: number;
}

/** The clearings of all tasks; undefined where none was found. */
export type Solution = readonly (Clearing | undefined)[];

/** Makes the moves that it returns. The solution is in the order of the tasks. */
export function clearAll(
  draft: Draft,
  tasks: readonly ClearTask[],
  budget: SearchBudget,
): Solution {
  if (tasks.length === 0) return [];
  const solution = new ClearSearch(draft, tasks).run(budget);
  // The search works on the bare state; the moves are made again with their causes.
  for (const clearing of solution) {
    for (const { vm } of clearing?.moves.toReversed() ?? []) draft.state.undo(vm);
  }
  for (const clearing of solution) {
    for (const { vm, to, terms, finding, makesRoomFor } of clearing?.moves ?? []) {
      draft.move(vm, to, { finding, terms, makesRoomFor });
    }
  }
  return solution;
}

class ClearSearch {
  readonly #state: State;
  readonly #jobs: readonly Job[];
  readonly #bounds: Float64Array;
  readonly #solution: (Clearing | undefined)[];
  #ejector: Ejector | undefined;
  #means: Means = { fit: 'spread', ejector: undefined };

  constructor(draft: Draft, tasks: readonly ClearTask[]) {
    this.#state = draft.state;
    this.#jobs = tasks.map((task) => makeJob(draft.state, task, draft.residents(task.host)));
    this.#bounds = Float64Array.from(this.#jobs, ({ ideals }) => ideals[0]?.cost ?? Infinity);
    this.#solution = tasks.map(() => undefined);
  }

  run(budget: SearchBudget): Solution {
    const bounds = this.#bounds;
    const hardestFirst = this.#jobs
      .map((_job, index) => index)
      .filter((index) => (bounds[index] ?? Infinity) < Infinity)
      .sort((a, b) => (bounds[b] ?? 0) - (bounds[a] ?? 0) || a - b);
    for (const index of hardestFirst) this.#solve(index);
    if (this.#isDone()) return this.#solution;
    const spread = this.#score();
    const kept = [...this.#solution];
    for (const index of hardestFirst) this.#takeBack(index);
    const direct: Means = { fit: 'pack', ejector: undefined };
    this.#means = direct;
    // Who finds no place although nobody else takes any has others give way, and goes first.
    for (const index of hardestFirst) {
      this.#solve(index);
      if (this.#solution[index] !== undefined) this.#takeBack(index);
      else {
        this.#means = this.#withOthers();
        this.#solve(index);
        this.#means = direct;
      }
    }
    for (const index of hardestFirst) if (this.#solution[index] === undefined) this.#solve(index);
    if (isWorse(this.#score(), spread)) this.#restore(kept);
    if (!this.#isDone()) this.#improve(hardestFirst, budget);
    return this.#solution;
  }

  #improve(hardestFirst: readonly number[], budget: SearchBudget): void {
    this.#means = this.#withOthers();
    for (const index of hardestFirst) {
      if (budget.shouldStop()) return;
      if (!this.#isBest(index)) this.#resolve([index]);
    }
    let open = this.#improvable();
    let idle = 0;
    while (budget.steps > 0 && !this.#isDone() && !budget.shouldStop()) {
      if (idle >= Math.min(MAX_IDLE, IDLE_PER_JOB * open.length)) return;
      budget.steps -= 1;
      idle += 1;
      if (!this.#resolve(this.#neighbourhood(open, budget.rng))) continue;
      idle = 0;
      open = this.#improvable();
    }
  }

  #withOthers(): Means {
    const spared = new Uint8Array(this.#state.model.hosts.length);
    for (const { task } of this.#jobs) spared[task.host] = 1;
    this.#ejector ??= new Ejector(this.#state, spared);
    return { fit: 'pack', ejector: this.#ejector };
  }

  /** Solves these again, in this order; true when that is better, undone when it is worse. */
  #resolve(chosen: readonly number[]): boolean {
    const before = this.#scoreOf(chosen);
    const kept = chosen.map((index) => this.#solution[index]);
    for (const index of chosen) this.#takeBack(index);
    for (const index of chosen) this.#solve(index);
    const after = this.#scoreOf(chosen);
    if (isWorse(after, before)) {
      for (const index of chosen) this.#takeBack(index);
      for (const [at, index] of chosen.entries()) this.#put(index, kept[at]);
    }
    return isWorse(before, after);
  }

  /** Jobs that could be solved at less cost, or are not solved at all. */
  #improvable(): readonly number[] {
    return this.#jobs.map((_job, index) => index).filter((index) => !this.#isBest(index));
  }

  /** One host that could be cheaper (or is not cleared yet), and others, shuffled. */
  #neighbourhood(improvable: readonly number[], rng: Rng): number[] {
    const pick = improvable[Math.floor(rng.next() * improvable.length)] ?? 0;
    const chosen = new Set([pick]);
    const size = 1 + Math.floor(rng.next() * NEIGHBOURHOOD);
    const rivals = this.#rivals(pick, rng);
    for (let draw = 0; draw < size; draw += 1) {
      const from = rivals.length > 0 && rng.next() < 0.7 ? rivals : undefined;
      const count = from?.length ?? this.#jobs.length;
      const at = Math.floor(rng.next() * count);
      chosen.add(from === undefined ? at : (from[at] ?? at));
    }
    // The host that is to gain chooses first more often than not.
    const others = [...chosen].filter((index) => index !== pick);
    return rng.next() < 0.75 ? [pick, ...others] : [...others, pick];
  }

  /** Jobs that took room on hosts where a VM of the job's cheapest set would have had it. */
  #rivals(index: number, rng: Rng): number[] {
    const leavers = this.#jobs[index]?.ideals[0]?.leavers ?? [];
    const leaver = leavers[Math.floor(rng.next() * leavers.length)];
    if (leaver === undefined) return [];
    const { width, need } = this.#state.model;
    const { gross } = this.#state;
    const wanted = need[leaver.vm * width + CPU_AT] ?? 0;
    const found: number[] = [];
    for (const [other, clearing] of this.#solution.entries()) {
      if (clearing === undefined || other === index) continue;
      for (const { vm, to } of clearing.moves) {
        const at = to * width + CPU_AT;
        const room = (leaver.terms.limit[at] ?? 0) - (gross[at] ?? 0);
        if (room + (need[vm * width + CPU_AT] ?? 0) < wanted) continue;
        found.push(other);
        break;
      }
    }
    return found;
  }

  #solve(index: number): void {
    const job = this.#jobs[index];
    if (job === undefined || job.ideals.length === 0) return;
    this.#put(index, findClearing(this.#state, job, this.#means));
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

  #isDone(): boolean {
    let bound = 0;
    let cost = 0;
    for (const [index, least] of this.#bounds.entries()) {
      if (least === Infinity) continue;
      bound += least;
      cost += this.#solution[index]?.cost ?? Infinity;
    }
    return cost <= bound * CLOSE;
  }

  #score(): Score {
    return this.#scoreOf(this.#jobs.map((_job, index) => index));
  }

  #scoreOf(indexes: readonly number[]): Score {
    let open = 0;
    let cost = 0;
    for (const index of indexes) {
      const clearing = this.#solution[index];
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

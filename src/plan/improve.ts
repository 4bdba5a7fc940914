/**
 * Large neighbourhood search (Shaw, "Using constraint programming and local search methods to
 * solve vehicle routing problems", CP 1998) over clearings: what was done for a few hosts is taken
 * back, and they are cleared together anew (resettle.ts), if that can be had for less.
 */

import type { Rng } from '../domain/rng.ts';
import type { Job } from './clear.ts';
import type { Draft } from './draft.ts';
import type { Step } from './eject.ts';
import { floorOf } from './floor.ts';
import { CPU_AT } from './model.ts';
import { Resettler } from './resettle.ts';
import type { State } from './state.ts';

/** How many hosts are cleared anew together, at most. */
const NEIGHBOURHOOD = 4;
/** Nodes of one such search; twice as many each time that the same hosts come up again. */
const NODES = 25;
const MOST_DOUBLINGS = 4;

/**
 * Steps without an improvement after which the search is taken to be at its end: so many for each
 * host that could still be cleared for less by itself; the same where all are cleared, and cost
 * this much more than the bound; for each that could only gain by what others share; and at most.
 */
const IDLE_PER_JOB = 10;
const IDLE_IF_FAR = 24;
const IDLE_IF_SHARED = 1;
const MAX_IDLE = 120;
const FAR = 1.25;

/** How much of what is above the bound is allowed in turn: little is searched through fast. */
const SHARES = [0.34, 0.67, 1] as const;
/** What a host that is not cleared may cost, over its bound. */
const OPEN_FACTOR = 3;

/** The same may be summed up in another order. */
const ROUNDING = 1e-12;

/** The search ends this close to the lower bound: what is left is not worth the wait. */
const CLOSE = 1.0005;

export interface SearchBudget {
  readonly rng: Rng;
  readonly shouldStop: () => boolean;
  /** Steps left; every attempt to clear a few hosts anew takes one. */
  steps: number;
}

export interface Cleared {
  /** In an order in which they can be made. */
  readonly steps: readonly Step[];
  /** Per job: whether its host is cleared by them. */
  readonly cleared: readonly boolean[];
}

export function isClose(cost: number, bound: number): boolean {
  return cost <= bound * CLOSE;
}

/** Why a run ended: at its mark, at the end of all that may gain, or asked to stop. */
export type Ended = 'at-mark' | 'at-end' | 'stopped';

/**
 * Clears for less what was cleared, and what was not where it can. The steps of `first` are made;
 * those of `result` are made instead. What it comes to is never worse than before: fewer jobs are
 * open, or as many, and they cost less.
 */
export class Improver {
  readonly #state: State;
  readonly #jobs: readonly Job[];
  readonly #resettler: Resettler;
  /** Per job: the least that it costs; and what it costs now, infinite where it is open. */
  readonly #least: Float64Array;
  readonly #paid: Float64Array;
  /** Per job: the least that it costs by itself, with others who give way. */
  readonly #floor: Float64Array;
  #steps: readonly Step[];
  /** Sets of hosts that were tried in vain since the last improvement, and how often. */
  readonly #tried = new Map<string, number>();
  #open: readonly number[];
  /** Steps since the last improvement. */
  #idle = 0;

  constructor(draft: Draft, jobs: readonly Job[], { steps, cleared }: Cleared) {
    this.#state = draft.state;
    this.#jobs = jobs;
    this.#resettler = new Resettler(draft.state, jobs, (host) => draft.residents(host));
    this.#least = Float64Array.from(jobs, ({ ideals }) => ideals[0]?.cost ?? Infinity);
    this.#paid = Float64Array.from(cleared, (isCleared) => (isCleared ? 0 : Infinity));
    this.#steps = steps;
    this.#count();
    this.#floor = this.#floors((host) => draft.residents(host));
    this.#open = this.#improvable();
  }

  /** With no step made. */
  #floors(residents: (host: number) => readonly number[]): Float64Array {
    const state = this.#state;
    for (const { vm } of this.#steps.toReversed()) state.undo(vm);
    const { overfill } = this.#resettler;
    overfill.begin([]);
    const floors = Float64Array.from(this.#jobs, (job, index) => {
      const [paid, least] = [this.#paid[index] ?? 0, this.#least[index] ?? Infinity];
      if (paid * (1 - ROUNDING) <= least) return least;
      const below = paid < Infinity ? paid : OPEN_FACTOR * least;
      return floorOf(state, overfill, job, { residents: residents(job.task.host), below });
    });
    for (const { vm, to } of this.#steps) state.apply(vm, to);
    return floors;
  }

  result(): Cleared {
    return { steps: this.#steps, cleared: this.#jobs.map((_job, index) => this.#isCleared(index)) };
  }

  /** Takes steps until only so many are left of the budget. */
  run(budget: SearchBudget, left: number): Ended {
    for (;;) {
      const isIdle = this.#idle >= Math.min(MAX_IDLE, this.#open.length);
      if (isIdle || this.#isDone()) return 'at-end';
      if (budget.steps <= left) return 'at-mark';
      if (budget.shouldStop()) return 'stopped';
      budget.steps -= 1;
      this.#idle += 1;
      if (!this.#improve(this.#neighbourhood(this.#open, budget.rng))) continue;
      this.#idle = 0;
      this.#open = this.#improvable();
    }
  }

  #isCleared(job: number): boolean {
    return (this.#paid[job] ?? 0) < Infinity;
  }

  #isDone(): boolean {
    const { paid, least } = this.#sums();
    return isClose(paid, least);
  }

  #sums(): { readonly paid: number; readonly least: number } {
    let [paid, least] = [0, 0];
    for (const [job, bound] of this.#least.entries()) {
      if (bound === Infinity) continue;
      paid += this.#paid[job] ?? 0;
      least += bound;
    }
    return { paid, least };
  }

  /**
   * Jobs that could cost less, or are open, though they need not be for all that is known: each as
   * often as it may be tried in vain.
   */
  #improvable(): readonly number[] {
    const { paid: all, least: bound } = this.#sums();
    const isFar = all > FAR * bound && all < Infinity;
    const ofOne = isFar ? IDLE_IF_FAR : IDLE_PER_JOB;
    return [...this.#jobs.keys()].flatMap((job) => {
      const [least, floor] = [this.#least[job] ?? Infinity, this.#floor[job] ?? Infinity];
      const paid = (this.#paid[job] ?? 0) * (1 - ROUNDING);
      if (least === Infinity || paid <= least) return [];
      return Array.from({ length: paid > floor ? ofOne : IDLE_IF_SHARED }, () => job);
    });
  }

  /** Clears the hosts of these jobs anew; true when that is better, else nothing was changed. */
  #improve(jobs: readonly number[]): boolean {
    const state = this.#state;
    const hosts = [...new Set(jobs.map((job) => this.#jobs[job]?.task.host ?? -1))];
    const key = hosts.toSorted((a, b) => a - b).join(' ');
    const tries = this.#tried.get(key) ?? 0;
    this.#tried.set(key, tries + 1);
    if (tries > MOST_DOUBLINGS) return false;
    const nodes = NODES * 2 ** tries;
    const { kept, gone } = this.#without(hosts);
    const beyond = state.beyond;
    for (const { vm } of gone.toReversed()) state.undo(vm);
    const own = gone.reduce((sum, { vm }) => sum + (state.model.cost[vm] ?? 0), 0);
    const before = own + (beyond - state.beyond);
    const least = this.#resettler.leastOf(hosts, kept);
    const isOpen = jobs.some((job) => !this.#isCleared(job));
    const most = isOpen ? OPEN_FACTOR * least : before * (1 - 1e-9);
    let reach = 0;
    for (const share of SHARES) {
      if (most <= least) break;
      const below = least + (most - least) * share;
      const further = this.#resettler.grain.reach(below - least);
      if (further === reach) continue;
      reach = further;
      const found = this.#resettler.solve(hosts, kept, { below, nodes });
      if (found === undefined) continue;
      for (const { vm } of kept.toReversed()) state.undo(vm);
      for (const { vm, to } of found.steps) state.apply(vm, to);
      this.#steps = found.steps;
      this.#tried.clear();
      for (const [job, { task }] of this.#jobs.entries()) {
        if (hosts.includes(task.host)) this.#paid[job] = 0;
      }
      this.#count();
      return true;
    }
    for (const { vm, to } of gone) state.apply(vm, to);
    if (!this.#resettler.isCutShort) this.#tried.set(key, Infinity);
    return false;
  }

  /** The steps without those from these hosts, and without what was done only for their sake. */
  #without(hosts: readonly number[]): { readonly kept: Step[]; readonly gone: Step[] } {
    const { home } = this.#state.model;
    const roots = this.#roots();
    const kept: Step[] = [];
    const gone: Step[] = [];
    for (const step of this.#steps) {
      const isGone = hosts.includes(home[roots.get(step.vm) ?? step.vm] ?? -1);
      (isGone ? gone : kept).push(step);
    }
    return { kept, gone };
  }

  /** Per VM that moves: the one for whose sake it does in the end. */
  #roots(): ReadonlyMap<number, number> {
    const roots = new Map<number, number>();
    for (const { vm, makesRoomFor } of this.#steps.toReversed()) {
      roots.set(vm, makesRoomFor === undefined ? vm : (roots.get(makesRoomFor) ?? makesRoomFor));
    }
    return roots;
  }

  /** What each job costs: those who leave its host, and those who make room for them. */
  #count(): void {
    const { home, cost, prices } = this.#state.model;
    const perHost = new Map<number, number>();
    const roots = this.#roots();
    for (const { vm, to } of this.#steps) {
      const host = home[roots.get(vm) ?? vm] ?? -1;
      const price = (cost[vm] ?? 0) + (prices?.beyond(vm, to) ?? 0);
      perHost.set(host, (perHost.get(host) ?? 0) + price);
    }
    for (const [job, { task }] of this.#jobs.entries()) {
      if (this.#isCleared(job)) this.#paid[job] = perHost.get(task.host) ?? 0;
    }
  }

  /** One that could be cheaper (or is open), and others that may stand in its way, shuffled. */
  #neighbourhood(open: readonly number[], rng: Rng): number[] {
    const draw = (from: readonly number[]): number =>
      from[Math.floor(rng.next() * from.length)] ?? 0;
    const all = [...this.#jobs.keys()].filter((job) => (this.#least[job] ?? 0) < Infinity);
    const pick = draw(open);
    const chosen = new Set([pick]);
    const size = 1 + Math.floor(rng.next() * NEIGHBOURHOOD);
    const rivals = this.#rivals(pick, draw);
    for (let tries = 0; chosen.size < size && tries < 2 * size; tries += 1) {
      chosen.add(draw(rivals.length > 0 && rng.next() < 0.7 ? rivals : all));
    }
    return [...chosen];
  }

  /** Jobs that took room on hosts where a VM of the job's cheapest set would have had it. */
  #rivals(job: number, draw: (from: readonly number[]) => number): readonly number[] {
    const { width, need, home } = this.#state.model;
    const leavers = this.#jobs[job]?.ideals[0]?.leavers ?? [];
    const leaver = leavers[draw([...leavers.keys()])];
    if (leaver === undefined) return [];
    const wanted = need[leaver.vm * width + CPU_AT] ?? 0;
    const hosts = new Set<number>();
    for (const { vm, to } of this.#steps) {
      const at = to * width + CPU_AT;
      const room = (leaver.terms.limit[at] ?? 0) - (this.#state.later[at] ?? 0);
      if (room + (need[vm * width + CPU_AT] ?? 0) >= wanted) hosts.add(home[vm] ?? -1);
    }
    return [...this.#jobs.keys()].filter(
      (other) => other !== job && hosts.has(this.#jobs[other]?.task.host ?? -1),
    );
  }
}

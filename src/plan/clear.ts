/**
 * Clearing one host: which VMs leave it, at the least cost, so that its load gets below a
 * threshold and no group of VMs that are to be kept apart stands there double. Both are decided
 * together, because a VM that has to leave for a rule also relieves its host.
 */

import type { Finding } from '../domain/finding.ts';
import { type Cover, cheapestCover } from './cover.ts';
import { CPU_AT } from './model.ts';
import type { State, Terms } from './state.ts';
import { type Fit, findTarget } from './targets.ts';

/** Bounds of one search for a set: nodes of the tree, and sets that are tried out. */
const MAX_NODES = 20_000;
const MAX_TRIALS = 400;
/** Combinations of "who of each double group stays" that are looked at. */
const MAX_COMBINATIONS = 64;

export interface ClearTask {
  readonly host: number;
  readonly resource: number;
  /** Load to get down to; infinite when only rules are to be mended. */
  readonly below: number;
  readonly relief: Finding | undefined;
  readonly reliefTerms: Terms;
  readonly repairTerms: Terms;
  /** Groups of VMs on this host of which one at most may stay. */
  readonly crowds: readonly { readonly members: readonly number[]; readonly finding: Finding }[];
}

/** VMs that leave, with their targets. */
export interface Clearing {
  readonly moves: readonly (Leaver & { readonly to: number })[];
  readonly cost: number;
}

interface Leaver {
  readonly vm: number;
  readonly terms: Terms;
  readonly finding: Finding;
}

/**
 * The cheapest clearing whose VMs all find a target by `fit`; without `fit` the cheapest one if
 * every VM could go anywhere (its `moves` name no targets): a lower bound of the cost. Undefined:
 * none was found.
 */
export function findClearing(
  state: State,
  task: ClearTask,
  candidates: readonly number[],
  fit: Fit | undefined,
): Clearing | undefined {
  let best: Clearing | undefined;
  for (const leavers of combinations(state, task)) {
    best = cheapestWith(state, { task, candidates, leavers, fit, below: best?.cost }) ?? best;
  }
  return best;
}

/** VMs of the host that may leave to relieve it, by index. */
export function reliefCandidates(
  state: State,
  task: ClearTask,
  residents: readonly number[],
): readonly number[] {
  if (task.relief === undefined) return [];
  const { width, held } = state.model;
  return residents.filter(
    (v) =>
      state.at[v] === task.host &&
      (held[v * width + task.resource] ?? 0) > 0 &&
      state.stuck(v, task.reliefTerms) === 0,
  );
}

/** What has to leave, in the resource's unit; 0: the host is below its threshold. */
export function excessOf(state: State, task: ClearTask): number {
  if (task.relief === undefined) return 0;
  const load = state.net[task.host * state.model.width + task.resource] ?? 0;
  const excess = load - task.below;
  // Rounding is not an excess: a host that was brought to its threshold stays there.
  return excess > 1e-9 * Math.max(1, task.below) ? excess : 0;
}

interface Attempt {
  readonly task: ClearTask;
  readonly candidates: readonly number[];
  /** Who leaves for the sake of rules. */
  readonly leavers: readonly Leaver[];
  readonly fit: Fit | undefined;
  readonly below: number | undefined;
}

function cheapestWith(state: State, attempt: Attempt): Clearing | undefined {
  const { task, candidates, leavers, fit, below = Number.POSITIVE_INFINITY } = attempt;
  const { width, held, cost } = state.model;
  const gone = new Set(leavers.map(({ vm }) => vm));
  const gain = (v: number): number => held[v * width + task.resource] ?? 0;
  const forced = { gain: 0, cost: 0 };
  for (const v of gone) {
    forced.gain += gain(v);
    forced.cost += cost[v] ?? 0;
  }
  const free = candidates.filter((v) => !gone.has(v));
  const items = free.map((v) => ({ gain: gain(v), cost: cost[v] ?? 0 }));
  const withChosen = (chosen: readonly number[]): Leaver[] => [
    ...leavers,
    ...chosen.flatMap((index) => relieving(task, free[index])),
  ];
  const wanted = excessOf(state, task) - forced.gain;
  const bounds = { below: below - forced.cost, maxNodes: MAX_NODES };
  const cover = cheapestCover(items, wanted, bounds);
  if (cover === undefined) return undefined;
  const finish = ({ chosen, cost: price }: Cover): Clearing | undefined => {
    const leaving = withChosen(chosen);
    const unplaced = leaving.map((leaver) => ({ ...leaver, to: -1 }));
    const moves = fit === undefined ? unplaced : tryOut(state, leaving, fit);
    return moves && { moves, cost: price + forced.cost };
  };
  // Mostly the cheapest set of all finds its places; only then is the search for others worth it.
  const cheapest = finish(cover);
  if (cheapest !== undefined || fit === undefined) return cheapest;
  const accept = (chosen: readonly number[]): boolean =>
    tryOut(state, withChosen(chosen), fit) !== undefined;
  const next = cheapestCover(items, wanted, { ...bounds, maxQuestions: MAX_TRIALS, accept });
  return next && finish(next);
}

function relieving(task: ClearTask, vm: number | undefined): Leaver[] {
  if (task.relief === undefined || vm === undefined) return [];
  return [{ vm, terms: task.reliefTerms, finding: task.relief }];
}

/**
 * Every choice of who stays of each group, but for those in which somebody leaves who may not move;
 * past the bound the dearest member of each further group stays.
 */
function combinations(state: State, task: ClearTask): readonly (readonly Leaver[])[] {
  let choices: Leaver[][] = [[]];
  for (const { members, finding } of task.crowds) {
    const bounded = choices.length * members.length > MAX_COMBINATIONS;
    const stays = bounded ? [dearest(state, members)] : members;
    choices = choices.flatMap((chosen) =>
      stays.map((stay) => [
        ...chosen,
        ...members
          .filter((vm) => vm !== stay && !chosen.some((other) => other.vm === vm))
          .map((vm) => ({ vm, terms: task.repairTerms, finding })),
      ]),
    );
  }
  return choices.filter((leavers) =>
    leavers.every(({ vm, terms }) => state.stuck(vm, terms) === 0),
  );
}

function dearest(state: State, members: readonly number[]): number {
  const { cost } = state.model;
  return members.reduce(
    (best, v) => ((cost[v] ?? 0) > (cost[best] ?? 0) ? v : best),
    members[0] ?? -1,
  );
}

/** Targets for all of them together, the largest first; the state is left as it was. */
function tryOut(state: State, leavers: readonly Leaver[], fit: Fit): Clearing['moves'] | undefined {
  const { width, need } = state.model;
  const size = (v: number): number => need[v * width + CPU_AT] ?? 0;
  const largestFirst = leavers.toSorted((a, b) => size(b.vm) - size(a.vm) || a.vm - b.vm);
  const moves: (Leaver & { readonly to: number })[] = [];
  let fits = true;
  for (const leaver of largestFirst) {
    const { vm, terms } = leaver;
    const to = state.stuck(vm, terms) === 0 ? findTarget(state, vm, terms, fit) : -1;
    fits = to >= 0;
    if (!fits) break;
    state.apply(vm, to);
    moves.push({ ...leaver, to });
  }
  for (const { vm } of moves.toReversed()) state.undo(vm);
  return fits ? moves : undefined;
}

/**
 * Clearing one host: which VMs leave it, at the least cost, so that its load gets below a
 * threshold and no group of VMs that are to be kept apart stands there double. Both are decided
 * together, because a VM that has to leave for a rule also relieves its host.
 */

import type { Finding } from '../domain/finding.ts';
import { type CoverItem, cheapestCover } from './cover.ts';
import type { Leaver } from './eject.ts';
import { choicesOf } from './group-choice.ts';
import { CPU_AT } from './model.ts';
import type { State, Terms } from './state.ts';
import { findTarget } from './targets.ts';
import { type Clearing, type Means, Trial } from './trial.ts';

/** Bounds of one search for a set: nodes of the tree, and sets that are tried out. */
const MAX_NODES = 20_000;
const MAX_TRIALS = 200;
/** Combinations of "who of each double group stays" that are looked at. */
const MAX_COMBINATIONS = 64;
/** The same set may be summed up in another order. */
const ROUNDING = 1e-12;

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

/** A host to be cleared, with all that does not change while targets are looked for. */
export interface Job {
  readonly task: ClearTask;
  /**
   * The cheapest set for each choice of who leaves for the sake of rules, if every VM could go
   * anywhere, cheapest first. The first one is a lower bound; none: not even all would be enough.
   */
  readonly ideals: readonly Ideal[];
}

interface Ideal {
  /** Who may leave to relieve the host. */
  readonly candidates: readonly number[];
  readonly forced: readonly Leaver[];
  readonly leavers: readonly Leaver[];
  readonly cost: number;
}

export function makeJob(state: State, task: ClearTask, residents: readonly number[]): Job {
  const choices = choicesOf(state, reliefCandidates(state, task, residents));
  const ideals: Ideal[] = [];
  for (const forced of combinations(state, task)) {
    for (const candidates of choices) {
      const choice = choiceOf(state, task, candidates, forced);
      const cover = cheapestCover(choice.items, choice.wanted, {
        below: Infinity,
        maxNodes: MAX_NODES,
      });
      if (cover === undefined) continue;
      const leavers = withChosen(choice, cover.chosen);
      ideals.push({ candidates, forced, leavers, cost: cover.cost + choice.cost });
    }
  }
  return { task, ideals: ideals.sort((a, b) => a.cost - b.cost) };
}

/** The cheapest clearing below a price whose VMs all find a target; undefined: none was found. */
export function findClearing(
  state: State,
  job: Job,
  means: Means,
  below = Infinity,
): Clearing | undefined {
  const direct = { ...means, ejector: undefined };
  // Mostly the cheapest set of all finds its places; only then is the search for others worth it.
  let best: Clearing | undefined;
  for (const { leavers, cost } of job.ideals) {
    if (cost >= below) break;
    const found = tryOut(state, leavers, direct);
    if (found !== undefined && found.cost < (best?.cost ?? below)) best = found;
    // They come at their least prices: with dear paths or groups a later one may cost less.
    if (best !== undefined && state.model.prices === undefined) break;
  }
  for (const ideal of job.ideals) {
    if (best !== undefined && best.cost <= ideal.cost * (1 + ROUNDING)) break;
    best = search(state, job, { ideal, means, below: best?.cost ?? below }) ?? best;
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

/** Who may leave to relieve the host beside those who leave for the sake of rules. */
interface Choice {
  readonly task: ClearTask;
  readonly forced: readonly Leaver[];
  readonly free: readonly number[];
  readonly items: readonly CoverItem[];
  /** What the free ones have to give, and what the forced ones cost. */
  readonly wanted: number;
  readonly cost: number;
}

// oxlint-disable-next-line max-params -- a task, who may leave, and who has to
function choiceOf(
  state: State,
  task: ClearTask,
  candidates: readonly number[],
  forced: readonly Leaver[],
): Choice {
  const { width, held, cost } = state.model;
  let wanted = excessOf(state, task);
  let price = 0;
  for (const { vm } of forced) {
    wanted -= held[vm * width + task.resource] ?? 0;
    price += cost[vm] ?? 0;
  }
  const free: number[] = [];
  const items: CoverItem[] = [];
  for (const v of candidates) {
    if (forced.some(({ vm }) => vm === v)) continue;
    free.push(v);
    items.push({ gain: held[v * width + task.resource] ?? 0, cost: cost[v] ?? 0 });
  }
  return { task, forced, free, items, wanted, cost: price };
}

function withChosen({ task, forced, free }: Choice, chosen: readonly number[]): Leaver[] {
  return [...forced, ...chosen.flatMap((index) => relieving(task, free[index]))];
}

interface Attempt {
  readonly ideal: Ideal;
  readonly means: Means;
  readonly below: number;
}

/** The cheapest set that finds its places; what others cost who give way is in the price. */
function search(state: State, job: Job, { ideal, means, below }: Attempt): Clearing | undefined {
  const plain = choiceOf(state, job.task, ideal.candidates, ideal.forced);
  const choice = priced(state, plain, means, below);
  const trial = new Trial(state, means, below);
  for (const leaver of ideal.forced) if (!trial.add(leaver)) return trial.end();
  const forced = trial.depth;
  const dear: { readonly leavers: readonly Leaver[]; readonly cost: number }[] = [];
  const accept = (chosen: readonly number[]): boolean => {
    // The search goes deeper by one at a time; whatever it left again is taken back first.
    const index = chosen.at(-1);
    if (index === undefined) return true;
    trial.cut(forced + chosen.length - 1);
    const [leaver] = relieving(job.task, choice.free[index]);
    if (leaver === undefined || !trial.add(leaver)) return false;
    let [gain, cost] = [0, choice.cost];
    for (const at of chosen) {
      gain += choice.items[at]?.gain ?? 0;
      cost += choice.items[at]?.cost ?? 0;
    }
    if (gain < choice.wanted) return true;
    trial.keep();
    if (state.model.prices === undefined || trial.cost <= cost * (1 + ROUNDING)) return true;
    // What came dearer than its items say is no bound for those that may come cheaper.
    const leavers = chosen.flatMap((at) => relieving(job.task, choice.free[at]));
    dear.push({ leavers, cost });
    return false;
  };
  if (choice.wanted <= 0) trial.keep();
  const options = { below: below - choice.cost, maxNodes: MAX_NODES, maxQuestions: MAX_TRIALS };
  cheapestCover(choice.items, choice.wanted, { ...options, accept });
  for (const { leavers, cost } of dear.sort((a, b) => a.cost - b.cost)) {
    if (cost >= trial.below) break;
    trial.keepInAnyOrder(leavers, forced);
  }
  return trial.end();
}

/**
 * With what others cost who have to give way for a VM, as things stood when it was first asked, and
 * with the path to where it would go now.
 */
// oxlint-disable-next-line max-params -- a choice, by which means, and for how much
function priced(state: State, choice: Choice, { ejector, fit }: Means, below: number): Choice {
  const { prices } = state.model;
  if (ejector === undefined && prices === undefined) return choice;
  const items = choice.items.map((item, index) => {
    const [leaver] = relieving(choice.task, choice.free[index]);
    if (leaver === undefined) return item;
    const { vm, terms } = leaver;
    const to = prices === undefined ? -1 : findTarget(state, vm, terms, fit);
    const path = to < 0 ? 0 : (prices?.beyond(vm, to) ?? 0);
    return {
      gain: item.gain,
      cost: item.cost + path + (ejector?.price(leaver, below - item.cost) ?? 0),
    };
  });
  return { ...choice, items };
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
function tryOut(state: State, leavers: readonly Leaver[], means: Means): Clearing | undefined {
  const { width, need } = state.model;
  const size = (v: number): number => need[v * width + CPU_AT] ?? 0;
  const largestFirst =
    leavers.length < 2
      ? leavers
      : leavers.toSorted((a, b) => size(b.vm) - size(a.vm) || a.vm - b.vm);
  const trial = new Trial(state, means, Number.POSITIVE_INFINITY);
  if (largestFirst.every((leaver) => trial.add(leaver))) trial.keep();
  return trial.end();
}

/**
 * Clearing hosts within a draft: repairs of crowds and reliefs become clearing tasks, solved
 * together (anytime.ts); what stays open is then tried with room that others free, and as far as
 * it goes. What cannot be done is left in `draft.open`.
 */

import type { Finding } from '../domain/finding.ts';
import { clearAll } from './anytime.ts';
import { type ClearTask, excessOf, reliefCandidates } from './clear.ts';
import type { Draft } from './draft.ts';
import { resourceName } from './resource-words.ts';
import type { Judge } from './judge.ts';
import { moveSomewhere } from './make-room.ts';
import { CPU_AT } from './model.ts';
import { relieveAgainstSoft } from './mend-soft.ts';
import { type Relief, reliefStages, shareOf } from './needs.ts';
import type { Cleared, SearchBudget } from './improve.ts';
import type { Crowd } from './repair.ts';
import type { Terms } from './state.ts';

export interface BalanceTerms {
  readonly repair: Terms;
  /** Of the state as it stands. */
  readonly judge: () => Judge;
  /** Makes what follows upon every answer; whether anything does that is not its own. */
  readonly follow: () => void;
  readonly isFollowed: boolean;
  /** Whether it is proven that not all reliefs can be had (ease.ts). */
  readonly isHopeless: boolean;
  /** Terms for relieving hosts down to this load over capacity: no target may end above it. */
  relief(finding: Finding, share: number, resource: number): Terms;
}

export function balance(
  draft: Draft,
  { reliefs, crowds }: Unbalanced,
  terms: BalanceTerms,
  budget: SearchBudget,
): void {
  const stages = reliefStages(reliefs);
  const early = { ...terms, follow: (): void => undefined, isFollowed: false };
  for (const [index, stage] of stages.entries()) {
    const needs = { reliefs: stage, crowds: index === 0 ? crowds : [] };
    balanceStage(draft, needs, index === stages.length - 1 ? terms : early, budget);
  }
}

interface Unbalanced {
  readonly reliefs: readonly Relief[];
  readonly crowds: readonly Crowd[];
}

function balanceStage(
  draft: Draft,
  needs: Unbalanced,
  terms: BalanceTerms,
  budget: SearchBudget,
): void {
  const tasks = makeTasks(draft, needs, terms);
  const finish = ({ steps, cleared }: Cleared): void => {
    const mostInVain = terms.isHopeless ? HOPELESS_IN_VAIN : MOST_IN_VAIN;
    const effort: Effort = { inVain: 0, mostInVain, shouldStop: budget.shouldStop };
    for (const { vm, to, terms: own, finding, makesRoomFor } of steps) {
      draft.move(vm, to, { finding, terms: own, makesRoomFor });
    }
    for (const [index, task] of tasks.entries()) {
      if (cleared[index] !== true) clearAsFar(draft, task, terms.judge, effort);
    }
    terms.follow();
  };
  clearAll(draft, tasks, budget, { finish, isWhole: !terms.isFollowed });
}

/**
 * Tries in a row that found no room for a VM, not even by moving others, after which hosts are not
 * asked for that any more: each is a look at the whole fleet, and where so many are in vain it is
 * full. Without that, 32 hosts of 320 that cannot be relieved took ten seconds.
 */
const MOST_IN_VAIN = 40;
/** The same where it is proven that some hosts have to stay as they are. */
const HOPELESS_IN_VAIN = 4;

interface Effort {
  inVain: number;
  readonly mostInVain: number;
  readonly shouldStop: () => boolean;
}

// oxlint-disable-next-line max-params -- the draft, what is to be done to it, and how hard
function clearAsFar(draft: Draft, task: ClearTask, judge: () => Judge, effort: Effort): void {
  for (const crowd of task.crowds) thinOut(draft, task, crowd);
  const { relief: finding, host, resource, reliefTerms: terms } = task;
  if (finding === undefined || relieveAsFar(draft, task, { finding, effort })) return;
  if (relieveAgainstSoft(draft, task, finding, judge)) return;
  const detail = `stays at ${formatShare(draft, task)}`;
  const retry = (): boolean => relieveAsFar(draft, task, { finding, effort });
  draft.open.push({ vm: undefined, host, resource, finding, terms, detail, retry });
}

function makeTasks(
  draft: Draft,
  { reliefs, crowds }: Unbalanced,
  terms: BalanceTerms,
): readonly ClearTask[] {
  const tasks: ClearTask[] = reliefs.map((relief) => {
    const { host, resource, below, finding } = relief;
    const reliefTerms = terms.relief(finding, shareOf(relief, draft.state.model), resource);
    const own = crowds.filter((crowd) => crowd.host === host);
    // A host may have to be relieved of two resources: its crowds belong to the first task.
    const first = reliefs.find((other) => other.host === host) === relief;
    return {
      host,
      resource,
      below,
      relief: finding,
      reliefTerms,
      repairTerms: terms.repair,
      crowds: first ? own : [],
    };
  });
  const relieved = new Set(reliefs.map(({ host }) => host));
  const others = new Set(crowds.map(({ host }) => host).filter((host) => !relieved.has(host)));
  for (const host of others) {
    tasks.push({
      host,
      resource: CPU_AT,
      below: Number.POSITIVE_INFINITY,
      relief: undefined,
      reliefTerms: terms.repair,
      repairTerms: terms.repair,
      crowds: crowds.filter((crowd) => crowd.host === host),
    });
  }
  return tasks.sort((a, b) => a.host - b.host || a.resource - b.resource);
}

/** All members but one leave, the cheapest first, as far as they find a place. */
function thinOut(
  draft: Draft,
  task: ClearTask,
  crowd: { readonly members: readonly number[]; readonly finding: Finding },
): void {
  const { state } = draft;
  const { cost } = state.model;
  const cheapestFirst = crowd.members.toSorted((a, b) => (cost[a] ?? 0) - (cost[b] ?? 0) || a - b);
  const { finding } = crowd;
  const terms = task.repairTerms;
  let left = cheapestFirst.filter((v) => state.at[v] === task.host).length;
  const retry = (): boolean => {
    for (const member of cheapestFirst) {
      if (left <= 1) break;
      const wish = { vm: member, terms, finding, fit: 'pack', mayPush: true } as const;
      if (moveSomewhere(draft, wish)) left -= 1;
    }
    return left <= 1;
  };
  if (retry()) return;
  const [vm, ...others] = cheapestFirst.filter((v) => state.at[v] === task.host);
  // One may stay.
  const instead = others.map((other) => [other]);
  const detail = 'stays against the rule';
  draft.open.push({ vm, host: task.host, finding, terms, detail, instead, retry });
}

/**
 * One VM after another until the host is relieved or nothing more finds a place: if there is one,
 * the cheapest that is enough, else the one that gives most for its cost.
 */
function relieveAsFar(
  draft: Draft,
  task: ClearTask,
  { finding, effort }: { readonly finding: Finding; readonly effort: Effort },
): boolean {
  const tried = new Set<number>();
  for (;;) {
    const excess = excessOf(draft.state, task);
    if (excess <= 0) return true;
    const vm = nextToTry(draft, task, excess, tried);
    if (vm === undefined) return false;
    tried.add(vm);
    const wish = { vm, terms: task.reliefTerms, finding, fit: 'pack' } as const;
    const mayPush = effort.inVain < effort.mostInVain && !effort.shouldStop();
    const isMoved = moveSomewhere(draft, { ...wish, mayPush });
    effort.inVain = isMoved ? Math.floor(effort.inVain / 2) : effort.inVain + 1;
  }
}

function nextToTry(
  draft: Draft,
  task: ClearTask,
  excess: number,
  tried: ReadonlySet<number>,
): number | undefined {
  const { width, held, cost } = draft.state.model;
  const gain = (v: number): number => held[v * width + task.resource] ?? 0;
  const price = (v: number): number => cost[v] ?? 0;
  const open = reliefCandidates(draft.state, task, draft.residents(task.host));
  const left = open.filter((v) => !tried.has(v));
  const enough = left.filter((v) => gain(v) >= excess);
  const [cheapest] = enough.toSorted((a, b) => price(a) - price(b) || a - b);
  if (cheapest !== undefined) return cheapest;
  const [best] = left.toSorted((a, b) => price(a) / gain(a) - price(b) / gain(b) || a - b);
  return best;
}

function formatShare(draft: Draft, task: ClearTask): string {
  const utilisation = draft.state.utilisation(task.host, task.resource);
  return `${(100 * utilisation).toFixed(1)} % ${resourceName(draft.state.model, task.resource)}`;
}

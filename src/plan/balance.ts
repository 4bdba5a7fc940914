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
import { type Demand, type Relief, reliefStages, shareOf } from './needs.ts';
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
  const early = { ...terms, follow: (): void => draft.retryOpen(), isFollowed: false };
  for (const [index, demands] of stages.entries()) {
    const needs = { demands, crowds: index === 0 ? crowds : [] };
    const own = index === stages.length - 1 ? terms : early;
    const isFollowed = own.isFollowed || draft.open.length > 0;
    balanceStage(draft, needs, { ...own, isFollowed }, budget);
  }
}

interface Unbalanced {
  readonly reliefs: readonly Relief[];
  readonly crowds: readonly Crowd[];
}

interface Stage {
  readonly demands: readonly Demand[];
  readonly crowds: readonly Crowd[];
}

interface Work {
  readonly task: ClearTask;
  /** What is to be done at least where that cannot be, each asking for less than the one before. */
  readonly less: readonly ClearTask[];
}

function balanceStage(draft: Draft, needs: Stage, terms: BalanceTerms, budget: SearchBudget): void {
  const works = worksOf(draft, needs, terms);
  const finish = ({ steps, cleared }: Cleared): void => {
    const mostInVain = terms.isHopeless ? HOPELESS_IN_VAIN : MOST_IN_VAIN;
    const effort: Effort = { inVain: 0, mostInVain, shouldStop: budget.shouldStop };
    for (const { vm, to, terms: own, finding, makesRoomFor } of steps) {
      draft.move(vm, to, { finding, terms: own, makesRoomFor });
    }
    for (const [index, { task, less }] of works.entries()) {
      if (cleared[index] === true) continue;
      for (const crowd of task.crowds) thinOut(draft, task, crowd);
      // What is done for the one that asks for more is not to cost the others what they can have.
      for (const one of [...less.toReversed(), task]) {
        relieveSomehow(draft, one, terms.judge, effort);
      }
    }
    terms.follow();
  };
  const tasks = works.map(({ task }) => task);
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
function relieveSomehow(draft: Draft, task: ClearTask, judge: () => Judge, effort: Effort): void {
  const { relief: finding, host, resource, reliefTerms: terms } = task;
  if (finding === undefined || relieveAsFar(draft, task, { finding, effort })) return;
  if (relieveAgainstSoft(draft, task, finding, judge)) return;
  const detail = `stays at ${formatShare(draft, task)}`;
  const retry = (): boolean => relieveAsFar(draft, task, { finding, effort });
  draft.open.push({ vm: undefined, host, resource, finding, terms, detail, retry });
}

function worksOf(draft: Draft, { demands, crowds }: Stage, terms: BalanceTerms): readonly Work[] {
  const reliefOf = (relief: Relief, own: readonly Crowd[]): ClearTask => {
    const { host, resource, below, finding } = relief;
    const reliefTerms = terms.relief(finding, shareOf(relief, draft.state.model), resource);
    const task = { host, resource, below, relief: finding, reliefTerms };
    return { ...task, repairTerms: terms.repair, crowds: own };
  };
  const works: Work[] = demands.map((demand) => {
    const [most, ...less] = demand;
    const { host } = most;
    // A host may have to be relieved of two resources: its crowds belong to the first task.
    const isFirst = demands.find(([other]) => other.host === host) === demand;
    const own = isFirst ? crowds.filter((crowd) => crowd.host === host) : [];
    return { task: reliefOf(most, own), less: less.map((one) => reliefOf(one, [])) };
  });
  const relieved = new Set(demands.map(([{ host }]) => host));
  const others = new Set(crowds.map(({ host }) => host).filter((host) => !relieved.has(host)));
  for (const host of others) {
    const task = {
      host,
      resource: CPU_AT,
      below: Number.POSITIVE_INFINITY,
      relief: undefined,
      reliefTerms: terms.repair,
      repairTerms: terms.repair,
      crowds: crowds.filter((crowd) => crowd.host === host),
    };
    works.push({ task, less: [] });
  }
  return works.sort(({ task: a }, { task: b }) => a.host - b.host || a.resource - b.resource);
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

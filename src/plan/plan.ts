/**
 * The planner: Snapshot + findings → plan and report. Pure and synchronous; the only randomness is
 * the seed's, and the answer does not depend on the order of the input.
 *
 * Tier by tier: VMs of dead hosts are started elsewhere, hosts emptied, broken rules mended,
 * overloaded hosts relieved, VMs brought home, underused hosts emptied, load levelled. Nothing of a
 * later tier is done at the cost of an earlier one. Then the moves are put in order, timed, and
 * explained.
 */

import type { Finding } from '../domain/finding.ts';
import type { MoveId } from '../domain/ids.ts';
import { moveId, planId } from '../domain/ids.ts';
import type { Contradiction, Move, PlanResult } from '../domain/plan.ts';
import { textHash } from '../domain/hash.ts';
import { seededRng } from '../domain/rng.ts';
import { bytes, seconds } from '../domain/units.ts';
import { balance } from './balance.ts';
import { consolidate } from './consolidate.ts';
import { consolidationNotes } from './consolidation-notes.ts';
import { findContradictions } from './contradictions/contradictions.ts';
import { Draft } from './draft.ts';
import { isHopeless } from './ease.ts';
import { EffectTracker } from './effects.ts';
import { allowForCrowds, evacuate } from './evacuate.ts';
import { evenOut } from './even-out.ts';
import type { SearchBudget } from './improve.ts';
import { Judge } from './judge.ts';
import { level } from './level.ts';
import { MOST_ASKED } from './level-refine.ts';
import { mendSoft } from './mend-soft.ts';
import { ObjectiveTracker, objectiveOf } from './objective.ts';
import { type OrderedMove, orderMoves } from './order.ts';
import { type Draw, idleDraw, powersOf, wattsText } from './power.ts';
import { mendAgain, repair } from './repair.ts';
import { makeReport, rejectedTargets } from './report.ts';
import { ownText, waitingNote, withoutWhatCanWait } from './own-vms.ts';
import type { PlanRequest } from './request.ts';
import { bringHome } from './return.ts';
import { type Scheduled, type Timing, schedule } from './schedule.ts';
import { type Setting, makeSetting } from './setting.ts';
import type { Terms } from './state.ts';
import { type Attempt, bestAttempt, type Effort, type Relief } from './tries.ts';

export { explainPair } from './explain.ts';
export type { PlanRequest } from './request.ts';
export { stagesOf } from './stages.ts';

/** Search steps per host that needs something, and at most; see {@link defaultSteps}. */
const STEPS_PER_NEED = 40;
const MOST_STEPS = 4000;
/** The same of hosts that may be emptied to save power; each step tries one of them. */
const MOST_TRIES = 1000;

/** Steps that improve a levelling: so many per host, and more for fleets so small that it pays. */
const LEVEL_STEPS_PER_HOST = 1;
const LEVEL_STEPS_SMALL = 100_000;

/** Hard placement rules that no placement can satisfy; needs no findings and searches nothing. */
export function contradictionsOf(request: PlanRequest): readonly Contradiction[] {
  return findContradictions(makeSetting(request));
}

export function plan(request: PlanRequest): PlanResult {
  const first = makeSetting(request);
  const granted = request.steps ?? defaultSteps(first);
  const { setting, draft, stepsUsed } = bestAttempt(first, granted, attempt);
  const ordered = orderMoves(draft);
  const rest = withoutWhatCanWait(draft, request);
  if (rest !== undefined) {
    const without = plan({ ...rest, steps: granted });
    const note = waitingNote(draft, request, without.plan);
    if (note !== undefined) return instead(without, note, stepsUsed);
  }
  const { moves, objective } = describe(draft, setting, ordered);
  const text = [request.snapshot.takenAt, ...moves.map(({ id }) => id)].join(' ');
  return {
    plan: {
      id: planId(`plan-${textHash(text)}`),
      snapshotAt: request.snapshot.takenAt,
      moves,
      objective,
    },
    report: makeReport(draft, setting, {
      seed: request.seed,
      stepsGranted: granted,
      stepsUsed,
    }),
  };
}

/** @param stepsBefore what the plan took in whose place this one is. */
function instead(
  { plan: made, report }: PlanResult,
  note: string,
  stepsBefore: number,
): PlanResult {
  const { notes, stats } = report;
  const stepsUsed = stats.stepsUsed + stepsBefore;
  return {
    plan: made,
    report: { ...report, notes: [...notes, note], stats: { ...stats, stepsUsed } },
  };
}

function attempt(setting: Setting, { steps, relief }: Effort): Attempt {
  const { seed, shouldStop = () => false } = setting.request;
  const draft = new Draft(setting.state);
  const budget: SearchBudget = { rng: seededRng(seed), shouldStop, steps };
  fill(draft, setting, budget, relief);
  return { setting, draft, stepsLeft: budget.steps };
}

/** Enough for the search to settle on fleets of any size, few enough to stay in milliseconds. */
function defaultSteps(setting: Setting): number {
  return searchSteps(setting) + levelSteps(setting);
}

function searchSteps({ needs }: Setting): number {
  const asked = needs.reliefs.length + needs.repairs.length;
  const consolidation = Math.min(MOST_TRIES, STEPS_PER_NEED * needs.underused.size);
  return Math.min(MOST_STEPS, STEPS_PER_NEED * asked) + consolidation;
}

function levelSteps({ needs, model }: Setting): number {
  const hosts = Math.max(1, model.hosts.length);
  if (needs.levels.length === 0) return 0;
  const more = Math.min(MOST_STEPS, Math.floor(LEVEL_STEPS_SMALL / hosts ** 3));
  return LEVEL_STEPS_PER_HOST * hosts + more + MOST_ASKED;
}

/** Of any budget, what is kept for levelling. */
function levelShare(setting: Setting): number {
  return setting.needs.levels.length === 0 ? 0 : levelSteps(setting) / defaultSteps(setting);
}

// oxlint-disable-next-line max-params -- what is filled, from what, and with how much effort
function fill(draft: Draft, setting: Setting, budget: SearchBudget, relief: Relief): void {
  const { needs } = setting;
  const { isFirst } = setting.request;
  // Who is down comes before who is in danger; who runs makes room by moving on.
  const othersTerms = setting.termsOf('mandatory');
  evacuate(
    draft,
    needs.restarts.map((one) => ({ ...one, terms: setting.restartTerms(), othersTerms })),
    isFirst,
  );
  evacuate(
    draft,
    needs.evacuations.map((one) => ({ ...one, terms: setting.termsOf(one.finding.tier) })),
    isFirst,
  );
  // What is mandatory is never cut for the number of moves.
  draft.state.uncounted = draft.state.moves.length;
  const repairs = needs.repairs.map((one) => ({
    ...one,
    terms: setting.termsOf(one.finding.tier),
  }));
  const crowds = repair(draft, repairs, budget.shouldStop);
  const judge = (): Judge => new Judge(setting, 'left-out');
  const mends = needs.mends.map((one) => ({ ...one, terms: setting.termsOf(one.finding.tier) }));
  const terms = {
    judge,
    follow(): void {
      bringHome(draft, setting);
      draft.retryOpen();
      mendAgain(draft, repairs);
      mendSoft(draft, mends, () => new Judge(setting, 'counted'));
    },
    isFollowed: needs.returns.length + mends.length > 0,
    isHopeless: isHopeless(setting),
    repair: setting.termsOf('corrective'),
    relief: (finding: Finding, share: number, resource: number) =>
      setting.reliefTerms(finding, share, resource),
  };
  const kept = Math.floor(budget.steps * levelShare(setting));
  budget.steps -= kept;
  // Where some have to stay whatever is moved, what the others cost is not worth the search.
  const searched = terms.isHopeless ? { ...budget, steps: 0 } : budget;
  balance(
    draft,
    { reliefs: needs.reliefs, crowds },
    terms,
    relief === 'searched' ? searched : atOnce(budget),
  );
  evenOut(draft);
  allowForCrowds(draft);
  saveAndLevel(draft, setting, { budget, kept });
}

/** Whoever waits for something more urgent is asked all the same. */
function atOnce({ rng, shouldStop }: SearchBudget): SearchBudget {
  const isStopped = (): boolean => {
    shouldStop();
    return true;
  };
  return { rng, shouldStop: isStopped, steps: 0 };
}

/** What is for the fleet's good only. Hosts that are to be off are not filled for good looks. */
function saveAndLevel(
  draft: Draft,
  setting: Setting,
  { budget, kept }: { readonly budget: SearchBudget; readonly kept: number },
): void {
  const { needs, request, model } = setting;
  const { weights, limits, mostMoves = Infinity } = request;
  const useless = new Uint8Array(model.hosts.length);
  if (needs.underused.size > 0) {
    const done = consolidate(draft, setting, budget);
    for (const h of [...done.emptied, ...done.idle]) useless[h] = 1;
    for (const h of done.emptied) draft.emptied.add(h);
    draft.notes.push(...consolidationNotes(done, model, limits));
  }
  const own = { ...budget, steps: kept };
  for (const finding of needs.levels) {
    const terms: Terms = { ...setting.termsOf(finding.tier), useless };
    const settings = { finding, terms, weights, margin: limits.gainMargin, mostMoves };
    level(draft, settings, own);
  }
  budget.steps += own.steps;
}

function describe(
  draft: Draft,
  setting: Setting,
  ordered: readonly OrderedMove[],
): Pick<PlanResult['plan'], 'moves' | 'objective'> {
  const { request, model, rules } = setting;
  const { limits, weights, migration, snapshot, learned } = request;
  const methods = ordered.map((move) => ({ ...move, method: methodOf(draft, move) }));
  const timings = schedule(methods, { model, snapshot, limits, migration, learned });
  const powers = powersOf(setting);
  const tracker = new ObjectiveTracker(model, rules, { weights, powers });
  const effectsOf = new EffectTracker(setting, draft.emptied);
  const before = tracker.values();
  const draw = idleDraw(model);
  const moves: Move[] = [];
  for (const [index, move] of methods.entries()) {
    const price = model.prices?.explain(move.vm, move.to, tracker.touches(move.vm));
    const terms = tracker.move(move.vm, move.from, move.to);
    const effects = effectsOf.move(move.vm, move.from, move.to);
    const timing = timings[index];
    if (timing === undefined) throw new Error(`move ${index} of the plan was never scheduled`);
    moves.push(
      makeMove(draft, setting, { move, timing, terms, effects, price, draw, earlier: moves }),
    );
  }
  return { moves, objective: objectiveOf(before, tracker.values()) };
}

function methodOf(draft: Draft, { vm, to, cause }: OrderedMove): Move['method'] {
  const method = draft.state.method(vm, to, cause.terms);
  if (method === undefined) throw new Error(`no method for VM ${vm} to host ${to}`);
  return method;
}

interface Described {
  readonly move: OrderedMove & Scheduled;
  readonly timing: Timing;
  readonly terms: Move['reason']['terms'];
  readonly effects: Move['reason']['effects'];
  readonly price: Move['reason']['price'];
  readonly draw: Draw;
  readonly earlier: readonly Move[];
}

function makeMove(draft: Draft, setting: Setting, described: Described): Move {
  const { move, timing, terms, effects, price, draw, earlier } = described;
  const { model, request } = setting;
  const vm = model.vms[move.vm];
  const from = model.hosts[move.from];
  const to = model.hosts[move.to];
  if (vm === undefined || from === undefined || to === undefined) {
    throw new RangeError('a move without VM or host');
  }
  const { finding } = move.cause;
  const content = [request.snapshot.takenAt, vm.id, from.id, to.id, move.method, finding.id];
  return {
    id: moveId(`move-${textHash(JSON.stringify(content))}`),
    vm: vm.id,
    from: from.id,
    to: to.id,
    method: move.method,
    tier: finding.tier,
    criticality: vm.criticality,
    reason: {
      finding: finding.id,
      text: reasonTexts(draft, move, draw).join('; '),
      evidence: finding.evidence,
      terms,
      effects,
      ...(price !== undefined && { price }),
    },
    dependsOn: move.dependsOn.flatMap((index): MoveId[] => {
      const id = earlier[index]?.id;
      return id === undefined ? [] : [id];
    }),
    predicted: {
      startSeconds: seconds(timing.startSeconds),
      seconds: seconds(timing.seconds),
      downtimeSeconds: seconds(timing.downtimeSeconds),
      bytes: bytes(timing.bytes),
    },
    ...(move.cause.terms.overCpu === true && { overCpu: true }),
    ...(move.cause.terms.overSoft === true && { overSoft: true }),
    ...(vm.own !== undefined && { alone: true }),
    rejected: rejectedTargets(draft, move),
  };
}

function reasonTexts(draft: Draft, move: OrderedMove, draw: Draw): readonly string[] {
  const why = reasonText(draft, move, draw);
  const place = ownText(draft.state.model, move.vm);
  return place === undefined ? [why] : [why, place];
}

function reasonText({ state, emptied }: Draft, { from, cause }: OrderedMove, draw: Draw): string {
  const { finding, makesRoomFor } = cause;
  const { model } = state;
  if (makesRoomFor !== undefined) {
    return `makes room for ${model.vms[makesRoomFor]?.name ?? ''}: ${finding.text}`;
  }
  if (!emptied.has(from)) return finding.text;
  const saved = wattsText(draw, [from]) ?? 'its idle power';
  return `${finding.text}; empty, ${model.hosts[from]?.name ?? ''} saves ${saved}`;
}

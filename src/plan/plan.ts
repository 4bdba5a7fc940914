/**
 * The planner: Snapshot + findings → plan and report. Pure and synchronous; the only randomness is
 * the seed's, and the answer does not depend on the order of the input.
 *
 * Tier by tier: hosts are emptied, broken rules mended, overloaded hosts relieved, VMs brought
 * home, load levelled. Nothing of a later tier is done at the cost of an earlier one. Then the
 * moves are put in order, timed, and explained.
 */

import type { Finding } from '../domain/finding.ts';
import type { MoveId } from '../domain/ids.ts';
import { moveId, planId } from '../domain/ids.ts';
import type { Move, PlanResult } from '../domain/plan.ts';
import { textHash } from '../domain/hash.ts';
import { seededRng } from '../domain/rng.ts';
import { bytes, seconds } from '../domain/units.ts';
import { balance } from './balance.ts';
import { Draft } from './draft.ts';
import { evacuate } from './evacuate.ts';
import { level } from './level.ts';
import { ObjectiveTracker, objectiveOf } from './objective.ts';
import { type OrderedMove, orderMoves } from './order.ts';
import type { SearchBudget } from './relieve.ts';
import { repair } from './repair.ts';
import { makeReport, rejectedTargets } from './report.ts';
import type { PlanRequest } from './request.ts';
import { bringHome } from './return.ts';
import { type Scheduled, type Timing, schedule } from './schedule.ts';
import { type Setting, makeSetting } from './setting.ts';

export { explainPair } from './explain.ts';
export type { PlanRequest } from './request.ts';
export { stagesOf } from './stages.ts';

/** Search steps per host that needs something, and at most; see {@link defaultSteps}. */
const STEPS_PER_NEED = 40;
const MOST_STEPS = 4000;

export function plan(request: PlanRequest): PlanResult {
  const setting = makeSetting(request);
  const draft = new Draft(setting.state);
  const granted = request.steps ?? defaultSteps(setting);
  const budget: SearchBudget = {
    rng: seededRng(request.seed),
    shouldStop: request.shouldStop ?? (() => false),
    steps: granted,
  };
  fill(draft, setting, budget);
  const ordered = orderMoves(draft);
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
      stepsUsed: granted - budget.steps,
    }),
  };
}

/** Enough for the search to settle on fleets of any size, few enough to stay in milliseconds. */
function defaultSteps({ needs, model }: Setting): number {
  const asked = needs.reliefs.length + needs.repairs.length;
  const search = Math.min(MOST_STEPS, STEPS_PER_NEED * asked);
  return search + (needs.levels.length > 0 ? model.vms.length : 0);
}

function fill(draft: Draft, setting: Setting, budget: SearchBudget): void {
  const { needs, request } = setting;
  evacuate(
    draft,
    needs.evacuations.map((one) => ({ ...one, terms: setting.termsOf(one.finding.tier) })),
  );
  const crowds = repair(
    draft,
    needs.repairs.map((one) => ({ ...one, terms: setting.termsOf(one.finding.tier) })),
  );
  const terms = {
    repair: setting.termsOf('corrective'),
    relief: (finding: Finding, share: number, resource: number) =>
      setting.reliefTerms(finding, share, resource),
  };
  balance(draft, { reliefs: needs.reliefs, crowds }, terms, budget);
  bringHome(draft, setting);
  draft.retryOpen();
  for (const finding of needs.levels) {
    const { weights, limits } = request;
    const settings = { finding, terms: setting.termsOf(finding.tier), weights };
    level(draft, { ...settings, margin: limits.gainMargin }, budget);
  }
}

function describe(
  draft: Draft,
  setting: Setting,
  ordered: readonly OrderedMove[],
): Pick<PlanResult['plan'], 'moves' | 'objective'> {
  const { request, model, rules } = setting;
  const { limits, weights, migration, snapshot } = request;
  const methods = ordered.map((move) => ({ ...move, method: methodOf(draft, move) }));
  const timings = schedule(methods, { model, snapshot, limits, migration });
  const tracker = new ObjectiveTracker(model, rules, limits, weights);
  const before = tracker.values();
  const moves: Move[] = [];
  for (const [index, move] of methods.entries()) {
    const terms = tracker.move(move.vm, move.from, move.to);
    const timing = timings[index];
    if (timing === undefined) throw new Error(`move ${index} of the plan was never scheduled`);
    moves.push(makeMove(draft, setting, { move, timing, terms, earlier: moves }));
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
  readonly earlier: readonly Move[];
}

function makeMove(draft: Draft, setting: Setting, described: Described): Move {
  const { move, timing, terms, earlier } = described;
  const { model, request } = setting;
  const vm = model.vms[move.vm];
  const from = model.hosts[move.from];
  const to = model.hosts[move.to];
  if (vm === undefined || from === undefined || to === undefined) {
    throw new RangeError('a move without VM or host');
  }
  const { finding, makesRoomFor } = move.cause;
  const served = makesRoomFor === undefined ? undefined : model.vms[makesRoomFor]?.name;
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
      text: served === undefined ? finding.text : `makes room for ${served}: ${finding.text}`,
      evidence: finding.evidence,
      terms,
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
    rejected: rejectedTargets(draft, move),
  };
}

/**
 * The one gate between every plan and its execution, whatever triggered it: mode, kill switch,
 * budgets, cool-down, windows, and the guards against harm at scale. Pure: what it judges by is
 * in the request. Which guard stops which tier stands in guards.ts.
 */

import { Allowances, UsedWays } from '../domain/allowances.ts';
import { type Approval, approvalKey, askedMove, isInForce } from '../domain/approval.ts';
import { withoutResting } from '../domain/breaker.ts';
import type { Finding } from '../domain/finding.ts';
import type { FindingId, MoveId, VmId } from '../domain/ids.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { Limits, Mode, PolicySet } from '../domain/policy.ts';
import type { Refusal } from '../domain/refusal.ts';
import { assertNever } from '../domain/result.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import { hostOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type EpochSeconds, epochSeconds, type Seconds, seconds } from '../domain/units.ts';
import type { Ledger, Trouble } from '../ports/ledger.ts';
import { hostsBeyondShare } from './evacuated-share.ts';
import { type GateContext, isOrderedByHand, objections } from './guards.ts';
import { greatRepair } from './great-repair.ts';
import { implausibleSources } from './implausible.ts';
import { massFailure } from './mass-failure.ts';
import { modeOf, strictest } from './mode.ts';

export { modeOf } from './mode.ts';

/** A plan is made of one snapshot and ages with it; a tick and its approval are much faster. */
const MAX_PLAN_AGE = seconds(600);
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** What was started lately, for the budgets. */
export interface GateCounters {
  readonly movesLastHour: number;
  /** Of the last 24 hours; VMs that are absent were not moved. */
  readonly movesLastDay: ReadonlyMap<VmId, number>;
  /** VMs whose moves came to nothing lately; absent: none did. */
  readonly troubles?: ReadonlyMap<VmId, Trouble>;
  /** VMs that hard rules have moved in the last hour; absent: none. */
  readonly repaired?: ReadonlySet<VmId>;
}

export interface GateRequest {
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  /** Those that the plan's moves name as their reason, and all about failing hosts. */
  readonly findings: readonly Finding[];
  readonly policies: PolicySet;
  readonly now: EpochSeconds;
  readonly paused: boolean;
  readonly counters: GateCounters;
  /** Granted to a plan that goes before, not begun: what budgets bind of it is as good as spent. */
  readonly waiting?: readonly Move[];
  /** Findings of great repairs that were asked about and are open; absent: none. */
  readonly askedAbout?: ReadonlySet<FindingId>;
  /** What people said yes to; those that are not in force any more count for nothing. */
  readonly approvals: readonly Approval[];
  readonly maxPlanAge?: Seconds;
  /** Seconds for which nothing that can wait is moved, because the clock was set; default: 0. */
  readonly clockRest?: number;
}

/** Moves between two looks at the time. */
const SLICE = 50;

/** One verdict per move, in the plan's order. Every refusal is given, not only the first. */
export function gate(request: GateRequest): readonly GateVerdict[] {
  return inOneGo(gateInSlices(request));
}

export function* gateInSlices(request: GateRequest): Slices<readonly GateVerdict[]> {
  const { plan, snapshot, findings, policies } = request;
  const { evacuatedShare: share } = policies.limits;
  const implausible = () => implausibleSources(snapshot);
  // Only what may run otherwise takes a part of the share that may be evacuated at once.
  const without = yield* judgeAll(request, { implausible, beyondShare: new Map() });
  const refused = new Set(
    without.filter(({ verdict }) => verdict === 'refused').map(({ move }) => move),
  );
  const beyond = hostsBeyondShare({ plan, snapshot, findings, share, refused });
  if (beyond.size === 0) return without;
  return yield* judgeAll(request, { implausible, beyondShare: beyond });
}

function* judgeAll(
  request: GateRequest,
  about: Pick<GateContext, 'implausible' | 'beyondShare'>,
): Slices<readonly GateVerdict[]> {
  const context = makeContext(request, about);
  const verdicts = new Map<MoveId, GateVerdict>();
  for (const [index, move] of request.plan.moves.entries()) {
    if (index % SLICE === SLICE - 1) yield;
    const verdict = judge(move, context, verdicts);
    verdicts.set(move.id, verdict);
    if (verdict.verdict === 'refused') continue;
    context.places.set(move.vm, move.to);
    spend(move, context);
  }
  return request.plan.moves.flatMap((move) => verdicts.get(move.id) ?? []);
}

/** Reads from the ledger what the budgets need for this plan. */
export async function readGateCounters(
  ledger: Ledger,
  plan: Plan,
  now: EpochSeconds,
): Promise<GateCounters> {
  const hourAgo = epochSeconds(Math.max(0, now - HOUR_SECONDS));
  const dayAgo = epochSeconds(Math.max(0, now - DAY_SECONDS));
  const [movesLastHour, troubles, counts, repaired] = await Promise.all([
    ledger.countMoves(hourAgo, now),
    ledger.troubles(dayAgo, now),
    ledger.moveCounts(dayAgo, now),
    ledger.repairedSince(hourAgo, now),
  ]);
  const movesLastDay = new Map(plan.moves.map(({ vm }) => [vm, counts.get(vm) ?? 0]));
  return { movesLastHour, troubles, movesLastDay, repaired };
}

function makeContext(
  request: GateRequest,
  about: Pick<GateContext, 'implausible' | 'beyondShare'>,
): GateContext {
  const { plan, snapshot, findings, policies, now } = request;
  const { limits } = policies;
  const { movesLastHour, movesLastDay } = request.counters;
  const { troubles = new Map<VmId, Trouble>(), repaired = new Set<VmId>() } = request.counters;
  const approvals = request.approvals.filter((approval) => isInForce(approval, now));
  const context: GateContext = {
    ...about,
    now,
    paused: request.paused,
    planAgeSeconds: now - plan.snapshotAt,
    maxPlanAgeSeconds: request.maxPlanAge ?? MAX_PLAN_AGE,
    snapshot,
    policies,
    findings: new Map(findings.map((finding) => [finding.id, finding])),
    massFailure: massFailure(findings, snapshot.hosts, limits.massFailureShare),
    asksToRepair: greatRepair(plan, repaired, limits) !== undefined,
    approved: new Set(approvals.map(({ move }) => approvalKey(move))),
    askedAbout: request.askedAbout ?? new Set(),
    places: new Map(),
    troubles,
    spent: { total: movesLastHour, byVm: new Map(movesLastDay) },
    clockRest: request.clockRest ?? 0,
    // Without what is judged above, from the ledger as it is now.
    allowances: new Allowances(withoutResting(snapshot), withoutOwnBudgets(limits), now),
    used: new UsedWays(),
  };
  for (const move of request.waiting ?? []) reserve(move, context);
  return context;
}

function judge(
  move: Move,
  context: GateContext,
  earlier: ReadonlyMap<MoveId, GateVerdict>,
): GateVerdict {
  const mode = modeOfMove(move, context);
  const refusals: Refusal[] = objections(move, context).map(({ code, detail }) => {
    return { code, vm: move.vm, host: move.to, detail };
  });
  const before = move.dependsOn.map((id) => earlier.get(id));
  refusals.push(...refusedWithDependencies(move, before));
  const asked = isApproved(move, context) ? ({ asked: true } as const) : {};
  const base = { move: move.id, mode, refusals, ...asked };
  if (refusals.length > 0) return { ...base, verdict: 'refused' };
  const waits = before.some((verdict) => verdict?.verdict === 'needs-approval');
  const verdict = byMode(move, context, mode);
  return { ...base, verdict: verdict === 'execute' && waits ? 'needs-approval' : verdict };
}

function modeOfMove(move: Move, { snapshot, policies }: GateContext): Mode {
  const from = hostOf(snapshot, move.from);
  const to = hostOf(snapshot, move.to);
  // Of a host that is not there nothing is known; its moves are refused in any case.
  if (from === undefined || to === undefined) return 'observe';
  return strictest(modeOf(from, policies), modeOf(to, policies));
}

function byMode(move: Move, context: GateContext, mode: Mode): GateVerdict['verdict'] {
  switch (mode) {
    case 'observe':
      return 'would-execute';
    case 'approve':
      return ifApproved(move, context, context.policies.mode.approve.includes(move.tier));
    case 'automatic':
      return ifApproved(move, context, false);
    default:
      return assertNever(mode, 'mode');
  }
}

function ifApproved(move: Move, context: GateContext, asks: boolean): GateVerdict['verdict'] {
  const isAsked = asks || isOfGreatRepair(move, context);
  if (!isAsked || isOrderedByHand(move, context)) return 'execute';
  return isApproved(move, context) ? 'execute' : 'needs-approval';
}

function isOfGreatRepair(move: Move, { asksToRepair, askedAbout }: GateContext): boolean {
  return move.tier === 'corrective' && (asksToRepair || askedAbout.has(move.reason.finding));
}

function isApproved(move: Move, { approved }: GateContext): boolean {
  return approved.has(approvalKey(askedMove(move)));
}

/** What waits for a move that will not happen will not happen either. */
function refusedWithDependencies(
  move: Move,
  before: readonly (GateVerdict | undefined)[],
): readonly Refusal[] {
  return before.flatMap((verdict, index) => {
    const [first] = verdict?.refusals ?? [];
    if (verdict !== undefined && first === undefined) return [];
    const id = move.dependsOn[index] ?? '';
    const code = first?.code ?? 'world-moved-on';
    return [{ code, vm: move.vm, host: move.to, detail: `waits for ${id}, which is refused` }];
  });
}

function withoutOwnBudgets(limits: Limits): Limits {
  const { budgets } = limits;
  return {
    ...limits,
    budgets: { ...budgets, movesPerHour: Infinity, movesPerVmPerDay: Infinity },
  };
}

/** Of what waits elsewhere: it may yet be held back, so it is no breaker's probe. */
function reserve(move: Move, { spent, used, snapshot }: GateContext): void {
  if (move.tier === 'mandatory') return;
  const [from, to] = [hostOf(snapshot, move.from), hostOf(snapshot, move.to)];
  if (from !== undefined && to !== undefined) used.reserve({ vm: move.vm, from, to });
  count(move, spent);
}

function spend(move: Move, { spent, used, snapshot }: GateContext): void {
  const [from, to] = [hostOf(snapshot, move.from), hostOf(snapshot, move.to)];
  if (from !== undefined && to !== undefined) used.count({ vm: move.vm, from, to }, move.tier);
  if (move.tier !== 'mandatory') count(move, spent);
}

function count({ vm }: Move, spent: GateContext['spent']): void {
  spent.total += 1;
  spent.byVm.set(vm, (spent.byVm.get(vm) ?? 0) + 1);
}

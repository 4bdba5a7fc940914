/**
 * The guards of the gate: which of them stops which tier is one table (design: mandatory moves
 * are stopped by the fewest). A guard answers with its reason against one move, or nothing; it
 * sees the moves in the plan's order and must not depend on what other guards say.
 */

import type { Allowances, UsedWays } from '../domain/allowances.ts';
import { staticRefusals } from '../domain/compatibility.ts';
import { TIERS, type Finding, type Tier } from '../domain/finding.ts';
import { holdLeft } from '../domain/hold-left.ts';
import type { FindingId, HostId, SourceId, VmId } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import type { Move } from '../domain/plan.ts';
import type { PolicySet, TimeWindow } from '../domain/policy.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { isInWindow } from '../domain/time-window.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Trouble } from '../ports/ledger.ts';
import { restAfterCancel, restAfterTrouble } from './rest.ts';

/** What the guards need, looked up once for the whole plan. */
export interface GateContext {
  readonly now: EpochSeconds;
  readonly paused: boolean;
  readonly planAgeSeconds: number;
  readonly maxPlanAgeSeconds: number;
  readonly snapshot: Snapshot;
  readonly policies: PolicySet;
  readonly findings: ReadonlyMap<FindingId, Finding>;
  readonly massFailure: readonly HostId[] | undefined;
  /** The plan's corrective moves are too many to be begun unasked. */
  readonly asksToRepair: boolean;
  /** Findings of great repairs that a person was asked about: each of their moves asks. */
  readonly askedAbout: ReadonlySet<FindingId>;
  readonly beyondShare: ReadonlyMap<HostId, string>;
  /** `approvalKey` of every move that a person has approved. */
  readonly approved: ReadonlySet<string>;
  /** Where VMs will be by then that were moved before: a plan may move one twice. */
  readonly places: Map<VmId, HostId>;
  readonly troubles: ReadonlyMap<VmId, Trouble>;
  /**
   * Moves of the last hour and, per VM, of the last day; grows by what this plan is granted. Of one
   * plan, what budgets do not bind uses up nothing of them: it stands first in the plan, and the
   * planner may have found it last, thanks to a move that has to be within the budget.
   */
  readonly spent: { total: number; readonly byVm: Map<VmId, number> };
  readonly clockRest: number;
  /** Sources whose measurements cannot be right, and why; found out when it is first asked. */
  readonly implausible: () => ReadonlyMap<SourceId, string>;
  readonly allowances: Allowances;
  /** How often each way was used by what this plan is granted. */
  readonly used: UsedWays;
}

export interface Objection {
  readonly code: RefusalCode;
  readonly detail: string;
}

type Guard = (move: Move, context: GateContext) => readonly Objection[];

const DEFERRABLE: readonly Tier[] = ['corrective', 'optional'];

const GUARDS: readonly { readonly tiers: readonly Tier[]; readonly guard: Guard }[] = [
  { tiers: TIERS, guard: whenPaused },
  { tiers: TIERS, guard: whenThePlanIsOld },
  { tiers: TIERS, guard: whenTheWorldMovedOn },
  { tiers: TIERS, guard: whenIncompatible },
  { tiers: TIERS, guard: whenInTrouble },
  { tiers: TIERS, guard: whenCancelled },
  { tiers: TIERS, guard: whenTooManyFail },
  { tiers: ['mandatory'], guard: whenTooManyAreOut },
  { tiers: TIERS, guard: whenUsedUp },
  { tiers: DEFERRABLE, guard: whenTheClockJumped },
  { tiers: DEFERRABLE, guard: whenInCooldown },
  { tiers: DEFERRABLE, guard: whenBudgetIsSpent },
  { tiers: DEFERRABLE, guard: whenItIsNotTheTime },
  { tiers: ['optional'], guard: whenSourceIsNotUp },
  { tiers: ['optional'], guard: whenMetricsAreImplausible },
];

/** Every objection of every guard that may stop the move's tier. */
export function objections(move: Move, context: GateContext): readonly Objection[] {
  const applying = GUARDS.filter(({ tiers }) => tiers.includes(move.tier));
  return applying.flatMap(({ guard }) => guard(move, context));
}

/** An explicit order of a person overrules what is only a suspicion or a question. */
export function isOrderedByHand(move: Move, context: Pick<GateContext, 'findings'>): boolean {
  return context.findings.get(move.reason.finding)?.trigger.kind === 'operator';
}

function whenPaused(_move: Move, { paused }: GateContext): readonly Objection[] {
  return paused ? [{ code: 'paused', detail: '' }] : [];
}

function whenThePlanIsOld(_move: Move, context: GateContext): readonly Objection[] {
  const { planAgeSeconds: age, maxPlanAgeSeconds: limit } = context;
  // A negative age is a clock that was set back: how old the plan is, nobody knows.
  if (age >= 0 && age <= limit) return [];
  const detail = `planned on a snapshot of ${Math.round(age)} s ago, at most ${limit} s`;
  return [{ code: 'world-moved-on', detail }];
}

function whenTheWorldMovedOn(move: Move, context: GateContext): readonly Objection[] {
  const vm = vmOf(context.snapshot, move.vm);
  if (vm === undefined) return [{ code: 'world-moved-on', detail: `${move.vm} is gone` }];
  if (context.snapshot.inFlight.some((flight) => flight.vm === vm.id)) {
    return [{ code: 'in-flight', detail: '' }];
  }
  const place = context.places.get(vm.id) ?? vm.host;
  if (place !== move.from) {
    return [{ code: 'world-moved-on', detail: `it runs on ${place}, not on ${move.from}` }];
  }
  const gone = [move.from, move.to].filter((host) => hostOf(context.snapshot, host) === undefined);
  return gone.map((host) => ({ code: 'world-moved-on', detail: `the host ${host} is gone` }));
}

function whenIncompatible(move: Move, context: GateContext): readonly Objection[] {
  const vm = vmOf(context.snapshot, move.vm);
  const from = hostOf(context.snapshot, move.from);
  const to = hostOf(context.snapshot, move.to);
  // Missing ones are whenTheWorldMovedOn's affair.
  if (vm === undefined || from === undefined || to === undefined) return [];
  return staticRefusals(vm, from, to, move.method, context.policies.migration);
}

/** A start elsewhere rests on no monitoring: the power of its host is asked right before it. */
function whenTooManyFail(move: Move, context: GateContext): readonly Objection[] {
  const { massFailure } = context;
  if (massFailure === undefined || move.method === 'restart') return [];
  if (isOrderedByHand(move, context)) return [];
  const detail = `${massFailure.length} of ${context.snapshot.hosts.length} hosts at once`;
  return [{ code: 'mass-failure', detail }];
}

/**
 * About the moves that empty a host for good, which are mandatory: they wait, and their host stays
 * in service. What relieves it meanwhile, or mends a rule, takes nothing out of service, and the
 * other tiers' own guards hold that back where it can wait.
 */
function whenTooManyAreOut(move: Move, { beyondShare }: GateContext): readonly Objection[] {
  const detail = beyondShare.get(move.from);
  return detail === undefined ? [] : [{ code: 'evacuated-share', detail }];
}

/**
 * A move that came to nothing is not tried again at every tick: what refused it will refuse it
 * again. The pause doubles each time. What was tried while its host lived says nothing about a
 * start elsewhere: the VMs that were to leave first would come up last.
 */
function whenInTrouble(move: Move, { troubles, now, snapshot }: GateContext): readonly Objection[] {
  const trouble = troubles.get(move.vm);
  if (trouble === undefined) return [];
  const failure = hostOf(snapshot, move.from)?.failure;
  const hasDiedSince = failure !== undefined && trouble.lastAt < failure.since;
  if (move.method === 'restart' && hasDiedSince) return [];
  const left = restAfterTrouble(move.vm, trouble, now);
  if (left <= 0) return [];
  const detail = `its last moves came to nothing (${trouble.count}); ${Math.ceil(left)} s left`;
  return [{ code: 'cool-down', detail }];
}

/** What somebody has cancelled is not to come back at once. */
function whenCancelled(move: Move, { troubles, policies }: GateContext): readonly Objection[] {
  const ago = troubles.get(move.vm)?.cancelledSecondsAgo;
  if (ago === undefined) return [];
  const left = holdLeft(-ago, 0, restAfterCancel(move.tier, policies.limits));
  if (left <= 0) return [];
  return [{ code: 'cool-down', detail: `its last move was cancelled; ${Math.ceil(left)} s left` }];
}

/**
 * A VM that an order of ours moved away need not rest before it comes home. It comes home once for
 * each return (homecoming.ts): what moves it away again afterwards finds it resting.
 */
function whenInCooldown(move: Move, context: GateContext): readonly Objection[] {
  const { snapshot, now, policies } = context;
  if (context.findings.get(move.reason.finding)?.kind === 'return-home') return [];
  const last = own(snapshot.lastMovedAt, move.vm);
  if (last === undefined) return [];
  const left = holdLeft(last, now, policies.limits.cooldownSeconds);
  return left > 0 ? [{ code: 'cool-down', detail: `${Math.ceil(left)} s left` }] : [];
}

/** Breakers, the reverse-move ban, and budgets of hosts, clusters and links. */
function whenUsedUp(move: Move, context: GateContext): readonly Objection[] {
  const from = hostOf(context.snapshot, move.from);
  const to = hostOf(context.snapshot, move.to);
  // Missing ones are whenTheWorldMovedOn's affair.
  if (from === undefined || to === undefined) return [];
  const comesHome = context.findings.get(move.reason.finding)?.kind === 'return-home';
  const { allowances, used } = context;
  const against = allowances.against({ vm: move.vm, from, to }, move.tier, !comesHome, used);
  return against.map(({ code, detail }) => ({ code, detail }));
}

function whenItIsNotTheTime(move: Move, { policies, now }: GateContext): readonly Objection[] {
  return windowObjections(move, policies, now);
}

/** Blackouts stop all that can wait, windows all that is optional. Asked again before a start. */
export function windowObjections(
  move: Pick<Move, 'tier'>,
  { limits }: Pick<PolicySet, 'limits'>,
  now: EpochSeconds,
): readonly Objection[] {
  if (move.tier === 'mandatory') return [];
  const active = limits.blackouts.filter((window) => isInWindow(window, now));
  const out = active.map((window): Objection => {
    return { code: 'window', detail: `blackout ${nameOf(window)}` };
  });
  const isOpen = limits.windows.some((window) => isInWindow(window, now));
  if (move.tier === 'optional' && limits.windows.length > 0 && !isOpen) {
    out.push({ code: 'window', detail: `only in ${limits.windows.map(nameOf).join(', ')}` });
  }
  return out;
}

function whenBudgetIsSpent(move: Move, context: GateContext): readonly Objection[] {
  const { movesPerHour, movesPerVmPerDay } = context.policies.limits.budgets;
  const ofVm = context.spent.byVm.get(move.vm) ?? 0;
  const out: Objection[] = [];
  if (!(context.spent.total < movesPerHour)) {
    out.push({ code: 'budget', detail: `${movesPerHour} moves an hour` });
  }
  if (!(ofVm < movesPerVmPerDay)) {
    out.push({ code: 'budget', detail: `${movesPerVmPerDay} moves of this VM a day` });
  }
  return out;
}

function whenSourceIsNotUp(move: Move, context: GateContext): readonly Objection[] {
  const source = vmOf(context.snapshot, move.vm)?.source;
  const status = context.snapshot.sources.find((entry) => entry.source === source);
  if (status === undefined || status.state === 'up') return [];
  return [{ code: 'stale-metrics', detail: `${status.source} is ${status.state}` }];
}

function whenTheClockJumped(_move: Move, { clockRest }: GateContext): readonly Objection[] {
  return clockRest > 0 ? [{ code: 'clock-jumped', detail: `${Math.ceil(clockRest)} s left` }] : [];
}

/** Who comes home does not come for what was measured. */
function whenMetricsAreImplausible(move: Move, context: GateContext): readonly Objection[] {
  const source = vmOf(context.snapshot, move.vm)?.source;
  const detail = source === undefined ? undefined : context.implausible().get(source);
  if (detail === undefined) return [];
  if (context.findings.get(move.reason.finding)?.kind === 'return-home') return [];
  return [{ code: 'implausible-metrics', detail }];
}

function nameOf(window: TimeWindow): string {
  return `${window.name} (${window.zone})`;
}

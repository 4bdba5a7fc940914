/** The one-screen status, from the newest tick and the parts that know. */

import type { SourceStatus } from '../domain/measured.ts';
import type { Move } from '../domain/plan.ts';
import type { Mode } from '../domain/policy.ts';
import type { StatusView } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { BreakerBoard } from '../execute/breaker-board.ts';
import { breakerViews } from './breaker-desk.ts';
import type { ConfigNotes } from './config-notes.ts';
import { guardNotes } from './guard-notes.ts';
import type { KillSwitch } from './kill-switch.ts';
import type { LedgerWatch } from './ledger-watch.ts';
import { leaseViews, type LeaseSight } from './lease-desk.ts';
import { modeNotes } from './policy-notes.ts';
import type { PolicyStore } from './policy-store.ts';
import type { RejectedPlan, TickState } from './tick.ts';

export interface StatusParts {
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly policies: PolicyStore;
  readonly sources: () => readonly SourceStatus[];
  /** As last seen: status never waits for the ledger. */
  readonly killSwitch: KillSwitch;
  /** The mode in force for hosts of each cluster or source. */
  readonly modes: () => Readonly<Record<string, Mode>>;
  readonly movesInFlight: () => number;
  /** While no place is free, as all controllers together have too many open. */
  readonly waitingForPlace: () => readonly Move[];
  /** About what drover.yaml names. */
  readonly notes: ConfigNotes;
  readonly leases: LeaseSight;
  readonly breakers: Pick<BreakerBoard, 'all'>;
  readonly ledgerState: Pick<LedgerWatch, 'view'>;
}

export function statusView(parts: StatusParts, state: TickState | undefined): StatusView {
  const { paused, by } = parts.killSwitch.position;
  const { policies } = parts.policies;
  return {
    version: parts.version,
    startedAt: parts.startedAt,
    now: parts.clock.now(),
    paused,
    pausedBy: by,
    modes: parts.modes(),
    policyRevision: policies.revision,
    policyErrors: parts.policies.errors,
    sources: parts.sources(),
    hosts: state?.snapshot.hosts.length ?? 0,
    vms: state?.snapshot.vms.length ?? 0,
    snapshotAt: state?.snapshot.takenAt ?? null,
    findings: state?.findings ?? [],
    movesInFlight: parts.movesInFlight(),
    movesWithoutPlace: parts.waitingForPlace().length,
    lastPlan: lastPlanOf(state),
    rejectedPlan: rejectedPlanOf(state?.rejected),
    notes: [...standingNotes(parts, state), ...(state?.result?.report.notes ?? [])],
    leases: leaseViews(parts.leases),
    breakers: breakerViews(parts.breakers.all),
    ledger: parts.ledgerState.view,
  };
}

function standingNotes(parts: StatusParts, state: TickState | undefined): readonly string[] {
  if (state === undefined) return [];
  const { snapshot } = state;
  const { policies } = parts.policies;
  const named = [...modeNotes(policies, snapshot), ...parts.notes(snapshot)];
  return [...guardNotes(snapshot, policies.limits), ...named];
}

function lastPlanOf(state: TickState | undefined): StatusView['lastPlan'] {
  if (state?.result === undefined) return null;
  const { id, snapshotAt, moves } = state.result.plan;
  const waiting = state.verdicts.filter(({ verdict }) => verdict === 'needs-approval').length;
  return { id, at: snapshotAt, moves: moves.length, waiting };
}

function rejectedPlanOf(rejected: RejectedPlan | undefined): StatusView['rejectedPlan'] {
  if (rejected === undefined) return null;
  return { id: rejected.plan, at: rejected.at, faults: faultsOf(rejected) };
}

/** A plan may break a rule with every move; the first few tell what it is about. */
const MOST_FAULTS = 5;

export function faultsOf({ violations }: RejectedPlan): readonly string[] {
  const told = violations.slice(0, MOST_FAULTS).map(({ code, detail }) => `${code}: ${detail}`);
  const more = violations.length - told.length;
  return more > 0 ? [...told, `and ${more} more`] : told;
}

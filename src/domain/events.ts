/**
 * The typed event map. The tick and the executor emit; log, metrics, InfluxDB and the printed
 * progress only subscribe. Nobody reads anything back from an event: state lives in the ledger.
 */

import type { AuditHead } from './audit.ts';
import type { Violation } from './violation.ts';
import type { Finding } from './finding.ts';
import type { ClusterId, HostId, PlanId, SourceId, VmId } from './ids.ts';
import type { GateVerdict, MoveResult, Outcome, Stage } from './journal.ts';
import type { SourceStatus } from './measured.ts';
import type { HostState } from './host.ts';
import type { HostFailureState } from './host-failure.ts';
import type { Order } from './order.ts';
import type { Move, PlanResult } from './plan.ts';
import type { Snapshot } from './snapshot.ts';
import type { Bytes, EpochSeconds, Ratio, Seconds } from './units.ts';

export interface EventMap {
  /** The daemon is up: listening, recovered, jobs scheduled. */
  readonly started: { readonly version: string; readonly mode: string };
  readonly stopping: { readonly reason: string };
  /** A source changed state (up, late, down). */
  readonly source: SourceStatus;
  /** Samples were thrown away; counts by reason, one event per source and poll. */
  readonly 'samples-rejected': {
    readonly source: SourceId;
    readonly counts: Readonly<Record<string, number>>;
    /** The first of them, for people. */
    readonly example: string;
  };
  /** Alerts did not get through: whole calls (counted as one) or single ones, or cut off before. */
  readonly 'alerts-rejected': {
    /** Code of a problem: `invalid`, `not-allowed`, `truncated`, … */
    readonly reason: string;
    readonly count: number;
  };
  readonly snapshot: { readonly snapshot: Snapshot; readonly seconds: Seconds };
  readonly 'finding-opened': Finding;
  readonly 'finding-cleared': Finding;
  readonly planned: {
    readonly result: PlanResult;
    readonly vmNames: Readonly<Record<VmId, string>>;
    readonly seconds: Seconds;
  };
  /** The checker found a fault in a plan: the plan is not executed. */
  readonly 'plan-rejected': { readonly plan: PlanId; readonly violations: readonly Violation[] };
  readonly gated: { readonly plan: PlanId; readonly verdicts: readonly GateVerdict[] };
  readonly 'move-stage': {
    readonly move: Move;
    readonly plan: PlanId;
    readonly vmName: string;
    readonly stage: Stage;
    readonly phase: 'before' | 'after' | 'undo';
    /** As the journal has it: several may be written, and then told, at once. */
    readonly at: EpochSeconds;
  };
  readonly 'move-progress': {
    readonly move: Move;
    readonly vmName: string;
    readonly progress: MoveProgress;
  };
  /** It does not converge, and the hypervisor was asked to do something about it. */
  readonly 'move-steered': {
    readonly move: Move;
    readonly steering: MoveSteering;
    readonly at: EpochSeconds;
    /** What the hypervisor has against it; undefined: nothing. */
    readonly refused: string | undefined;
  };
  readonly 'move-ended': {
    readonly move: Move;
    readonly vmName: string;
    readonly result: MoveResult;
  };
  /**
   * Nobody here follows the move any more. `outcome`: how it has ended, also where another
   * controller told of that; undefined: it is open, since Drover stops or its lease is over.
   */
  readonly 'move-let-go': { readonly move: Move; readonly outcome: Outcome | undefined };
  /** What became of a lease; `stepped-back`: the ledger has an older token than somebody saw. */
  readonly lease: {
    readonly cluster: ClusterId;
    readonly what: 'taken' | 'lost' | 'released' | 'stepped-back' | 'confirmed';
    readonly token: number;
    /** For people: who has it now, and why. */
    readonly text: string;
  };
  /** The end of the audit trail, to be noted outside of the ledger: a cut shows beside it. */
  readonly audit: AuditHead;
  readonly 'host-state': {
    readonly host: HostId;
    readonly from: HostState;
    readonly to: HostState;
    readonly reason: string;
  };
  /** What becomes of the hook of a maintenance order. */
  readonly hook: { readonly host: HostId; readonly text: string };
  /** `well`: nothing is known against it. */
  readonly 'host-failure': {
    readonly host: HostId;
    readonly from: HostFailureState | 'well';
    readonly to: HostFailureState | 'well';
    readonly reason: string;
  };
  readonly order: { readonly order: Order; readonly what: 'given' | 'repeated' | 'changed' };
  readonly policies: { readonly revision: string; readonly files: readonly string[] };
  /** A policy edit was refused; the previous set stays in force. */
  readonly 'policies-refused': { readonly errors: readonly string[] };
  readonly paused: { readonly paused: boolean; readonly by: string };
  /** What the ledger is like from now on: `writable`, or the code of a LedgerError. */
  readonly ledger: { readonly code: string; readonly text: string };
  /** A circuit breaker opens, lets one move through, or closes; its name and what it holds up. */
  readonly breaker: {
    readonly name: string;
    readonly state: 'open' | 'half-open' | 'closed';
    readonly text: string;
  };
  /** Something that an operator should look at; deduplicated by `key`. */
  readonly warning: { readonly key: string; readonly text: string };
  readonly failure: { readonly where: string; readonly error: unknown };
}

export type EventName = keyof EventMap;

/** What is done about a live migration that gets nowhere. */
export type MoveSteering =
  | { readonly kind: 'downtime-limit'; readonly seconds: Seconds }
  | { readonly kind: 'auto-converge' }
  | { readonly kind: 'post-copy' };

/** How far a migration is. */
export interface MoveProgress {
  /** `queued`: the platform has taken the order, and has not begun to carry it out. */
  readonly phase:
    | 'queued'
    | 'setup'
    | 'pre-copy'
    | 'stop-and-copy'
    | 'post-copy'
    | 'storage'
    | 'cold';
  /** Since it was begun; 0 while it is queued. */
  readonly elapsedSeconds: Seconds;
  /** 0..1 of this round; live migration may go back when the guest dirties memory. */
  readonly done: Ratio;
  readonly bytesSent: Bytes;
  readonly bytesRemaining: Bytes;
  /** Bytes per second, where the hypervisor measures it. */
  readonly dirtyRate: number | undefined;
  readonly bandwidth: number | undefined;
  readonly iteration: number | undefined;
}

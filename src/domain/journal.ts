/**
 * What the ledger remembers: decisions, moves with every stage before and after, and the history
 * that operators ask for. Plain data, so that any store can hold it.
 */

import type { Finding } from './finding.ts';
import type { HostId, MoveId, PlanId, SourceId, VmId } from './ids.ts';
import type { HeldLease } from './lease.ts';
import type { Mode } from './policy.ts';
import type { Move, PlanResult } from './plan.ts';
import type { Refusal } from './refusal.ts';
import type { Bytes, EpochSeconds, Seconds } from './units.ts';

/** Stages after Clark et al., "Live migration of virtual machines", NSDI 2005. */
export const STAGES = [
  'pre-migration',
  'reservation',
  'pre-copy',
  'stop-and-copy',
  'commitment',
  'activation',
] as const;
export type Stage = (typeof STAGES)[number];

/** How a move ended. Terminal outcomes are terminal. */
export const OUTCOMES = ['succeeded', 'failed', 'skipped', 'cancelled', 'needs-human'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What the move turned out to be, as far as it could be measured. */
export interface MoveResult {
  readonly outcome: Outcome;
  readonly at: EpochSeconds;
  /** For people: the error, the reason of the skip, or empty. */
  readonly detail: string;
  readonly seconds: Seconds | undefined;
  /** How much of that the platform only had it in its queue, as far as was seen. */
  readonly queuedSeconds?: Seconds | undefined;
  /** As the hypervisor reports it; the guest's own may be longer. */
  readonly downtimeSeconds: Seconds | undefined;
  readonly bytes: Bytes | undefined;
  /** Its target may hold a part of the VM, and would trip the next attempt to go there. */
  readonly remains?: true | undefined;
  /** Skipped before the hypervisor was asked for anything: that says nothing about the VM. */
  readonly held?: true | undefined;
}

export interface StageEntry {
  readonly move: MoveId;
  readonly stage: Stage;
  /** `before`: about to act; `after`: acted and observed; `undo`: taken back. */
  readonly phase: 'before' | 'after' | 'undo';
  readonly at: EpochSeconds;
  readonly detail: string;
}

export interface MoveRecord {
  readonly move: Move;
  readonly plan: PlanId;
  /** The hypervisor connection to ask about it, also before the first snapshot. */
  readonly source: SourceId;
  readonly vmName: string;
  readonly openedAt: EpochSeconds;
  /** The leases that it was opened under; undefined: none were asked for. */
  readonly leases?: readonly HeldLease[] | undefined;
  readonly stages: readonly StageEntry[];
  /** Undefined while the move is open. */
  readonly result: MoveResult | undefined;
}

/** One tick's decision: enough to explain it and to make it again. */
export interface Decision {
  readonly plan: PlanId;
  readonly at: EpochSeconds;
  readonly policyRevision: string;
  readonly findings: readonly Finding[];
  readonly result: PlanResult;
  readonly gate: readonly GateVerdict[];
  /** Who has handed the plan in; absent: it is Drover's own. */
  readonly by?: string | undefined;
}

/** What the gate said about one move of the plan. */
export interface GateVerdict {
  readonly move: MoveId;
  readonly verdict: 'execute' | 'would-execute' | 'needs-approval' | 'refused';
  readonly mode: Mode;
  readonly refusals: readonly Refusal[];
  /** A person has said yes to it. */
  readonly asked?: true;
}

/** One line of history about a VM or a host. */
export interface HistoryEntry {
  readonly at: EpochSeconds;
  readonly kind: 'move' | 'order' | 'state' | 'error' | 'decision';
  readonly vm: VmId | undefined;
  readonly host: HostId | undefined;
  /** Of a move: the host that the VM was to leave; it finds the line, too. */
  readonly from: HostId | undefined;
  readonly move: MoveId | undefined;
  readonly text: string;
}

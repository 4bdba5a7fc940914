/** What the audit trail tells of each write: enough to follow a VM and to see who wanted what. */

import { type Approval, askedMove } from '../domain/approval.ts';
import type { AuditNote } from '../domain/audit.ts';
import type { CancelWish } from '../domain/cancel-wish.ts';
import type { HostFailureRecord } from '../domain/host-failure.ts';
import type { HostId, MoveId, PlanId } from '../domain/ids.ts';
import type {
  Decision,
  HistoryEntry,
  MoveRecord,
  MoveResult,
  StageEntry,
} from '../domain/journal.ts';
import type { HeldLease, LeaseStop } from '../domain/lease.ts';
import type { SettledMove } from '../domain/observed-move.ts';
import type { Order } from '../domain/order.ts';
import type { HostMark } from '../ports/ledger.ts';
import type { LeaseClaim } from '../ports/leases.ts';
import { type PrunedBody, sha256 } from './audit-chain.ts';

/** @param stored the record’s text in the ledger: its hash shows whether that was changed. */
export function decisionNote(
  { plan, policyRevision, result, by }: Decision,
  stored: string,
): AuditNote {
  const moves = result.plan.moves.length;
  const body = { plan, policyRevision, moves, ...(by !== undefined && { by }) };
  return { kind: 'decision', body: { ...body, sha256: sha256(stored) } };
}

export function openedNote(record: Omit<MoveRecord, 'stages' | 'result'>): AuditNote {
  const { move, plan, source, vmName, leases } = record;
  const { id, tier, reason } = move;
  const what = { move: id, ...askedMove(move), tier, why: reason.text, dependsOn: move.dependsOn };
  return { kind: 'move-opened', body: { ...what, plan, source, vmName, leases } };
}

export function stageNote({ move, stage, phase, detail }: StageEntry): AuditNote {
  return { kind: 'move-stage', body: { move, stage, phase, detail } };
}

export function closedNote(move: MoveId, result: MoveResult): AuditNote {
  return { kind: 'move-closed', body: { move, ...result } };
}

export function orderNote({ home, ...order }: Order): AuditNote {
  return { kind: 'order', body: { ...order, home: home.length } };
}

export function approvalNote(approval: Approval): AuditNote {
  return { kind: 'approval', body: { ...approval } };
}

export function cancelWishNote(wish: CancelWish): AuditNote {
  return { kind: 'cancel', body: { ...wish } };
}

/** Nothing more of a plan is begun that was handed in. */
export function planCancelNote(plan: PlanId, by: string): AuditNote {
  return { kind: 'cancel', body: { plan, by } };
}

/** What Drover would have moved, and what really happened: modes are changed for what that says. */
export function observedNote({ vm, from, to, why, firstAt, lastAt, end }: SettledMove): AuditNote {
  return { kind: 'observed', body: { vm, from, to, why, firstAt, lastAt, ...end } };
}

export function pauseNote(paused: boolean, by: string): AuditNote {
  return { kind: 'pause', body: { paused, by } };
}

export function hostNote({ host, state, reason }: HostMark): AuditNote {
  return { kind: 'host-state', body: { host, state, reason } };
}

/** Each change of what is known of a failed host: who was taken for dead, on which signs. */
export function hostFailureNote(record: HostFailureRecord, { text }: HistoryEntry): AuditNote {
  const { host, state, signs, powerOff } = record;
  return { kind: 'host-failure', body: { host, state, signs, powerOff, text } };
}

export function hostWellNote(host: HostId, { text }: HistoryEntry): AuditNote {
  return { kind: 'host-failure', body: { host, state: 'well', text } };
}

export function fencingNote({ host, text }: HistoryEntry): AuditNote {
  return { kind: 'fencing', body: { host, text } };
}

export function breakerResetNote(name: string, by: string): AuditNote {
  return { kind: 'breaker-reset', body: { name, by } };
}

export function takenNote({ by }: LeaseClaim, { cluster, token }: HeldLease): AuditNote {
  return { kind: 'lease-taken', body: { cluster, token, by: by.id, name: by.name } };
}

export function releasedNote(by: string, { cluster, token }: HeldLease): AuditNote {
  return { kind: 'lease-released', body: { cluster, token, by } };
}

export function stoppedNote(stop: LeaseStop): AuditNote {
  return { kind: 'lease-stopped', body: { ...stop } };
}

export function confirmedNote(lift: LeaseStop): AuditNote {
  return { kind: 'lease-confirmed', body: { ...lift } };
}

export function prunedNote({ through, hash }: PrunedBody): AuditNote {
  return { kind: 'pruned', body: { through, hash } };
}

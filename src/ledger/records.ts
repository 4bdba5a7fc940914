/**
 * Rows to domain objects and back. JSON bodies are read back unchecked: this room alone writes
 * them, and the schema's version guards their shape. A property that is undefined is absent in
 * JSON and reads as undefined again.
 */

import type { Insertable, Selectable } from 'kysely';

import type { HostState } from '../domain/host.ts';
import { hostId, moveId, planId, sourceId, vmId } from '../domain/ids.ts';
import type { Decision, HistoryEntry, MoveRecord, StageEntry } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { Reservation } from '../domain/snapshot.ts';
import { bytes, cores, type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { HostMark, RuleMemory } from '../ports/ledger.ts';
import type { LedgerSchema } from './schema.ts';

type Row<Table extends keyof LedgerSchema> = Selectable<LedgerSchema[Table]>;

/** See the module's comment for why this may be believed. */
export function parseBody<Value>(text: string): Value {
  return JSON.parse(text) as Value;
}

function moment(value: number | null): EpochSeconds | undefined {
  return value === null ? undefined : epochSeconds(value);
}

export function toDecision(row: Row<'decisions'>): Decision {
  return parseBody(row.body);
}

export function toStage(row: Row<'stages'>): StageEntry {
  return {
    move: moveId(row.move),
    stage: row.stage as StageEntry['stage'],
    phase: row.phase as StageEntry['phase'],
    at: epochSeconds(row.at),
    detail: row.detail,
  };
}

export function toMove(row: Row<'moves'>, stages: readonly StageEntry[]): MoveRecord {
  return {
    move: parseBody(row.body),
    plan: planId(row.plan),
    source: sourceId(row.source),
    vmName: row.vm_name,
    openedAt: epochSeconds(row.opened_at),
    leases: row.leases === null ? undefined : parseBody(row.leases),
    stages,
    result: row.result === null ? undefined : parseBody(row.result),
  };
}

export function toReservation(row: Row<'reservations'>): Reservation {
  return {
    move: moveId(row.move),
    vm: vmId(row.vm),
    host: hostId(row.host),
    memoryBytes: bytes(row.memory_bytes),
    cpu: cores(row.cpu),
  };
}

export function toOrder(row: Row<'orders'>): Order {
  return parseBody(row.body);
}

export function toHostMark(row: Row<'host_marks'>): HostMark {
  return {
    host: hostId(row.host),
    state: row.state as HostState,
    since: epochSeconds(row.since),
    reason: row.reason,
  };
}

export function toRuleMemory(row: Row<'rule_memory'>): RuleMemory {
  return {
    rule: row.rule,
    host: hostId(row.host),
    holdingSince: moment(row.holding_since),
    openSince: moment(row.open_since),
    lastTrueAt: moment(row.last_true_at),
  };
}

export function fromRuleMemory(memory: RuleMemory): Row<'rule_memory'> {
  return {
    rule: memory.rule,
    host: memory.host,
    holding_since: memory.holdingSince ?? null,
    open_since: memory.openSince ?? null,
    last_true_at: memory.lastTrueAt ?? null,
  };
}

export function fromHistory(entry: HistoryEntry): Insertable<LedgerSchema['history']> {
  const { at, kind, vm, host, from, move, text } = entry;
  return {
    at,
    kind,
    vm: vm ?? null,
    host: host ?? null,
    from_host: from ?? null,
    move: move ?? null,
    text,
  };
}

export function toHistory(row: Row<'history'>): HistoryEntry {
  return {
    at: epochSeconds(row.at),
    kind: row.kind as HistoryEntry['kind'],
    vm: row.vm === null ? undefined : vmId(row.vm),
    host: row.host === null ? undefined : hostId(row.host),
    from: row.from_host === null ? undefined : hostId(row.from_host),
    move: row.move === null ? undefined : moveId(row.move),
    text: row.text,
  };
}

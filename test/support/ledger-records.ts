// Role: records for the ledger's tests, with a default for everything that a test does not care
// about.
import {
  findingId,
  hostId,
  moveId,
  orderId,
  planId,
  sourceId,
  vmId,
} from '../../src/domain/ids.ts';
import type { HostFailureRecord } from '../../src/domain/host-failure.ts';
import type { Decision, MoveRecord, MoveResult, Stage } from '../../src/domain/journal.ts';
import type { StageEntry } from '../../src/domain/journal.ts';
import type { Order } from '../../src/domain/order.ts';
import type { Move } from '../../src/domain/plan.ts';
import { bytes, epochSeconds, GIB, seconds } from '../../src/domain/units.ts';

export function aMove(overrides: Partial<Move> = {}): Move {
  return {
    id: moveId('m1'),
    vm: vmId('vm1'),
    from: hostId('h1'),
    to: hostId('h2'),
    method: 'pre-copy',
    tier: 'optional',
    criticality: 'standard',
    reason: { finding: findingId('f1'), text: 'h1 is overloaded', evidence: [], terms: {} },
    dependsOn: [],
    predicted: {
      startSeconds: seconds(0),
      seconds: seconds(20),
      downtimeSeconds: seconds(0.2),
      bytes: bytes(4 * GIB),
    },
    rejected: [],
    ...overrides,
  };
}

export type OpenRecord = Omit<MoveRecord, 'stages' | 'result'>;

/** A record to open; `id` and `vm` name the move and its VM. */
export function aRecord(id: string, vm: string, openedAt = 1000): OpenRecord {
  return {
    move: aMove({ id: moveId(id), vm: vmId(vm) }),
    plan: planId('p1'),
    source: sourceId('lab'),
    vmName: `name of ${vm}`,
    openedAt: epochSeconds(openedAt),
  };
}

export function aResult(overrides: Partial<MoveResult> = {}): MoveResult {
  return {
    outcome: 'succeeded',
    at: epochSeconds(1100),
    detail: '',
    seconds: seconds(20),
    downtimeSeconds: seconds(0.2),
    bytes: bytes(5 * GIB),
    ...overrides,
  };
}

export function aStage(id: string, stage: Stage, phase: StageEntry['phase']): StageEntry {
  return { move: moveId(id), stage, phase, at: epochSeconds(1001), detail: `${stage} ${phase}` };
}

export function anOrder(id: string, overrides: Partial<Order> = {}): Order {
  return {
    id: orderId(id),
    kind: 'maintenance',
    host: hostId('h1'),
    by: { kind: 'operator', name: 'ada' },
    reason: 'new fans',
    createdAt: epochSeconds(1000),
    deadline: undefined,
    state: 'open',
    dedupeKey: `order ${id}`,
    home: ['vm1'],
    ...overrides,
  };
}

export function aDecision(plan: string, at: number): Decision {
  return {
    plan: planId(plan),
    at: epochSeconds(at),
    policyRevision: 'r1',
    findings: [],
    result: {
      plan: {
        id: planId(plan),
        snapshotAt: epochSeconds(at),
        moves: [aMove()],
        objective: { before: 2, after: 1, terms: {} },
      },
      report: {
        refusals: { memory: 3 },
        unresolved: [],
        notes: ['note'],
        stats: { hosts: 2, vms: 1, evaluatedMoves: 1, seed: 7, stepsGranted: 10, stepsUsed: 3 },
      },
    },
    gate: [{ move: moveId('m1'), verdict: 'execute', mode: 'automatic', refusals: [] }],
  };
}

/** Of a host that fell silent, was fenced, and of which one VM was restarted. */
export function aHostFailureRecord(
  host: string,
  overrides: Partial<HostFailureRecord> = {},
): HostFailureRecord {
  return {
    host: hostId(host),
    state: 'dead',
    since: epochSeconds(200),
    silentSince: epochSeconds(100),
    confirmedSince: epochSeconds(110),
    answersSince: undefined,
    signs: [{ kind: 'adapter', verdict: 'silent', detail: '' }],
    powerOff: { at: epochSeconds(200), how: 'fenced' },
    restarted: [{ vm: vmId('vm1'), name: 'db' }],
    ...overrides,
  };
}

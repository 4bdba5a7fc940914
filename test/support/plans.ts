// Role: builders of plans and orders by hand, for the tests of everything that takes one.
import type { EventMap } from '../../src/domain/events.ts';
import { findingId, hostId, moveId, planId, vmId } from '../../src/domain/ids.ts';
import type { Move, Plan, Prediction } from '../../src/domain/plan.ts';
import type { InFlightMove } from '../../src/domain/snapshot.ts';
import { bytes, seconds } from '../../src/domain/units.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';
import { TEST_NOW } from './fleet.ts';

export type MoveOptions = Omit<
  Partial<Move>,
  'id' | 'vm' | 'from' | 'to' | 'dependsOn' | 'predicted'
> & {
  readonly id?: string;
  readonly vm?: string;
  readonly from?: string;
  readonly to?: string;
  readonly dependsOn?: readonly string[];
  readonly predicted?: Partial<Prediction>;
};

/** A move of v1 from h1 to h2, optional, standard, 30 s from the start of the plan. */
export function aMove(options: MoveOptions = {}): Move {
  const { id = 'm1', vm = 'v1', from = 'h1', to = 'h2', dependsOn = [], ...rest } = options;
  return {
    method: 'pre-copy',
    tier: 'optional',
    criticality: 'standard',
    reason: { finding: findingId('f1'), text: 'test', evidence: [], terms: {} },
    rejected: [],
    ...rest,
    id: moveId(id),
    vm: vmId(vm),
    from: hostId(from),
    to: hostId(to),
    dependsOn: dependsOn.map(moveId),
    predicted: {
      startSeconds: seconds(0),
      seconds: seconds(30),
      downtimeSeconds: seconds(0.1),
      bytes: bytes(1e9),
      ...rest.predicted,
    },
  };
}

/** A stage of it is told, at first that pre-copy begins. */
export function aStageOf(
  move: Move,
  options: Partial<EventMap['move-stage']> = {},
): EventMap['move-stage'] {
  return {
    move,
    plan: planId('p1'),
    vmName: move.vm,
    stage: 'pre-copy',
    phase: 'before',
    at: TEST_NOW,
    ...options,
  };
}

/** One that was under way when the snapshot was taken. */
export function flight(
  vm: string,
  from: string,
  to: string,
  options: Partial<Pick<InFlightMove, 'method' | 'move'>> = {},
): InFlightMove {
  const ends = { from: hostId(from), to: hostId(to) };
  const about = { move: moveId('earlier'), method: 'pre-copy', startedAt: TEST_NOW } as const;
  return { ...about, vm: vmId(vm), ...ends, ...options };
}

export function aPlan(moves: readonly Move[]): Plan {
  return {
    id: planId('p1'),
    snapshotAt: TEST_NOW,
    moves,
    objective: { before: 0, after: 0, terms: {} },
  };
}

/** Seconds from the start of the plan, as a prediction. */
export function startingAt(start: number, length = 30): Partial<Prediction> {
  return { startSeconds: seconds(start), seconds: seconds(length) };
}

/** To a hypervisor: move v1 from h1 to h2 by plain pre-copy. */
export function aMoveOrder(options: Partial<MoveOrder> = {}): MoveOrder {
  return {
    move: moveId('m1'),
    vm: vmId('v1'),
    from: hostId('h1'),
    to: hostId('h2'),
    method: 'pre-copy',
    downtimeLimitSeconds: seconds(0.3),
    bandwidth: undefined,
    autoConverge: false,
    allowPostCopy: false,
    ...options,
  };
}

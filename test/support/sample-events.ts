// Role: what a daemon announces, for the tests of those who listen.
import type { EventMap } from '../../src/domain/events.ts';
import { planId, sourceId } from '../../src/domain/ids.ts';
import type { MoveResult, Outcome } from '../../src/domain/journal.ts';
import type { SourceStatus } from '../../src/domain/measured.ts';
import type { Move, PlanReport } from '../../src/domain/plan.ts';
import { bytes, epochSeconds, ratio, seconds } from '../../src/domain/units.ts';
import { TEST_NOW } from './fleet.ts';
import { aPlan } from './plans.ts';

export function aReport(options: Partial<PlanReport> = {}): PlanReport {
  return {
    refusals: {},
    unresolved: [],
    notes: [],
    stats: {
      hosts: 0,
      vms: 0,
      evaluatedMoves: 0,
      seed: 1,
      stepsGranted: 0,
      stepsUsed: 0,
    },
    ...options,
  };
}

/** The event of a plan with these moves; VMs are named after their ids. */
export function planned(
  moves: readonly Move[],
  report: Partial<PlanReport> = {},
  id = 'p1',
): EventMap['planned'] {
  return {
    result: { plan: { ...aPlan(moves), id: planId(id) }, report: aReport(report) },
    vmNames: Object.fromEntries(moves.map(({ vm }) => [vm, vm])),
    seconds: seconds(0.02),
  };
}

export function aResult(outcome: Outcome, options: Partial<MoveResult> = {}): MoveResult {
  const hasMoved = outcome === 'succeeded';
  return {
    outcome,
    at: TEST_NOW,
    detail: hasMoved ? '' : 'the world is hard',
    seconds: hasMoved ? seconds(20) : undefined,
    downtimeSeconds: hasMoved ? seconds(0.05) : undefined,
    bytes: hasMoved ? bytes(4e9) : undefined,
    ...options,
  };
}

export function aProgress(
  done: number,
  options: Partial<EventMap['move-progress']['progress']> = {},
): EventMap['move-progress']['progress'] {
  return {
    phase: 'pre-copy',
    elapsedSeconds: seconds(5),
    done: ratio(done),
    bytesSent: bytes(done * 4e9),
    bytesRemaining: bytes((1 - done) * 4e9),
    dirtyRate: undefined,
    bandwidth: 1e9,
    iteration: undefined,
    ...options,
  };
}

export function aSourceStatus(state: SourceStatus['state'], detail = ''): SourceStatus {
  return {
    source: sourceId('lab'),
    state,
    lastAnswerAt: epochSeconds(TEST_NOW),
    consecutiveFailures: state === 'up' ? 0 : 3,
    detail,
  };
}

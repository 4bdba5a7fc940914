// Role: VMs that Drover stands on, in plans for fleets of every kind: whatever the plan is about,
// they come last, alone, by pre-copy, only where they have to, and nothing waits for them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { Move } from '../../src/domain/plan.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import { planRequests, tightRequests } from '../support/random-fleet.ts';
import { withOwn } from '../support/random-own.ts';

const RUNS = { numRuns: 400 };
/** Few of these fleets make an own VM move: of 400 once only 18 did. */
const MORE_RUNS = { numRuns: 1000 };

const KINDS = [
  ['fleets of every kind', planRequests()],
  ['healthy fleets', planRequests(false)],
  ['fleets with little room', tightRequests()],
] as const;

interface Planned {
  readonly request: PlanRequest;
  readonly moves: readonly Move[];
  readonly own: readonly Move[];
}

function planned(request: PlanRequest): Planned {
  const ids = new Set(request.snapshot.vms.flatMap(({ id, own }) => (own ? id : [])));
  const { moves } = plan(request).plan;
  return { request, moves, own: moves.filter(({ vm }) => ids.has(vm)) };
}

function mends(rule: string, { effects = [] }: Move['reason']): boolean {
  return effects.some((one) => one.term === 'rule' && one.rule === rule && one.after < one.before);
}

describe.each(KINDS)('own VMs in %s', (_kind, requests) => {
  it('move last, one at a time, alone and by pre-copy', { timeout: 120_000 }, () => {
    let moved = 0;
    fc.assert(
      fc.property(withOwn(requests), (request) => {
        const { moves, own } = planned(request);
        moved += own.length;
        expect(moves.slice(moves.length - own.length)).toEqual(own);
        for (const move of own) {
          expect([move.method, move.alone]).toEqual(['pre-copy', true]);
          const start = move.predicted.startSeconds;
          for (const other of moves.slice(0, moves.indexOf(move))) {
            const end = other.predicted.startSeconds + other.predicted.seconds;
            expect(end).toBeLessThanOrEqual(start + 1e-6);
          }
        }
        expect(moves.filter(({ alone }) => alone === true)).toEqual(own);
      }),
      MORE_RUNS,
    );
    // A plan without any would prove nothing.
    expect(moved).toBeGreaterThan(20);
  });

  it('make plans that pass the checker', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withOwn(requests), (request) => {
        const { snapshot, limits, migration } = request;
        expect([...check({ snapshot, plan: plan(request).plan, limits, migration })]).toEqual([]);
      }),
      RUNS,
    );
  });

  it('move only off hosts that are emptied, or for a hard rule', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withOwn(requests), (request) => {
        const { own } = planned(request);
        const hosts = new Set(
          request.findings.flatMap(({ response, subject }) =>
            response === 'evacuate' && subject.kind === 'host' ? subject.host : [],
          ),
        );
        const repairs = request.findings.filter(({ response }) => response === 'repair');
        for (const { from, reason } of own) {
          // What it repairs may also be in somebody's way, and moves for their sake, earlier.
          const isRepair = repairs.some(
            ({ id, trigger }) =>
              id === reason.finding ||
              (trigger.kind === 'placement' && mends(trigger.rule, reason)),
          );
          expect(hosts.has(from) || isRepair).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it('do not move while the controller in them acts', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withOwn(requests), (request) => {
        const acting = new Map(request.snapshot.vms.map(({ id, own }) => [id, own?.acting]));
        const mayGo = request.migration.ownWithoutStandby === 'move' ? ['alone'] : [];
        for (const { vm } of planned(request).own) {
          expect([undefined, ...mayGo]).toContain(acting.get(vm));
        }
      }),
      RUNS,
    );
  });
});

// Role: soft rules and the other goals, on random fleets, mostly where all rules are soft: they do
// not undo each other's work, and nothing is moved that is not worth it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import { aFinding } from '../support/fleet.ts';
import { carriedOut } from '../support/carried-out.ts';
import { planRequests } from '../support/random-fleet.ts';

const RUNS = { numRuns: 300 };
const LONG = { timeout: 120_000 };

const softly = planRequests(false).map((request): PlanRequest => {
  const placement = request.snapshot.placement.map((rule) => ({
    ...rule,
    strength: 'soft' as const,
  }));
  const findings = request.findings.map((finding) =>
    finding.response === 'repair' ? { ...finding, tier: 'optional' as const } : finding,
  );
  return { ...request, findings, snapshot: { ...request.snapshot, placement } };
});

function only(request: PlanRequest, ...responses: readonly string[]): PlanRequest {
  const findings = request.findings.filter(({ response }) => responses.includes(response));
  return { ...request, findings };
}

describe('with soft rules', () => {
  it('mending, relief and levelling come to rest together', LONG, () => {
    fc.assert(
      fc.property(softly, (request) => {
        let now = { ...request, findings: [...request.findings, aFinding('level')] };
        for (let round = 0; round < 12; round += 1) {
          const { moves } = plan(now).plan;
          if (moves.length === 0) return;
          now = { ...now, snapshot: carriedOut(now, moves) };
        }
        expect(plan(now).plan.moves).toEqual([]);
      }),
      RUNS,
    );
  });

  it('and hard ones, all goals come to rest, and no placement comes twice', LONG, () => {
    fc.assert(
      fc.property(planRequests(false), (request) => {
        const seen = new Set<string>();
        let now = { ...request, findings: [...request.findings, aFinding('level')] };
        for (let round = 0; round < 16; round += 1) {
          const { moves } = plan(now).plan;
          if (moves.length === 0) return;
          const placement = now.snapshot.vms.map(({ id, host }) => `${id} ${host}`).join();
          expect(seen.has(placement)).toBe(false);
          seen.add(placement);
          now = { ...now, snapshot: carriedOut(now, moves) };
        }
        expect(plan(now).plan.moves).toEqual([]);
      }),
      RUNS,
    );
  });

  it('mending lowers the objective by more than it costs, or moves nothing', LONG, () => {
    fc.assert(
      fc.property(softly, (request) => {
        const { objective, moves } = plan(only(request, 'repair')).plan;
        const { softRules, moveCost } = objective.terms;
        if (moves.length === 0) return;
        const spent = (moveCost?.after ?? 0) * request.limits.gainMargin;
        expect(objective.after + spent).toBeLessThan(objective.before);
        expect(softRules?.after).toBeLessThan(softRules?.before ?? 0);
      }),
      RUNS,
    );
  });

  it('levelling leaves no more VMs against them than there were', LONG, () => {
    fc.assert(
      fc.property(softly, (request) => {
        const findings = [aFinding('level')];
        const { softRules } = plan({ ...request, findings }).plan.objective.terms;
        expect(softRules?.after).toBeLessThanOrEqual(softRules?.before ?? 0);
      }),
      RUNS,
    );
  });

  it('relief breaks one only for more than it weighs', LONG, () => {
    fc.assert(
      fc.property(softly, (request) => {
        const { objective } = plan(only(request, 'relieve')).plan;
        const { softRules, overload, imbalance } = objective.terms;
        const change = (term: typeof softRules): number => (term?.after ?? 0) - (term?.before ?? 0);
        if (change(softRules) <= 0) return;
        expect(change(softRules) + change(overload) + change(imbalance)).toBeLessThan(0);
      }),
      RUNS,
    );
  });
});

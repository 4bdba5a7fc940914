// Role: what a decision was planned from survives being kept: packed, unpacked and planned again,
// the plan is the same to the byte, whatever the fleet; and a change of any of it does not pass
// for the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { packInputs } from '../../src/app/plan-inputs.ts';
import { planAndCheck, type PlanJob } from '../../src/app/plan-job.ts';
import { replay } from '../../src/app/replay.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { hostId, vmId } from '../../src/domain/ids.ts';
import type { Learned } from '../../src/plan/learned.ts';
import { someWeights } from '../support/fleet.ts';
import { planRequests } from '../support/random-fleet.ts';

const LEARNED: Learned = {
  setupSeconds: 1.5,
  bandwidth: {
    fleet: 0.8,
    from: new Map([[hostId('h0'), 0.3]]),
    to: new Map(),
    pairs: new Map(),
  },
  resentShare: 0.5,
  contention: 0.1,
  guests: new Map([[vmId('v1'), { dirtyRate: 1e7, sentShare: 0.4, weight: 2 }]]),
};

const jobs: fc.Arbitrary<PlanJob> = fc
  .tuple(planRequests(), fc.boolean())
  .map(([request, hasLearned]) => {
    const { shouldStop: _none, ...job } = request;
    return {
      ...job,
      weights: request.weights ?? someWeights(),
      ...(hasLearned && { learned: LEARNED }),
    };
  });

describe('a decision that was kept', () => {
  it('is planned again to the byte', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const { result } = planAndCheck(job);
        const recorded = JSON.parse(JSON.stringify(result)) as typeof result;
        const again = replay(recorded, packInputs(job));
        expect(again.differences).toEqual([]);
        expect([again.same, again.reasons]).toEqual([true, []]);
        expect(again.bytes.replayed).toBe(again.bytes.recorded);
      }),
      { numRuns: 100 },
    );
  });

  it('differs where the moment it was made at is another one, and says where', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const { result } = planAndCheck(job);
        const takenAt = epochSeconds(job.snapshot.takenAt + 1);
        const other = { ...job, snapshot: { ...job.snapshot, takenAt } };
        const again = replay(result, packInputs(other));
        expect(again.same).toBe(false);
        expect(again.differences.map(({ path }) => path)).toContain('plan.id');
      }),
      { numRuns: 20 },
    );
  });
});

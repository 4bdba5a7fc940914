// Role: what `drover plan --json` prints is what its schema says.
import { describe, expect, it } from 'vitest';

import { formatPlanOutput, planOutputSchema } from '../../../src/config/plan-output.ts';
import { findingId, hostId, vmId } from '../../../src/domain/ids.ts';
import type { PlanResult } from '../../../src/domain/plan.ts';
import { seconds } from '../../../src/domain/units.ts';
import { aMove, aPlan } from '../../support/plans.ts';

const RESULT: PlanResult = {
  plan: aPlan([aMove({ dependsOn: ['m0'] })]),
  report: {
    refusals: { memory: 3 },
    unresolved: [
      {
        subject: { kind: 'host', host: hostId('h1') },
        finding: findingId('f1'),
        code: 'cpu',
        detail: 'nowhere to go',
        pairs: [],
      },
      {
        subject: { kind: 'vm', vm: vmId('v9') },
        finding: undefined,
        code: 'locked',
        detail: '',
        pairs: [],
      },
    ],
    notes: ['a note'],
    stats: { hosts: 2, vms: 3, evaluatedMoves: 4, seed: 5, stepsGranted: 6, stepsUsed: 7 },
  },
};

describe('plan output', () => {
  const output = formatPlanOutput(RESULT, seconds(1.5));

  it('has the documented form, also after a trip through JSON', () => {
    expect(planOutputSchema.parse(JSON.parse(JSON.stringify(output)))).toEqual(output);
  });

  it('tells rules that were not looked at from rules that are in order', () => {
    expect(Object.keys(output)).not.toContain('contradictions');
    const looked = { ...RESULT, report: { ...RESULT.report, contradictions: [] } };
    expect(formatPlanOutput(looked).contradictions).toEqual([]);
  });

  it('says all there is to say', () => {
    expect(output.moves[0]).toMatchObject({ id: 'm1', vm: 'v1', dependsOn: ['m0'] });
    expect(output.unresolved).toEqual([
      { host: 'h1', code: 'cpu', detail: 'nowhere to go' },
      { vm: 'v9', code: 'locked', detail: '' },
    ]);
    expect(output.stats).toEqual({ hosts: 2, vms: 3, seconds: 1.5, evaluatedMoves: 4, seed: 5 });
  });
});

// Role: who stands against the rules that a plan repairs, however few of them it has moves for.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, ruleId, vmId } from '../../../src/domain/ids.ts';
import type { AvoidRule } from '../../../src/domain/placement.ts';
import { breaches, breachFinding } from '../../../src/rules/placement-findings.ts';
import { standingAgainst } from '../../../src/rules/standing-against.ts';
import { aHost, aSnapshot, aVm, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aMove } from '../../support/ledger-records.ts';

const NAMES = Array.from({ length: 30 }, (_, at) => `v${String(at).padStart(2, '0')}`);
const limits = someLimits({});

function away(id: string, from: string, vms: readonly string[]): AvoidRule {
  const hosts = [hostId(from)];
  const base = { id: ruleId(id), kind: 'avoid', strength: 'hard', hold: 'always' } as const;
  return { ...base, origin: 'policy', vms: vms.map(vmId), hosts };
}

describe('who stands against the rules that a plan repairs', () => {
  const snapshot = aSnapshot({
    hosts: ['h1', 'h2'].map((id) => aHost({ id })),
    vms: NAMES.map((id) => aVm({ id, host: 'h1' })),
    placement: [
      away('many', 'h1', NAMES),
      away('few', 'h1', NAMES.slice(0, 3)),
      away('kept', 'h2', NAMES),
    ],
  });
  const findings = breaches(snapshot, limits).broken.map((one) => breachFinding(one, TEST_NOW));

  function standing(
    ...moves: readonly (readonly [rule: string, tier: 'corrective' | 'optional'])[]
  ) {
    const asked = moves.map(([rule, tier], at) => {
      const finding = findings.find(({ trigger }) => 'rule' in trigger && trigger.rule === rule);
      if (finding === undefined) throw new Error(`${rule} is not broken`);
      const reason = { finding: finding.id, text: '', effects: [] };
      const base = aMove({ id: moveId(`m${at}`), vm: vmId('v00'), tier });
      return { ...base, reason: { ...base.reason, ...reason } };
    });
    return [...standingAgainst({ moves: asked }, findings, snapshot, limits)];
  }

  it('is everybody of a rule of which one is moved, also beyond what a finding shows', () => {
    expect(standing(['many', 'corrective'])).toEqual(NAMES);
    expect(standing(['few', 'corrective'])).toEqual(NAMES.slice(0, 3));
    expect(standing(['few', 'corrective'], ['many', 'corrective'])).toHaveLength(30);
  });

  it('is nobody of a rule that this plan does not repair', () => {
    expect(standing()).toEqual([]);
    expect(standing(['many', 'optional'])).toEqual([]);
  });
});

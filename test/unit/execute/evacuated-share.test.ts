// Role: which moves take a part of the share of a cluster that may be evacuated at once: those that
// empty a host, and not those that make room for them or mend a rule.
import { describe, expect, it } from 'vitest';

import type { Finding } from '../../../src/domain/finding.ts';
import { findingId, moveId, planId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { HostState } from '../../../src/domain/host.ts';
import { ratio } from '../../../src/domain/units.ts';
import { hostsBeyondShare } from '../../../src/execute/evacuated-share.ts';
import { gate } from '../../../src/execute/gate.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';

const EMPTY_H1 = aFinding('evacuate', { host: 'h1' });
const EMPTY_H2 = aFinding('evacuate', { host: 'h2' });
const MEND = aFinding('repair', { vm: 'vm of h2', tier: 'mandatory' });

/** A mandatory move, and the finding that is its reason. */
function away(from: string, { id }: Pick<Finding, 'id'>): Move {
  const reason = { finding: id, text: 'test', evidence: [], terms: {} };
  return aMove({
    id: `off ${from}`,
    vm: `vm of ${from}`,
    from,
    to: 'h4',
    tier: 'mandatory',
    reason,
  });
}

/** Of four hosts, one may be evacuated at once. */
function beyond(moves: readonly Move[], findings: readonly Finding[], h1: HostState = 'healthy') {
  const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) =>
    aHost({ id, state: id === 'h1' ? h1 : 'healthy' }),
  );
  const objective = { before: 1, after: 0, terms: {} };
  const held = hostsBeyondShare({
    plan: { id: planId('p1'), snapshotAt: TEST_NOW, moves, objective },
    snapshot: aSnapshot({ hosts }),
    findings,
    share: ratio(0.25),
    refused: new Set(),
  });
  return [...held.keys()];
}

describe('the share of a cluster that is evacuated at once', () => {
  it('does not hold back what makes room for the host that is being emptied', () => {
    const moves = [away('h2', EMPTY_H1), away('h1', EMPTY_H1)];
    expect(beyond(moves, [EMPTY_H1], 'evacuating')).toEqual([]);
  });

  it('is not used up by what makes room for the first host', () => {
    const moves = [away('h2', EMPTY_H1), away('h1', EMPTY_H1)];
    expect(beyond(moves, [EMPTY_H1])).toEqual([]);
  });

  it('does not hold back what mends a rule', () => {
    expect(beyond([away('h2', MEND)], [EMPTY_H1, MEND], 'evacuating')).toEqual([]);
  });

  it('does not hold back what relieves a host', () => {
    const relief = aFinding('relieve', { host: 'h2', tier: 'mandatory' });
    expect(beyond([away('h2', relief)], [EMPTY_H1, relief], 'evacuating')).toEqual([]);
  });

  it('holds back a host that is to be emptied, whatever the reason of the move', () => {
    const findings = [EMPTY_H1, EMPTY_H2];
    expect(beyond([away('h2', EMPTY_H2)], findings, 'evacuating')).toEqual(['h2']);
    expect(beyond([away('h2', EMPTY_H1)], findings, 'evacuating')).toEqual(['h2']);
  });

  it('holds back what nobody knows the reason of', () => {
    const unknown = { id: findingId('gone') };
    expect(beyond([away('h2', unknown)], [EMPTY_H1], 'evacuating')).toEqual(['h2']);
  });
});

describe('a host that has to wait for its evacuation', () => {
  it('is eased meanwhile like any other', () => {
    const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id }));
    const relief = { ...away('h2', EMPTY_H2), id: moveId('relief'), vm: vmId('hot one') };
    const optional: Move = { ...relief, tier: 'optional' };
    const moves = [away('h1', EMPTY_H1), away('h2', EMPTY_H2), optional];
    const vms = moves.map(({ vm, from }) => aVm({ id: vm, host: from }));
    const policies = aPolicy();
    const verdicts = gate({
      plan: {
        id: planId('p1'),
        snapshotAt: TEST_NOW,
        moves,
        objective: { before: 1, after: 0, terms: {} },
      },
      snapshot: aSnapshot({ hosts, vms }),
      findings: [EMPTY_H1, EMPTY_H2],
      policies: { ...policies, limits: { ...policies.limits, evacuatedShare: ratio(0.25) } },
      now: TEST_NOW,
      paused: false,
      counters: { movesLastHour: 0, movesLastDay: new Map() },
      approvals: [],
    });
    expect(verdicts.map(({ refusals }) => refusals.map(({ code }) => code).join())).toEqual([
      '',
      'evacuated-share',
      '',
    ]);
  });
});

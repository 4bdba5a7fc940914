// Role: what the gate holds against the start of a VM elsewhere: moves that came to nothing since
// its host died, and not those of the time before.
import { describe, expect, it } from 'vitest';

import { hostId, planId, vmId } from '../../../src/domain/ids.ts';
import type { MoveMethod } from '../../../src/domain/plan.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { gate } from '../../../src/execute/gate.ts';
import {
  aFailure,
  aFinding,
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  TEST_NOW,
} from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';

/** h1 has been dead for 20 s. */
const DEAD_FOR = 20;
const FAILURE = { ...aFailure(), since: epochSeconds(TEST_NOW - DEAD_FOR) };

/** The codes of what the gate holds against a move of v1 whose last one came to nothing. */
function heldAgainst(method: MoveMethod, troubleAgo: number): readonly string[] {
  const h1 = { ...aHost({ id: 'h1' }), failure: FAILURE };
  const troubles = new Map([
    [vmId('v1'), { count: 1, lastAt: epochSeconds(TEST_NOW - troubleAgo) }],
  ]);
  const move = aMove({ vm: 'v1', from: 'h1', to: 'h2', method, tier: 'mandatory' });
  const objective = { before: 1, after: 0, terms: {} };
  const [verdict] = gate({
    plan: { id: planId('p1'), snapshotAt: TEST_NOW, moves: [move], objective },
    snapshot: aSnapshot({ hosts: [h1, aHost({ id: 'h2' })], vms: [aVm({ id: 'v1', host: 'h1' })] }),
    findings: [aFinding('restart', { host: hostId('h1') })],
    policies: aPolicy(),
    now: TEST_NOW,
    paused: false,
    counters: { movesLastHour: 0, movesLastDay: new Map(), troubles },
    approvals: [],
  });
  return verdict?.verdict === 'refused' ? verdict.refusals.map(({ code }) => code) : [];
}

describe('the start of a VM whose host is dead', () => {
  it('does not wait for what came to nothing while the host lived', () => {
    expect(heldAgainst('restart', DEAD_FOR + 1)).not.toContain('cool-down');
  });

  it('waits where it was itself what came to nothing', () => {
    expect(heldAgainst('restart', DEAD_FOR - 1)).toContain('cool-down');
  });

  it('is not taken for another move of the VM', () => {
    expect(heldAgainst('pre-copy', DEAD_FOR + 1)).toContain('cool-down');
  });
});

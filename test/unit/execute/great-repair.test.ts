// Role: a repair that is about many VMs at once is not begun before somebody has said yes.
import { describe, expect, it } from 'vitest';

import { askedMove, termFrom } from '../../../src/domain/approval.ts';
import type { Tier } from '../../../src/domain/finding.ts';
import { findingId, hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Mode } from '../../../src/domain/policy.ts';
import { gate } from '../../../src/execute/gate.ts';
import { planOf } from '../../support/execution-bench.ts';
import { aHost, aPolicy, aSnapshot, aVm, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aMove } from '../../support/ledger-records.ts';

const VMS = ['v1', 'v2', 'v3', 'v4', 'v5'];
const snapshot = aSnapshot({
  hosts: ['h1', 'h2'].map((id) => aHost({ id })),
  vms: VMS.map((id) => aVm({ id, host: 'h1' })),
});

function moves(tiers: readonly Tier[], vms = VMS): readonly Move[] {
  return tiers.map((tier, index) =>
    aMove({ id: moveId(`${tier}${index}`), vm: vmId(vms[index] ?? ''), tier }),
  );
}

/** Two may go unasked. */
function verdicts(
  asked: readonly Move[],
  approved: readonly Move[] = [],
  mode: Mode = 'automatic',
  repaired: readonly string[] = [],
) {
  const answers = gate({
    plan: planOf(asked),
    snapshot,
    findings: [],
    policies: aPolicy({
      limits: someLimits({ repairsUnasked: 2 }),
      mode: { default: mode, clusters: {}, approve: ['optional'] },
    }),
    now: TEST_NOW,
    paused: false,
    counters: { movesLastHour: 0, movesLastDay: new Map(), repaired: new Set(repaired.map(vmId)) },
    approvals: approved.map((move) => {
      return { move: askedMove(move), by: 'ben', ...termFrom(TEST_NOW) };
    }),
  });
  return answers.map(({ verdict }) => verdict);
}

const THREE = moves(['corrective', 'corrective', 'corrective']);

describe('a plan that repairs rules', () => {
  it('is begun unasked where it is about few VMs, however often it moves them', () => {
    expect(verdicts(THREE.slice(1))).toEqual(['execute', 'execute']);
    const twice = moves(['corrective', 'corrective', 'corrective'], ['v1', 'v2', 'v2']);
    expect(verdicts(twice)).not.toContain('needs-approval');
  });

  it('asks for each of its moves where it is about more, and runs what is approved', () => {
    expect(verdicts(THREE)).toEqual(Array(3).fill('needs-approval'));
    const [first] = THREE;
    const approved = first === undefined ? [] : [first];
    expect(verdicts(THREE, approved)).toEqual(['execute', 'needs-approval', 'needs-approval']);
  });

  it('asks also where mode approve would not', () => {
    expect(verdicts(THREE, [], 'approve')).toEqual(Array(3).fill('needs-approval'));
    expect(verdicts(THREE, [], 'observe')).toEqual(Array(3).fill('would-execute'));
  });

  it('counts whom rules have moved within the hour, and nobody twice', () => {
    const two = THREE.slice(1);
    expect(verdicts(two, [], 'automatic', ['v1'])).toEqual(Array(2).fill('needs-approval'));
    expect(verdicts(two, [], 'automatic', ['v2', 'v3'])).toEqual(['execute', 'execute']);
    const others = moves(['mandatory', 'optional']);
    expect(verdicts(others, [], 'automatic', VMS)).toEqual(['execute', 'execute']);
  });

  it('takes the yes for the VM, wherever it goes by then, and for that finding alone', () => {
    const elsewhere = THREE.map((move) => ({ ...move, to: hostId('h3') }));
    expect(verdicts(THREE, elsewhere)).toEqual(Array(3).fill('execute'));
    expect(verdicts(THREE, elsewhere, 'approve')).toEqual(Array(3).fill('execute'));
    const others = THREE.map((move) => {
      return { ...move, reason: { ...move.reason, finding: findingId('another') } };
    });
    expect(verdicts(THREE, others)).toEqual(Array(3).fill('needs-approval'));
  });

  it('counts and asks for nothing else', () => {
    expect(verdicts(moves(['mandatory', 'mandatory', 'mandatory']))).toEqual(
      Array(3).fill('execute'),
    );
    const few = moves(['mandatory', 'mandatory', 'corrective', 'optional']);
    expect(verdicts(few)).toEqual(Array(4).fill('execute'));
    const others = moves(['mandatory', 'optional'], ['v4', 'v5']);
    expect(verdicts([...others, ...THREE])).toEqual([
      ...Array(2).fill('execute'),
      ...Array(3).fill('needs-approval'),
    ]);
  });
});

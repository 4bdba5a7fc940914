// Role: a repair that is about many VMs at once is not begun before somebody has said yes.
import { describe, expect, it } from 'vitest';

import { askedMove, termFrom } from '../../../src/domain/approval.ts';
import type { Tier } from '../../../src/domain/finding.ts';
import { findingId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Decision, GateVerdict } from '../../../src/domain/journal.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Mode } from '../../../src/domain/policy.ts';
import { gate } from '../../../src/execute/gate.ts';
import { AskedRepairs, withAsked } from '../../../src/execute/great-repair.ts';
import { planOf } from '../../support/execution-bench.ts';
import { aHost, aPolicy, aSnapshot, aVm, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aDecision, aMove } from '../../support/ledger-records.ts';

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

interface Before {
  readonly repaired?: readonly string[];
  /** Findings. */
  readonly about?: readonly string[];
}

/** Two may go unasked. */
function verdicts(
  asked: readonly Move[],
  approved: readonly Move[] = [],
  mode: Mode = 'automatic',
  { repaired = [], about = [] }: Before = {},
) {
  const answers = gate({
    plan: planOf(asked),
    snapshot,
    findings: [],
    policies: aPolicy({
      limits: someLimits({ repairsUnasked: 2 }),
      mode: { default: mode, clusters: {}, approve: ['optional'] },
    }),
    askedAbout: new Set(about.map(findingId)),
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
    expect(verdicts(two, [], 'automatic', { repaired: ['v1'] })).toEqual(
      Array(2).fill('needs-approval'),
    );
    expect(verdicts(two, [], 'automatic', { repaired: ['v2', 'v3'] })).toEqual([
      'execute',
      'execute',
    ]);
    const others = moves(['mandatory', 'optional']);
    expect(verdicts(others, [], 'automatic', { repaired: VMS })).toEqual(['execute', 'execute']);
  });

  it('goes on asking about what was asked about, however small the plan', () => {
    const [one] = moves(['corrective']);
    if (one === undefined) throw new Error('no move');
    const about = [one.reason.finding];
    expect(verdicts([one], [], 'automatic', { about })).toEqual(['needs-approval']);
    expect(verdicts([one], [one], 'automatic', { about })).toEqual(['execute']);
    expect(verdicts([one], [], 'automatic', { about: ['another'] })).toEqual(['execute']);
    const others = moves(['mandatory', 'optional']);
    expect(verdicts(others, [], 'automatic', { about })).toEqual(['execute', 'execute']);
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

describe('what earlier lives have asked about', () => {
  const decision = (verdict: GateVerdict['verdict'], mode: Mode, by?: string) => {
    const plan = planOf(THREE);
    const gateOf = ({ id }: Move): GateVerdict => ({ move: id, mode, verdict, refusals: [] });
    const before = aDecision('p1', 0);
    return { ...before, result: { ...before.result, plan }, gate: THREE.map(gateOf), by };
  };
  const aboutOf = async (one: Decision): Promise<readonly string[]> => {
    const asked = new AskedRepairs();
    await asked.load({ decisions: async () => [one] });
    return [...asked.about];
  };

  it('is asked about still, but for what a mode or a person’s plan has asked', async () => {
    const about = [...new Set(THREE.map(({ reason }) => reason.finding))];
    expect(await aboutOf(decision('needs-approval', 'automatic'))).toEqual(about);
    expect(await aboutOf(decision('needs-approval', 'approve'))).toEqual([]);
    expect(await aboutOf(decision('needs-approval', 'automatic', 'ada'))).toEqual([]);
    expect(await aboutOf(decision('execute', 'automatic'))).toEqual([]);
  });

  it('is read once, and anew after a take-over', async () => {
    const asked = new AskedRepairs();
    let reads = 0;
    const ledger = { decisions: async () => ((reads += 1), []) };
    await asked.load(ledger);
    await asked.load(ledger);
    expect(reads).toBe(1);
    asked.tookOver();
    await asked.load(ledger);
    expect(reads).toBe(2);
  });

  it('is added to what this one has asked about, also where both come at once', async () => {
    const asked = new AskedRepairs();
    await asked.load({ decisions: async () => [] });
    const [first] = THREE;
    if (first === undefined) throw new Error('no move');
    const { finding } = first.reason;
    const other = decision('needs-approval', 'automatic');
    asked.note([first], true, [{ id: finding }]);
    asked.tookOver();
    asked.note([], false, [{ id: finding }]);
    await asked.load({ decisions: async () => [] });
    expect([...asked.about]).toEqual([finding]);
    asked.tookOver();
    await asked.load({ decisions: async () => [other] });
    expect(asked.about.size).toBe(new Set(THREE.map(({ reason }) => reason.finding)).size);
  });
});

describe('a repair that was asked about', () => {
  const [one] = moves(['corrective']);
  const finding = { id: one?.reason.finding ?? findingId('') };

  it('is known until its finding is over, and only where its plan was great', () => {
    const asked = new AskedRepairs();
    asked.note(moves(['corrective']), false, [finding]);
    expect([...asked.about]).toEqual([]);
    asked.note(moves(['corrective']), true, [finding]);
    asked.note([], false, [finding]);
    expect([...asked.about]).toEqual([finding.id]);
    asked.note([], false, []);
    expect([...asked.about]).toEqual([]);
  });

  it('marks those that a person has said yes to, for the ledger', () => {
    const plan = planOf(THREE);
    const said = THREE.map(({ id }, at) => {
      const base = { move: id, verdict: 'execute', mode: 'automatic', refusals: [] } as const;
      return at === 1 ? ({ ...base, asked: true } as const) : base;
    });
    expect(withAsked(plan, said).moves.map((move) => move.asked)).toEqual([
      undefined,
      true,
      undefined,
    ]);
    expect(withAsked(plan, said.slice(0, 1))).toBe(plan);
  });
});

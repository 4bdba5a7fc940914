// Role: what the gate makes of approvals: the very move runs, and every guard still comes first.
import { describe, expect, it } from 'vitest';

import {
  type Approval,
  type AskedMove,
  askedMove,
  termFrom,
} from '../../../src/domain/approval.ts';
import { TIERS } from '../../../src/domain/finding.ts';
import { findingId, hostId, vmId } from '../../../src/domain/ids.ts';
import type { Mode } from '../../../src/domain/policy.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { gate, type GateRequest } from '../../../src/execute/gate.ts';
import { move, planOf } from '../../support/execution-bench.ts';
import { aHost, aPolicy, aSnapshot, aVm, someLimits, TEST_NOW } from '../../support/fleet.ts';

const one = move('1', 'h1', 'h2');
const snapshot = aSnapshot({
  hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id })),
  vms: [aVm({ id: 'v1', host: 'h1' })],
});
const counters = { movesLastHour: 0, movesLastDay: new Map() };

function inMode(
  mode: Mode,
  limits: Parameters<typeof someLimits>[0] = {},
): GateRequest['policies'] {
  const modes = { default: mode, clusters: {}, approve: TIERS } as const;
  return aPolicy({ mode: modes, limits: someLimits(limits) });
}

/** What the gate says of the move `one`, in each tier. */
function verdicts(options: Partial<GateRequest>): readonly string[] {
  return TIERS.map((tier) => {
    const [verdict] = gate({
      plan: planOf([{ ...one, tier }]),
      snapshot,
      findings: [],
      policies: inMode('approve'),
      now: TEST_NOW,
      paused: false,
      counters,
      approvals: [yes()],
      ...options,
    });
    const codes = verdict?.refusals.map(({ code }) => code) ?? [];
    return codes.length > 0 ? codes.join(' ') : (verdict?.verdict ?? 'none');
  });
}

function yes(other: Partial<AskedMove> = {}): Approval {
  const term = termFrom(epochSeconds(TEST_NOW - 60));
  return { move: { ...askedMove(one), ...other }, by: 'ben', ...term };
}

function all(answer: string): readonly string[] {
  return TIERS.map(() => answer);
}

describe('an approval', () => {
  it('lets its move run, except where Drover only observes', () => {
    expect(verdicts({})).toEqual(all('execute'));
    expect(verdicts({ policies: inMode('observe') })).toEqual(all('would-execute'));
    expect(verdicts({ approvals: [] })).toEqual(all('needs-approval'));
  });

  it.each<[string, Approval]>([
    ['another VM', yes({ vm: vmId('v2') })],
    ['another source', yes({ from: hostId('h3') })],
    ['another target', yes({ to: hostId('h3') })],
    ['another method', yes({ method: 'cold' })],
    ['another reason', yes({ finding: findingId('f2') })],
    ['a time that is over', { ...yes(), expiresAt: TEST_NOW }],
    ['a clock that was set back since', { ...yes(), at: epochSeconds(TEST_NOW + 1) }],
  ])('for %s counts for nothing', (_what, approval) => {
    expect(verdicts({ approvals: [approval] })).toEqual(all('needs-approval'));
  });

  it('comes after every guard', () => {
    const always = { name: 'all day', zone: 'UTC', days: [5], startMinute: 0, endMinute: 0 };
    const blackout = inMode('approve', { blackouts: [always] });
    expect(verdicts({ policies: blackout })).toEqual(['execute', 'window', 'window']);
    const budget = inMode('approve', { budgets: { movesPerHour: 0, movesPerVmPerDay: 9 } });
    expect(verdicts({ policies: budget })).toEqual(['execute', 'budget', 'budget']);
    expect(verdicts({ paused: true })).toEqual(all('paused'));
    const troubles = new Map([[vmId('v1'), { count: 1, lastAt: TEST_NOW }]]);
    expect(verdicts({ counters: { ...counters, troubles } })).toEqual(all('cool-down'));
  });
});

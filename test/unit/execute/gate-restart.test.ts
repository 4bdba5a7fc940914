// Role: what the gate holds against the start of a VM elsewhere: moves that came to nothing since
// its host died, and neither those of the time before nor that other hosts died with it.
import { describe, expect, it } from 'vitest';

import { hostId, planId, vmId } from '../../../src/domain/ids.ts';
import type { Breaker, BreakerSubject } from '../../../src/domain/breaker.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import type { HostFailureState } from '../../../src/domain/host-failure.ts';
import type { MoveMethod } from '../../../src/domain/plan.ts';
import { epochSeconds, ratio } from '../../../src/domain/units.ts';
import { gate } from '../../../src/execute/gate.ts';
import {
  aFailure,
  aFinding,
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  someLimits,
  TEST_NOW,
} from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';

/** h1 has been dead for 20 s. */
const DEAD_FOR = 20;
const FAILURE = { ...aFailure(), since: epochSeconds(TEST_NOW - DEAD_FOR) };

interface Case {
  readonly method: MoveMethod;
  /** When the last move of v1 came to nothing; undefined: none did. */
  readonly troubleAgo?: number;
  readonly findings?: readonly Finding[];
  /** h1, from which v1 is to go, and its five fellows. */
  readonly states?: Readonly<Record<string, HostFailureState>>;
  readonly breakers?: readonly Breaker[];
}

/** The codes of what the gate holds against a move of v1 from h1 to h6. */
function heldAgainst(about: Case): readonly string[] {
  const { method, troubleAgo, findings = [], states = { h1: 'dead' }, breakers = [] } = about;
  const hosts = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((id) => {
    const state = states[id];
    const failure = { ...aFailure(state), since: FAILURE.since };
    return state === undefined ? aHost({ id }) : { ...aHost({ id }), failure };
  });
  const lastAt = epochSeconds(TEST_NOW - (troubleAgo ?? 0));
  const troubles = new Map(troubleAgo === undefined ? [] : [[vmId('v1'), { count: 1, lastAt }]]);
  const move = aMove({ vm: 'v1', from: 'h1', to: 'h6', method, tier: 'mandatory' });
  const objective = { before: 1, after: 0, terms: {} };
  const [verdict] = gate({
    plan: { id: planId('p1'), snapshotAt: TEST_NOW, moves: [move], objective },
    snapshot: aSnapshot({ hosts, vms: [aVm({ id: 'v1', host: 'h1' })], breakers }),
    findings: [aFinding('restart', { host: hostId('h1') }), ...findings],
    policies: aPolicy({ limits: someLimits({ massFailureShare: ratio(0.3) }) }),
    now: TEST_NOW,
    paused: false,
    counters: { movesLastHour: 0, movesLastDay: new Map(), troubles },
    approvals: [],
  });
  return verdict?.verdict === 'refused' ? verdict.refusals.map(({ code }) => code) : [];
}

/** An alert says so of each, and has ordered it empty. */
function alerts(...hosts: readonly string[]): readonly Finding[] {
  const trigger = { kind: 'alert', alert: 'HostDown' } as const;
  return hosts.map((host) => aFinding('evacuate', { host, trigger }));
}

describe('the start of a VM whose host is dead', () => {
  it('does not wait for what came to nothing while the host lived', () => {
    expect(heldAgainst({ method: 'restart', troubleAgo: DEAD_FOR + 1 })).not.toContain('cool-down');
  });

  it('waits where it was itself what came to nothing', () => {
    expect(heldAgainst({ method: 'restart', troubleAgo: DEAD_FOR - 1 })).toContain('cool-down');
  });

  it('is not taken for another move of the VM', () => {
    expect(heldAgainst({ method: 'pre-copy', troubleAgo: DEAD_FOR + 1 })).toContain('cool-down');
  });

  it('goes on where many hosts fail at once: the power of its own is known to be off', () => {
    const findings = alerts('h2', 'h3');
    expect(heldAgainst({ method: 'restart', findings })).not.toContain('mass-failure');
    expect(heldAgainst({ method: 'pre-copy', findings })).toContain('mass-failure');
  });

  it('does not wait for what is said of the way out of its host: it does not go that way', () => {
    const open = (subject: BreakerSubject): readonly Breaker[] => {
      const until = epochSeconds(TEST_NOW + 60);
      return [{ subject, state: 'open', failures: 3, lastAt: TEST_NOW, until }];
    };
    const out = open({ kind: 'out', host: hostId('h1') });
    const into = open({ kind: 'into', host: hostId('h6') });
    expect(heldAgainst({ method: 'restart', breakers: out })).not.toContain('breaker');
    expect(heldAgainst({ method: 'restart', breakers: into })).toContain('breaker');
    const alive = { method: 'pre-copy', states: {} } as const;
    expect(heldAgainst({ ...alive, breakers: out })).toContain('breaker');
  });
});

describe('a VM that rests after failures', () => {
  const rest = (): readonly Breaker[] => {
    const until = epochSeconds(TEST_NOW + 60);
    const subject = { kind: 'vm', vm: vmId('v1') } as const;
    return [{ subject, state: 'open', failures: 3, lastAt: TEST_NOW, until }];
  };

  it('is judged by the ledger as it is now: somebody may have reset its breaker since', () => {
    const moved = { method: 'pre-copy', states: {}, breakers: rest() } as const;
    expect(heldAgainst(moved)).toEqual([]);
    expect(heldAgainst({ ...moved, troubleAgo: 1 })).toEqual(['cool-down']);
  });
});

describe('hosts that are known to have died', () => {
  const held = (states: NonNullable<Case['states']>, ...alerted: string[]) =>
    heldAgainst({ method: 'pre-copy', findings: alerts(...alerted), states });

  it('are no sign that the monitoring is wrong: the alert about them was right', () => {
    expect(held({ h2: 'dead' }, 'h1', 'h2')).not.toContain('mass-failure');
    expect(held({ h2: 'returned' }, 'h1', 'h2')).not.toContain('mass-failure');
    expect(held({ h2: 'dead' }, 'h1', 'h2', 'h3')).toContain('mass-failure');
    expect(held({ h2: 'suspected-dead' }, 'h1', 'h2')).toContain('mass-failure');
  });
});

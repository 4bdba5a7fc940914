// Role: VMs that rest after failures are told to the planner: the one move that a half-open breaker
// lets through goes to a VM that may go, and the gate grants it.
import { describe, expect, it } from 'vitest';

import { breakerName, breakerText } from '../../../src/domain/breaker.ts';
import { hostId, planId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { BreakerBoard } from '../../../src/execute/breaker-board.ts';
import { gate } from '../../../src/execute/gate.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { plan } from '../../../src/plan/plan.ts';
import type { Setback, Trouble } from '../../../src/ports/ledger.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { request } from '../plan/support.ts';

const HOUR = 3600;
const EMPTY_H1 = aFinding('evacuate', { host: 'h1' });

/** Three moves away from h1 failed long ago: one is let through. */
const FAILED: readonly Setback[] = (['a h2', 'b h2', 'b h3'] as const).map((pair) => {
  const [vm = '', to = ''] = pair.split(' ');
  const at = epochSeconds(TEST_NOW - HOUR);
  return { vm: vmId(vm), from: hostId('h1'), to: hostId(to), source: sourceId('lab'), at };
});

function board(troubles: ReadonlyMap<string, Trouble>, failures = FAILED): BreakerBoard {
  const successes = { vm: new Map(), out: new Map(), into: new Map(), source: new Map() };
  return new BreakerBoard({
    ledger: {
      setbacks: async () => ({ failures, successes, resets: new Map() }),
      troubles: async () => new Map([...troubles].map(([vm, trouble]) => [vmId(vm), trouble])),
      resetBreaker: async () => undefined,
    },
    clock: manualClock(TEST_NOW),
    events: new EventBus(),
    world: () => undefined,
  });
}

/** Of the most important VM of h1: after the eighth it rests for three quarters of an hour. */
function troubled(secondsAgo: number): ReadonlyMap<string, Trouble> {
  return new Map([['a', { count: 8, lastAt: epochSeconds(TEST_NOW - secondsAgo) }]]);
}

async function planned(troubles: ReadonlyMap<string, Trouble>) {
  const breakers = await board(troubles).load();
  const snapshot = aSnapshot({
    hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id })),
    vms: [
      aVm({ id: 'a', host: 'h1', criticality: 'mission-critical' }),
      aVm({ id: 'b', host: 'h1' }),
    ],
    breakers,
  });
  const asked = { ...request({}, [EMPTY_H1]), snapshot };
  const { plan: made, report } = plan(asked);
  const verdicts = gate({
    plan: { ...made, id: planId('p1') },
    snapshot,
    findings: [EMPTY_H1],
    policies: aPolicy(),
    now: TEST_NOW,
    paused: false,
    counters: {
      movesLastHour: 0,
      movesLastDay: new Map(),
      troubles: new Map([...troubles].map(([vm, trouble]) => [vmId(vm), trouble])),
    },
    approvals: [],
  });
  return {
    moves: made.moves.map(({ vm }) => vm),
    verdicts: verdicts.map(({ verdict }) => verdict),
    open: report.unresolved.map(({ subject, code, pairs }) => {
      return { subject, code, details: new Set(pairs.map(({ detail }) => detail)) };
    }),
  };
}

describe('the one move that a half-open breaker lets through', () => {
  it('is not that of a VM which rests', async () => {
    const { moves, verdicts, open } = await planned(troubled(60));
    expect(moves).toEqual(['b']);
    expect(verdicts).not.toContain('refused');
    expect(open).toMatchObject([{ subject: { kind: 'vm', vm: 'a' }, code: 'breaker' }]);
    const [detail] = open[0]?.details ?? [];
    expect(detail).toMatch(/^moves of a: the last 8 moves came to nothing; nothing until /);
    expect(detail).toContain('drover breaker reset vm:a');
  });

  it('is that of the most important, once its rest is over', async () => {
    const { moves, verdicts } = await planned(troubled(2 * HOUR));
    expect(moves).toEqual(['a']);
    expect(verdicts).not.toContain('refused');
  });
});

describe('what the board tells', () => {
  it('has the VMs that rest, until they do not; the executor asks without them', async () => {
    const found = board(troubled(60), []);
    const told = await found.load();
    expect(told.map(({ subject, state }) => `${breakerName(subject)} ${state}`)).toEqual([
      'vm:a open',
    ]);
    expect(found.current()).toEqual([]);
    expect(await board(troubled(2 * HOUR), []).load()).toEqual([]);
  });

  it('does not say that a move failed which somebody has cancelled', async () => {
    const [one] = await board(new Map([['a', { count: 1, lastAt: TEST_NOW }]]), []).load();
    expect(one && breakerText(one)).toMatch(/^moves of a: its last move came to nothing; /);
  });
});

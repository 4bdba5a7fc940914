// Role: what the gate reads from the ledger before it judges.
import { describe, expect, it } from 'vitest';

import { Allowances } from '../../../src/domain/allowances.ts';
import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { gate, readGateCounters } from '../../../src/execute/gate.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { makeBench, move, planOf } from '../../support/execution-bench.ts';
import { aHost, aPolicy, aSnapshot, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aRecord, aResult } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

const DAY = 86_400;

describe('readGateCounters', () => {
  it('counts the last hour of all and the last day of each VM of the plan', async () => {
    const ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(TEST_NOW) });
    const opened = [
      ['a', 'v1', 100],
      ['b', 'v1', 4000],
      ['c', 'v2', 90_000],
      ['d', 'v9', 200],
    ] as const;
    for (const [id, vm, ago] of opened) {
      await ledger.openMove(aRecord(id, vm, TEST_NOW - ago));
      const outcome = id === 'a' ? 'failed' : 'succeeded';
      await ledger.closeMove(moveId(id), aResult({ outcome, at: epochSeconds(TEST_NOW - ago) }));
    }
    const counters = await readGateCounters(
      ledger,
      planOf([move('1', 'h1', 'h2'), move('2', 'h1', 'h2')]),
      TEST_NOW,
    );
    expect(counters.movesLastHour).toBe(2);
    expect([...counters.movesLastDay]).toEqual([
      ['v1', 2],
      ['v2', 0],
    ]);
    expect([...(counters.troubles ?? [])]).toEqual([['v1', { count: 1, lastAt: TEST_NOW - 100 }]]);
    await ledger.close();
  });
});

describe('a clock that was ahead and was put right', () => {
  it('uses up no budget for as long as it was ahead', async () => {
    const ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(TEST_NOW) });
    const ahead = epochSeconds(TEST_NOW + 30 * DAY);
    await ledger.openMove(aRecord('a', 'v9', ahead));
    await ledger.closeMove(moveId('a'), aResult({ outcome: 'succeeded', at: ahead }));
    const { world } = await makeBench();
    const budgets = { movesPerHour: 1, movesPerVmPerDay: 9 };
    const policies = aPolicy({ limits: someLimits({ budgets }) });
    for (const days of [1, 7, 20]) {
      const now = epochSeconds(TEST_NOW + days * DAY);
      const plan = { ...planOf([move('1', 'h1', 'h2')]), snapshotAt: now };
      const counters = await readGateCounters(ledger, plan, now);
      const recentMoves = await ledger.movesSince(epochSeconds(now - DAY), now);
      const snapshot = { ...world, takenAt: now, recentMoves };
      const about = { findings: [], paused: false, approvals: [] };
      const [verdict] = gate({ plan, snapshot, policies, now, counters, ...about });
      expect(verdict?.refusals).toEqual([]);
    }
    await ledger.close();
  });

  it('hides no later way that a VM is not to go back', () => {
    const snapshot = aSnapshot({ hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })], vms: [] });
    const arrived = (arrivedAt: number) => ({
      vm: vmId('v1'),
      from: hostId('h1'),
      to: hostId('h2'),
      openedAt: epochSeconds(arrivedAt - 20),
      arrivedAt: epochSeconds(arrivedAt),
    });
    const recentMoves = [arrived(TEST_NOW - 50), arrived(TEST_NOW + 30 * DAY)];
    const limits = someLimits({ reverseMoveSeconds: seconds(600) });
    const allowances = new Allowances({ ...snapshot, recentMoves }, limits, TEST_NOW);
    expect(allowances.reverse(vmId('v1'), hostId('h1'))?.detail).toContain('550 s left');
  });
});

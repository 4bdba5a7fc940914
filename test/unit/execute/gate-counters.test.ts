// Role: what the gate reads from the ledger before it judges.
import { describe, expect, it } from 'vitest';

import { moveId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { readGateCounters } from '../../../src/execute/gate.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { move, planOf } from '../../support/execution-bench.ts';
import { TEST_NOW } from '../../support/fleet.ts';
import { aRecord, aResult } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

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

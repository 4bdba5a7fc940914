// Role: history as people ask for it: what has ended, and what is under way.
import { describe, expect, it } from 'vitest';

import { historyWithOpenMoves } from '../../../src/app/history.ts';
import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { closingLine } from '../../../src/execute/closing-line.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { aRecord, aResult, aStage } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

describe('history', () => {
  it('tells of each move once: where it is, and later how it ended', async () => {
    const ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(5000) });
    const texts = async (query: object = {}): Promise<string[]> =>
      (await historyWithOpenMoves(ledger, { limit: 9, ...query })).map(({ text }) => text);
    const records = [aRecord('m1', 'v1', 10), aRecord('m2', 'v2', 20)] as const;
    for (const record of records) await ledger.openMove(record);
    await ledger.addStage(aStage('m1', 'pre-copy', 'before'));
    const first = 'name of v1 is being moved from h1 to h2 (pre-copy): h1 is overloaded';
    const second = 'name of v2 is being moved from h1 to h2 (opened): h1 is overloaded';
    expect(await texts()).toEqual([second, first]);
    expect(await texts({ limit: 1 })).toEqual([second]);
    expect(await texts({ vm: vmId('v1') })).toEqual([first]);
    expect(await texts({ host: hostId('h1') })).toEqual([second, first]);
    expect(await texts({ host: hostId('h3') })).toEqual([]);
    const result = aResult({ at: epochSeconds(30) });
    await ledger.closeMove(moveId('m1'), result, closingLine(records[0], result));
    const ended = 'name of v1 moved from h1 to h2: h1 is overloaded';
    expect(await texts()).toEqual([ended, second]);
    expect(await texts({ host: hostId('h1') })).toEqual([ended, second]);
    await ledger.close();
  });
});

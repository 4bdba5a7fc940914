// Role: what the moves of a VM have left on hosts is found also behind many lines that are none.
import { expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { VmPast } from '../../../src/execute/vm-past.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { aRecord, aResult, aStage } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

it('reads moves only', async () => {
  const ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(0) });
  const [vm, h1, h2, h3] = [vmId('v1'), hostId('h1'), hostId('h2'), hostId('h3')];
  await ledger.openMove(aRecord('m1', 'v1'));
  await ledger.addStages([aStage('m1', 'pre-copy', 'before')]);
  const line = { at: epochSeconds(1), vm, from: h1, host: h2, text: '' };
  const moved = { ...line, kind: 'move', move: moveId('m1') } as const;
  await ledger.closeMove(moveId('m1'), aResult({ at: line.at }), moved);
  const wished = { ...line, kind: 'decision', host: h3, move: undefined } as const;
  await ledger.addHistory(
    Array.from({ length: 300 }, (_none, at) => ({ ...wished, at: epochSeconds(2 + at) })),
  );
  const past = new VmPast(ledger, vm);
  const may = await Promise.all([h1, h2, h3].map((host) => past.mayBeOn(host)));
  expect(may).toEqual([false, true, false]);
  await ledger.close();
});

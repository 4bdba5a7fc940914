// Role: housekeeping looks once at what it keeps, however much that is, and without a search in
// the orders for each row: what else is written does not wait for it.
import { afterEach, beforeEach, expect, it } from 'vitest';

import { vmId } from '../../../src/domain/ids.ts';
import type { HistoryEntry } from '../../../src/domain/journal.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { pruneAll } from '../../../src/ledger/pruning.ts';
import type { Work } from '../../../src/ledger/work.ts';
import { anOrder } from '../../support/ledger-records.ts';
import { type WatchedLedger, watchedLedger } from '../../support/watched-ledger.ts';

let watched: WatchedLedger;

function line(at: number, vm: string): HistoryEntry {
  const about = { vm: vmId(vm), host: undefined, from: undefined, move: undefined };
  return { at: epochSeconds(at), kind: 'move', ...about, text: vm };
}

beforeEach(async () => {
  watched = await watchedLedger();
  // The oldest are those that stay, and many are of the same moment.
  const kept = Array.from({ length: 1200 }, (_none, index) =>
    line(Math.floor(index / 700), 'kept'),
  );
  const others = Array.from({ length: 1200 }, (_none, index) => line(index % 3, 'other'));
  await watched.fill(async (ledger) => {
    await ledger.putOrder(anOrder('o1', { home: ['kept'] }));
    await ledger.addHistory([...kept, ...others, line(50, 'other')]);
  });
});
afterEach(() => watched.close());

function prune(before: number, keep = 0): Promise<{ readonly removed: number }> {
  const write = <Value>(work: Work<Value>): Promise<Value> =>
    watched.db.transaction().execute((trx) => work(trx, () => undefined));
  return pruneAll(write, { before: epochSeconds(before), keep }, epochSeconds(100));
}

/** How the store goes about what housekeeping asked of the table. */
function ways(table: string): readonly string[] {
  return watched.asked
    .filter(({ sql }) => sql.includes(`from "${table}"`))
    .map((query) => watched.way(query));
}

it('removes all that is old but what a return needs', async () => {
  expect((await prune(40)).removed).toBe(1200);
  expect((await prune(40)).removed).toBe(0);
  const left = await watched.db.selectFrom('history').select('vm').orderBy('seq').execute();
  expect(left.map(({ vm }) => vm)).toEqual([...Array(1200).fill('kept'), 'other']);
});

it('keeps the newest, whatever the clock says', async () => {
  expect((await prune(90, 401)).removed).toBe(800);
});

it('searches no order for a row, and begins no chunk at what it has kept', async () => {
  await prune(40);
  const history = ways('history');
  for (const way of [...history, ...ways('moves')]) expect(way).not.toMatch(/CORRELATED|SCAN/);
  const pages = history.filter((way) => way.includes('history_at'));
  expect(pages.slice(1)).toHaveLength(4);
  for (const page of pages.slice(1)) expect(page).toContain('INDEX history_at (at>? AND at<?)');
});

// Role: what is asked often of tables that grow for a quarter is answered by an index, without a
// look at the records themselves.
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { planId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { cutTrail } from '../../../src/ledger/audit-cut.ts';
import { selectHistory } from '../../../src/ledger/history.ts';
import { selectLastMovedAt } from '../../../src/ledger/moves.ts';
import { keepToPlaces } from '../../../src/ledger/places.ts';
import { aRecord } from '../../support/ledger-records.ts';
import { type WatchedLedger, watchedLedger } from '../../support/watched-ledger.ts';

let watched: WatchedLedger;

beforeEach(async () => {
  watched = await watchedLedger();
});
afterEach(() => watched.close());

/** How the store goes about what was asked last. */
function way(): string {
  return watched.way(watched.asked.at(-1));
}

it('when VMs were last moved', async () => {
  await selectLastMovedAt(watched.db, epochSeconds(9));
  expect(way()).toMatch(/^SCAN moves USING COVERING INDEX \w+$/);
});

it('the history of a plan', async () => {
  await selectHistory(watched.db, { plan: planId('p1'), limit: 9 });
  const found = way();
  expect(found).toContain('SEARCH history USING INDEX history_move (move=?)');
  expect(found).toContain('SEARCH moves USING INDEX moves_plan (plan=?)');
});

it('which entries of the audit trail tell of housekeeping, while all wait', async () => {
  await watched.fill((ledger) => ledger.setPaused(true, 'ada', epochSeconds(10)));
  const old = { before: epochSeconds(20), keep: 0, now: epochSeconds(30), limit: 9 };
  const cut = await watched.db
    .transaction()
    .execute((trx) => cutTrail(trx, old, { concurrentWriters: false }));
  expect(cut.count).toBe(1);
  const query = watched.asked.find(({ sql }) => sql.includes('where "kind" ='));
  expect(watched.way(query)).toBe('SCAN audit USING INDEX audit_pruned');
});

it('how many moves are open, while all wait', async () => {
  const ask = { by: 'a', most: 9, patienceSeconds: seconds(90) };
  const placed = { record: aRecord('m1', 'vm1'), ask, answer: 'opened' } as const;
  const traits = { now: () => sql<number>`0`, concurrentWriters: false };
  await watched.db.transaction().execute((trx) => keepToPlaces(trx, [{ ...placed }], traits));
  const query = watched.asked.find((one) => one.sql.includes('count(*)'));
  expect(watched.way(query)).toMatch(/^SEARCH moves USING COVERING INDEX \w+ \(closed_at=\?\)$/);
});

it('nothing of places for moves, where nobody shares them', async () => {
  const placed = { record: aRecord('m1', 'vm1'), ask: undefined, answer: 'opened' } as const;
  const traits = { now: () => sql<number>`0`, concurrentWriters: false };
  const before = watched.asked.length;
  await watched.db.transaction().execute((trx) => keepToPlaces(trx, [{ ...placed }], traits));
  const asked = watched.asked.slice(before).filter((one) => /moves|queue|audit/.test(one.sql));
  expect(asked).toEqual([]);
});

// Role: what is asked often of tables that grow for a quarter is answered by an index, without a
// look at the records themselves.
import { afterEach, beforeEach, expect, it } from 'vitest';

import { planId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { cutTrail } from '../../../src/ledger/audit-cut.ts';
import { selectHistory } from '../../../src/ledger/history.ts';
import { selectLastMovedAt } from '../../../src/ledger/moves.ts';
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

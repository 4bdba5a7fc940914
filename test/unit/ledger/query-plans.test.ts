// Role: what is asked often of tables that grow for a quarter is answered by an index, without a
// look at the records themselves.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { type CompiledQuery, Kysely, SqliteDialect } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { planId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { cutTrail } from '../../../src/ledger/audit-cut.ts';
import { selectHistory } from '../../../src/ledger/history.ts';
import { selectLastMovedAt } from '../../../src/ledger/moves.ts';
import type { LedgerSchema } from '../../../src/ledger/schema.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { manualClock } from '../../support/manual-clock.ts';

let folder: string;
let database: Database.Database;
let db: Kysely<LedgerSchema>;
let asked: CompiledQuery[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-plans-'));
  const file = join(folder, 'ledger.db');
  await (await openSqliteLedger({ file, clock: manualClock() })).close();
  database = new Database(file);
  asked = [];
  const dialect = new SqliteDialect({ database });
  db = new Kysely({ dialect, log: ({ query }) => void asked.push(query) });
});
afterEach(async () => {
  await db.destroy();
  rmSync(folder, { recursive: true });
});

/** How the store goes about what was asked last. */
function way(query = asked.at(-1)): string {
  if (query === undefined) throw new Error('nothing was asked');
  const steps = database.prepare(`explain query plan ${query.sql}`).all(...query.parameters);
  return (steps as { readonly detail: string }[]).map(({ detail }) => detail).join('; ');
}

it('when VMs were last moved', async () => {
  await selectLastMovedAt(db, epochSeconds(9));
  expect(way()).toMatch(/^SCAN moves USING COVERING INDEX \w+$/);
});

it('the history of a plan', async () => {
  await selectHistory(db, { plan: planId('p1'), limit: 9 });
  const found = way();
  expect(found).toContain('SEARCH history USING INDEX history_move (move=?)');
  expect(found).toContain('SEARCH moves USING INDEX moves_plan (plan=?)');
});

it('which entries of the audit trail tell of housekeeping, while all wait', async () => {
  const clock = manualClock(10);
  const ledger = await openSqliteLedger({ file: join(folder, 'ledger.db'), clock });
  await ledger.setPaused(true, 'ada', epochSeconds(10));
  await ledger.close();
  const old = { before: epochSeconds(20), keep: 0, now: epochSeconds(30), limit: 9 };
  const cut = await db
    .transaction()
    .execute((trx) => cutTrail(trx, old, { concurrentWriters: false }));
  expect(cut.count).toBe(1);
  const query = asked.find(({ sql }) => sql.includes('where "kind" ='));
  expect(way(query)).toBe('SCAN audit USING INDEX audit_pruned');
});

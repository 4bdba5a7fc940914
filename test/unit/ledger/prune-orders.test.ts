// Role: a closed order that cannot be read any more does not end housekeeping.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { hostId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { anOrder } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

let folder: string;
let ledger: Ledger;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-orders-'));
  const file = join(folder, 'ledger.db');
  ledger = await openSqliteLedger({ file, clock: manualClock(5000) });
  for (const id of ['a', 'b', 'c']) await ledger.putOrder(anOrder(id, { state: 'closed' }));
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

function database<Value>(work: (db: Database.Database) => Value): Value {
  const db = new Database(join(folder, 'ledger.db'));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

async function left(): Promise<readonly unknown[]> {
  await ledger.prune({ before: epochSeconds(5001), keep: 0 });
  return database((db) => db.prepare('select id from orders order by id').pluck().all());
}

it.each(['{"id":"b', 'null'])('%s stays while an alert fires that may ask for it', async (body) => {
  database((db) => db.prepare("update orders set body = ? where id = 'b'").run(body));
  const alert = { name: 'HostDown', labels: {}, since: epochSeconds(4) };
  const heard = { host: hostId('h1'), alert, heardAt: epochSeconds(5) };
  await ledger.putAlert({ fingerprint: 'f', ...heard });
  expect(await left()).toEqual(['b']);
  await ledger.dropAlert('f');
  expect(await left()).toEqual([]);
});

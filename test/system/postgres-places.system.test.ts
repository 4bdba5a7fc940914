// Role: the places for moves on a real PostgreSQL, where transactions run side by side and none
// sees what another has not committed.
import { afterAll, beforeAll, expect, it } from 'vitest';

import { moveId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import { openPostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { manualClock } from '../support/manual-clock.ts';
import { aRecord, aResult } from '../support/ledger-records.ts';
import { type Postgres, startPostgres } from './postgres.ts';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
});

const MOST = 5;
const clock = manualClock(5000);

async function asked(ledger: Ledger, by: string, round: number): Promise<readonly string[]> {
  const ids = Array.from({ length: MOST }, (_none, index) => `${by} ${round} ${index}`);
  const ask = { by, most: MOST, patienceSeconds: seconds(600) };
  const answers = await Promise.all(ids.map((id) => ledger.openMove(aRecord(id, `vm ${id}`), ask)));
  return ids.filter((_id, index) => answers[index] === 'opened');
}

it('holds the cap of all moves over controllers that begin at the same moment', async () => {
  const url = await server.database();
  const names = ['a', 'b', 'c'];
  const ledgers = await Promise.all(
    names.map(() => openPostgresLedger({ url, password: undefined, clock })),
  );
  const served = new Set<string>();
  for (let round = 0; round < 30; round += 1) {
    const opened = await Promise.all(
      ledgers.map((ledger, index) => asked(ledger, names[index] ?? '', round)),
    );
    const ids = opened.flat();
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.length).toBeLessThanOrEqual(MOST);
    for (const id of ids) {
      served.add(id.slice(0, 1));
      await ledgers[0]?.closeMove(moveId(id), aResult());
    }
  }
  expect([...served].toSorted()).toEqual(names);
  for (const one of ledgers) await one.close();
});

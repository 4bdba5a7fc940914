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

it('lets nobody wait in a circle where several move the same VMs at the same moment', async () => {
  const url = await server.database();
  const open = () => openPostgresLedger({ url, password: undefined, clock });
  const pair = [await open(), await open()];
  const vms = Array.from({ length: 40 }, (_none, index) => `vm ${index}`);
  for (let round = 0; round < 40; round += 1) {
    const opened = await Promise.all(
      pair.map(async (ledger, who) => {
        const inTurn = who === 0 ? vms : vms.toReversed();
        const ids = inTurn.map((vm) => ({ vm, id: `${who} ${round} ${vm}` }));
        const answers = await Promise.all(
          ids.map(({ id, vm }) => ledger.openMove(aRecord(id, vm))),
        );
        return ids.filter((_one, index) => answers[index] === 'opened').map(({ id }) => id);
      }),
    );
    expect(opened.flat()).toHaveLength(vms.length);
    for (const id of opened.flat()) await pair[0]?.closeMove(moveId(id), aResult());
  }
  for (const one of pair) await one.close();
  // The figures are sent when a connection ends, and may come a moment later.
  const found =
    `select xact_commit > ${40 * vms.length} as "isWhole", deadlocks ` +
    'from pg_stat_database where datname = current_database()';
  const whole = { isWhole: true, deadlocks: '0' };
  await expect.poll(() => server.query(url, found)).toEqual([whole]);
});

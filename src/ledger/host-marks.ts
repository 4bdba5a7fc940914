/** The state of each host that is not healthy, and the kill switch over all of them. */

import type { Kysely, Transaction } from 'kysely';

import type { EpochSeconds } from '../domain/units.ts';
import type { HostMark, PutMark } from '../ports/ledger.ts';
import { hostNote } from './audit-notes.ts';
import { chunksOf } from './bounded.ts';
import { insertHistory } from './history.ts';
import { linesOf } from './orders.ts';
import type { Work } from './work.ts';
import { toHostMark } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export function putMarks(all: readonly PutMark[]): Work<void> {
  return async (trx, note) => {
    for (const { mark } of all) note(hostNote(mark));
    const marks = all.map(({ mark }) => mark);
    await upsertHostMarks(trx, marks);
    await insertHistory(trx, linesOf(all));
  };
}

async function upsertHostMarks(
  trx: Transaction<LedgerSchema>,
  marks: readonly HostMark[],
): Promise<void> {
  const rows = marks.map(({ host, state, since, reason }) => ({ host, state, since, reason }));
  for (const values of chunksOf(rows)) {
    const insert = trx.insertInto('host_marks').values(values);
    await insert
      .onConflict((conflict) =>
        conflict.column('host').doUpdateSet((row) => ({
          state: row.ref('excluded.state'),
          since: row.ref('excluded.since'),
          reason: row.ref('excluded.reason'),
        })),
      )
      .execute();
  }
}

export async function selectHostMarks(db: Kysely<LedgerSchema>): Promise<readonly HostMark[]> {
  const rows = await db.selectFrom('host_marks').selectAll().orderBy('host').execute();
  return rows.map((row) => toHostMark(row));
}

export interface Pause {
  readonly paused: boolean;
  readonly by: string;
}

export async function writePause(
  trx: Transaction<LedgerSchema>,
  pause: Pause,
  at: EpochSeconds,
): Promise<void> {
  const value = JSON.stringify({ ...pause, at });
  await trx
    .insertInto('settings')
    .values({ name: 'paused', value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

export async function readPause(db: Kysely<LedgerSchema>): Promise<Pause> {
  const query = db.selectFrom('settings').select('value').where('name', '=', 'paused');
  const row = await query.executeTakeFirst();
  if (row === undefined) return { paused: false, by: '' };
  // Written above, and by nobody else.
  const { paused, by } = JSON.parse(row.value) as Pause;
  return { paused, by };
}

/** What is known of hosts that do not answer, or came back from the dead. */

import type { Kysely, Transaction } from 'kysely';

import type { HostFailureRecord } from '../domain/host-failure.ts';
import type { HostId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { insertHistory } from './history.ts';
import { parseBody } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function upsertHostFailure(
  trx: Transaction<LedgerSchema>,
  record: HostFailureRecord,
  line: HistoryEntry | undefined,
): Promise<void> {
  const body = JSON.stringify(record);
  await trx
    .insertInto('host_failures')
    .values({ host: record.host, body })
    .onConflict((conflict) => conflict.column('host').doUpdateSet({ body }))
    .execute();
  if (line !== undefined) await insertHistory(trx, [line]);
}

export async function deleteHostFailure(
  trx: Transaction<LedgerSchema>,
  host: HostId,
  line: HistoryEntry,
): Promise<void> {
  await trx.deleteFrom('host_failures').where('host', '=', host).execute();
  await insertHistory(trx, [line]);
}

export async function selectHostFailures(
  db: Kysely<LedgerSchema>,
): Promise<readonly HostFailureRecord[]> {
  const rows = await db.selectFrom('host_failures').select('body').orderBy('host').execute();
  return rows.map(({ body }) => parseBody<HostFailureRecord>(body));
}

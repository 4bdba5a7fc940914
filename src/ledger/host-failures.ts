/** What is known of hosts that do not answer, or came back from the dead. */

import type { Kysely } from 'kysely';

import { type HostFailureRecord, isSameFailure } from '../domain/host-failure.ts';
import type { HostId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { fencingNote, hostFailureNote, hostWellNote } from './audit-notes.ts';
import { insertHistory } from './history.ts';
import type { Work } from './work.ts';
import { parseBody } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export function putHostFailure(
  record: HostFailureRecord,
  line: HistoryEntry | undefined,
): Work<void> {
  const body = JSON.stringify(record);
  return async (trx, note) => {
    if (line !== undefined) note(hostFailureNote(record, line));
    await trx
      .insertInto('host_failures')
      .values({ host: record.host, body })
      .onConflict((conflict) => conflict.column('host').doUpdateSet({ body }))
      .execute();
    if (line !== undefined) await insertHistory(trx, [line]);
  };
}

export function noteFencing(line: HistoryEntry): Work<void> {
  return async (trx, note) => {
    note(fencingNote(line));
    await insertHistory(trx, [line]);
  };
}

interface Removal {
  readonly host: HostId;
  readonly line: HistoryEntry;
  /** Undefined: whatever is written about it. */
  readonly read: HostFailureRecord | undefined;
}

/** False: it is not as it was read. */
export function removeHostFailure({ host, line, read }: Removal): Work<boolean> {
  return async (trx, note) => {
    const removal = trx.deleteFrom('host_failures').where('host', '=', host);
    if (read === undefined) {
      await removal.execute();
    } else {
      const row = await trx
        .selectFrom('host_failures')
        .select('body')
        .where('host', '=', host)
        .executeTakeFirst();
      if (row === undefined) return false;
      if (!isSameFailure(parseBody<HostFailureRecord>(row.body), read)) return false;
      // Another one may write between the two statements, where the store lets it.
      const { numDeletedRows } = await removal.where('body', '=', row.body).executeTakeFirst();
      if (numDeletedRows === 0n) return false;
    }
    note(hostWellNote(host, line));
    await insertHistory(trx, [line]);
    return true;
  };
}

export async function selectHostFailures(
  db: Kysely<LedgerSchema>,
): Promise<readonly HostFailureRecord[]> {
  const rows = await db.selectFrom('host_failures').select('body').orderBy('host').execute();
  return rows.map(({ body }) => parseBody<HostFailureRecord>(body));
}

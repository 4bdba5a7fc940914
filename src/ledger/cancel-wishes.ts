/** Cancels that wait for the controller that can carry them out: every step compares first. */

import { type Kysely, sql, type Transaction } from 'kysely';

import { type CancelWish, type NewCancelWish, wishKey } from '../domain/cancel-wish.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import { cancelWishNote } from './audit-notes.ts';
import { insertHistory } from './history.ts';
import type { StoreTraits } from './leases.ts';
import type { Work } from './work.ts';
import { parseBody } from './records.ts';
import type { LedgerSchema } from './schema.ts';

type Connection = Transaction<LedgerSchema>;

/** Where it is not over. */
const LIVE: readonly CancelWish['state'][] = ['open', 'begun'];

export interface CancelAsk {
  readonly wish: NewCancelWish;
  readonly within: Seconds;
  readonly line: HistoryEntry;
}

/** The one that is written now, or the one of the same key that is not over. */
export function askCancel(
  { wish, within, line }: CancelAsk,
  { now }: StoreTraits,
): Work<CancelWish> {
  const open: CancelWish = { ...wish, state: 'open' };
  const about = { cluster: wish.cluster, what: wishKey(wish) };
  return async (trx, note) => {
    const insert = trx.insertInto('cancel_wishes').values({
      id: wish.id,
      ...about,
      state: open.state,
      expires_at: sql<number>`${now()} + ${sql.lit(within)}`,
      ended_at: null,
      body: JSON.stringify(open),
    });
    for (;;) {
      const done = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
      if (done.numInsertedOrUpdatedRows === 1n) break;
      const live = trx.selectFrom('cancel_wishes').select('body').where('state', 'in', LIVE);
      const same = live.where('cluster', '=', about.cluster).where('what', '=', about.what);
      const row = await same.executeTakeFirst();
      if (row !== undefined) return parseBody(row.body);
      // The one in the way is over since.
    }
    note(cancelWishNote(open));
    await insertHistory(trx, [line]);
    return open;
  };
}

export async function selectCancelWishes(db: Kysely<LedgerSchema>): Promise<readonly CancelWish[]> {
  const live = db.selectFrom('cancel_wishes').select('body').where('state', 'in', LIVE);
  const rows = await live.orderBy('expires_at').orderBy('id').execute();
  return rows.map(({ body }) => parseBody(body));
}

/** False: it is over, or it was to be begun before. */
export function beginCancel(
  { id, by }: { readonly id: string; readonly by: string },
  { now, concurrentWriters }: StoreTraits,
): Work<boolean> {
  return async (trx, note) => {
    const row = await lockedRow(trx, id, concurrentWriters)
      .where((build) => build.or([build('state', '=', 'begun'), build('expires_at', '>', now())]))
      .executeTakeFirst();
    if (row === undefined) return false;
    const begun = { ...parseBody<CancelWish>(row.body), state: 'begun', takenBy: by } as const;
    await replace(trx, begun, null);
    note(cancelWishNote(begun));
    return true;
  };
}

export interface CancelEnd {
  readonly id: string;
  readonly answer: string;
  readonly line: HistoryEntry;
  readonly at: EpochSeconds;
}

/** False: it is over, or was never begun. */
export function endCancel(
  { id, answer, line, at }: CancelEnd,
  { concurrentWriters }: StoreTraits,
): Work<boolean> {
  return async (trx, note) => {
    const row = await lockedRow(trx, id, concurrentWriters)
      .where('state', '=', 'begun')
      .executeTakeFirst();
    if (row === undefined) return false;
    const done = { ...parseBody<CancelWish>(row.body), state: 'done', answer } as const;
    await replace(trx, done, at);
    note(cancelWishNote(done));
    await insertHistory(trx, [line]);
    return true;
  };
}

export interface CancelExpiry {
  readonly line: (wish: CancelWish) => HistoryEntry;
  readonly at: EpochSeconds;
}

export function expireCancels(
  { line, at }: CancelExpiry,
  { now, concurrentWriters }: StoreTraits,
): Work<readonly CancelWish[]> {
  return async (trx, note) => {
    const late = trx
      .selectFrom('cancel_wishes')
      .select('body')
      .where('state', '=', 'open')
      .where('expires_at', '<=', now())
      .orderBy('id');
    const rows = await (concurrentWriters ? late.forUpdate() : late).execute();
    const expired = rows.map(
      ({ body }): CancelWish => ({ ...parseBody<CancelWish>(body), state: 'expired' }),
    );
    for (const wish of expired) {
      await replace(trx, wish, at);
      note(cancelWishNote(wish));
    }
    await insertHistory(trx, expired.map(line));
    return expired;
  };
}

/** Nobody else changes it until the transaction ends. */
function lockedRow(trx: Connection, id: string, concurrentWriters: boolean) {
  const query = trx.selectFrom('cancel_wishes').select(['body', 'state']);
  const row = query.where('id', '=', id).where('state', 'in', LIVE);
  return concurrentWriters ? row.forUpdate() : row;
}

async function replace(
  trx: Connection,
  wish: CancelWish,
  endedAt: EpochSeconds | null,
): Promise<void> {
  const row = { state: wish.state, ended_at: endedAt, body: JSON.stringify(wish) };
  await trx.updateTable('cancel_wishes').set(row).where('id', '=', wish.id).execute();
}

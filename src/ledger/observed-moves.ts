/** What Drover would have moved, and what really happened: open until that is known. */

import { type ColumnDefinitionBuilder, type Kysely, sql, type Transaction } from 'kysely';

import type { ObservedMove, SettledMove } from '../domain/observed-move.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { ObservedChanges, PutObserved } from '../ports/observed-moves.ts';
import { observedNote } from './audit-notes.ts';
import { bounded, chunksOf } from './bounded.ts';
import { insertHistory } from './history.ts';
import type { LedgerSchema } from './schema.ts';
import type { Work } from './work.ts';

/** The newest that are settled stay: as many as one answer holds. */
export const MOST_SETTLED = 10_000;

export async function createObserved(db: Kysely<LedgerSchema>): Promise<void> {
  const required = (column: ColumnDefinitionBuilder) => column.notNull();
  await db.schema
    .createTable('observed_moves')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('vm', 'text', required)
    .addColumn('first_at', 'double precision', required)
    .addColumn('settled_at', 'double precision')
    .addColumn('body', 'text', required)
    .execute();
  await sql`create unique index if not exists observed_moves_one_open_per_vm
    on observed_moves (vm) where settled_at is null`.execute(db);
  const index = db.schema.createIndex('observed_moves_settled_at').ifNotExists();
  await index.on('observed_moves').column('settled_at').execute();
}

export function putObserved({ settled, opened, kept }: ObservedChanges): Work<void> {
  return async (trx, note) => {
    const over = await replaceOpen(
      trx,
      settled.map(({ move }) => move),
    );
    const fresh = await insertOpen(
      trx,
      opened.map(({ move }) => move),
    );
    await replaceOpen(trx, kept);
    const written = (ids: ReadonlySet<string>) => (one: PutObserved<ObservedMove>) =>
      ids.has(one.move.id);
    const ended = settled.filter(written(over));
    for (const { move } of ended) note(observedNote(move));
    const begun = opened.filter(written(fresh));
    await insertHistory(
      trx,
      [...ended, ...begun].map(({ line }) => line),
    );
  };
}

/** Returns the ids of those that were open. */
async function replaceOpen(
  trx: Transaction<LedgerSchema>,
  moves: readonly ObservedMove[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const chunk of chunksOf(moves)) {
    const ids = chunk.map(({ id }) => id);
    const remove = trx.deleteFrom('observed_moves').where('id', 'in', ids);
    const gone = await remove.where('settled_at', 'is', null).returning('id').execute();
    const open = new Set(gone.map(({ id }) => id));
    const rows = chunk.filter(({ id }) => open.has(id)).map(rowOf);
    if (rows.length > 0) await trx.insertInto('observed_moves').values(rows).execute();
    for (const id of open) found.add(id);
  }
  return found;
}

/** Returns the ids of those that were opened. */
async function insertOpen(
  trx: Transaction<LedgerSchema>,
  moves: readonly ObservedMove[],
): Promise<ReadonlySet<string>> {
  const opened = new Set<string>();
  for (const chunk of chunksOf(moves)) {
    const insert = trx.insertInto('observed_moves').values(chunk.map(rowOf));
    const rows = await insert
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute();
    for (const { id } of rows) opened.add(id);
  }
  return opened;
}

function rowOf(move: ObservedMove | SettledMove) {
  return {
    id: move.id,
    vm: move.vm,
    first_at: move.firstAt,
    settled_at: 'end' in move ? move.end.at : null,
    body: JSON.stringify(move),
  };
}

export async function selectOpenObserved(
  db: Kysely<LedgerSchema>,
): Promise<readonly ObservedMove[]> {
  const query = db.selectFrom('observed_moves').select('body').where('settled_at', 'is', null);
  const sorted = query.orderBy('first_at').orderBy('id').limit(bounded(Number.MAX_VALUE));
  // Written above, and by nobody else.
  return (await sorted.execute()).map(({ body }) => JSON.parse(body) as ObservedMove);
}

export async function selectSettled(
  db: Kysely<LedgerSchema>,
  since: EpochSeconds,
  limit: number,
): Promise<readonly SettledMove[]> {
  const query = db.selectFrom('observed_moves').select('body').where('settled_at', '>=', since);
  const sorted = query.orderBy('settled_at', 'desc').orderBy('id', 'desc').limit(bounded(limit));
  return (await sorted.execute()).map(({ body }) => JSON.parse(body) as SettledMove);
}

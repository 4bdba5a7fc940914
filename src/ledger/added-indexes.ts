/** Indexes that tables got after their first shape: for the steps of migrations.ts. */

import { type Kysely, sql } from 'kysely';

import type { LedgerSchema } from './schema.ts';

/** What every tick asks, housekeeping and people: answered without a look at the bodies. */
export async function indexMoves(db: Kysely<LedgerSchema>): Promise<void> {
  const indexes = [
    ['moves', ['vm', 'outcome', 'closed_at']],
    ['moves', ['plan']],
    ['history', ['move']],
  ] as const;
  for (const [table, columns] of indexes) {
    const index = db.schema.createIndex(`${table}_${columns.join('_')}`).ifNotExists();
    await index
      .on(table)
      .columns([...columns])
      .execute();
  }
  // Few of very many, asked for while all who write wait (audit-cut.ts).
  await sql`create index if not exists audit_pruned on audit (seq) where kind = 'pruned'`.execute(
    db,
  );
  await db.schema.dropIndex('moves_vm_closed_at').ifExists().execute();
}

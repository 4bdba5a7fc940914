/** Columns that a migration adds to a table of before, once. */

import type { Kysely } from 'kysely';

import type { LedgerSchema } from './schema.ts';

/** Of what was written before nobody knows it. */
export async function addMoment(
  db: Kysely<LedgerSchema>,
  table: 'moves' | 'rule_memory',
  column: string,
): Promise<void> {
  const has = await columnsOf(db, table);
  if (has(column)) return;
  await db.schema.alterTable(table).addColumn(column, 'double precision').execute();
}

/** Clusters, of which a controller of before names none: it asks for nothing, leaves nothing. */
export async function addClusters(
  db: Kysely<LedgerSchema>,
  column: 'asks' | 'leaves',
): Promise<void> {
  const has = await columnsOf(db, 'controllers');
  if (has(column)) return;
  const table = db.schema.alterTable('controllers');
  await table.addColumn(column, 'text', (made) => made.notNull().defaultTo('[]')).execute();
}

/** Whether a move of the VM that it runs in is open: of what an older Drover has written, not. */
export async function addCarried(db: Kysely<LedgerSchema>): Promise<void> {
  const has = await columnsOf(db, 'controllers');
  if (has('carried')) return;
  const table = db.schema.alterTable('controllers');
  await table.addColumn('carried', 'integer', (made) => made.notNull().defaultTo(0)).execute();
}

/** Whether the table has it. */
export async function columnsOf(
  db: Kysely<LedgerSchema>,
  table: keyof LedgerSchema,
): Promise<(column: string) => boolean> {
  const tables = await db.introspection.getTables();
  const columns = tables.find(({ name }) => name === table)?.columns ?? [];
  const names = new Set(columns.map(({ name }) => name));
  return (column) => names.has(column);
}

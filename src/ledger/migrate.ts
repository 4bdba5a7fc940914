/**
 * Brings a store to the newest shape, once: also when two controllers start on it together (the
 * migrator of kysely locks the store meanwhile). A store that a newer Drover has written is left
 * alone.
 */

import { type Kysely, sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, Migrator } from 'kysely/migration';

import { LedgerError } from '../ports/ledger.ts';
import { ledgerMigrations, type StoreKind } from './migrations.ts';
import type { LedgerSchema } from './schema.ts';

/**
 * Rejects with LedgerError `newer-schema`, or with what the store answered.
 * @param where names the store in messages.
 */
export async function migrate(
  db: Kysely<LedgerSchema>,
  kind: StoreKind,
  where: string,
): Promise<void> {
  const provider = ledgerMigrations(kind);
  await assertKnown(await appliedMigrations(db), kind, where);
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error instanceof Error) throw error;
  if (error !== undefined) throw new LedgerError('io', `${where} could not be migrated`, error);
}

/** Rejects with LedgerError `newer-schema` where some of the migrations are not known here. */
export async function assertKnown(
  applied: readonly string[],
  kind: StoreKind,
  where: string,
): Promise<void> {
  const known = Object.keys(await ledgerMigrations(kind).getMigrations());
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const message = `${where} has the migrations ${unknown.join(', ')}, which are not known here`;
  throw new LedgerError('newer-schema', message);
}

async function appliedMigrations(db: Kysely<LedgerSchema>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === DEFAULT_MIGRATION_TABLE)) return [];
  const name = sql.table(DEFAULT_MIGRATION_TABLE);
  const { rows } = await sql<{ name: string }>`select name from ${name} order by name`.execute(db);
  return rows.map((row) => row.name);
}

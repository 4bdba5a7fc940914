// Role: statements of the ledger are compiled once, and closed with their connection.
import Database from 'better-sqlite3';
import { type Generated, Kysely } from 'kysely';
import { describe, expect, it, vi } from 'vitest';

import { LedgerSqliteDialect } from '../../../src/ledger/sqlite-dialect.ts';

interface Schema {
  readonly notes: { readonly id: Generated<number>; readonly text: string };
}

describe('the SQLite dialect of the ledger', () => {
  it('compiles a statement once, whatever its values are', async () => {
    const database = new Database(':memory:');
    const prepare = vi.spyOn(database, 'prepare');
    const db = new Kysely<Schema>({ dialect: new LedgerSqliteDialect(database) });
    await db.schema
      .createTable('notes')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('text', 'text')
      .execute();
    const before = prepare.mock.calls.length;
    for (const text of ['a', 'b', 'c']) {
      await db.insertInto('notes').values({ text }).execute();
      expect(
        await db.selectFrom('notes').where('text', '=', text).select('text').execute(),
      ).toEqual([{ text }]);
    }
    expect(prepare.mock.calls.length - before).toBe(2);
  });

  it('sees columns that were added since a statement was compiled', async () => {
    const db = new Kysely<Schema>({ dialect: new LedgerSqliteDialect(new Database(':memory:')) });
    await db.schema.createTable('notes').addColumn('text', 'text').execute();
    await db.insertInto('notes').values({ text: 'a' }).execute();
    const all = (): Promise<unknown[]> => db.selectFrom('notes').selectAll().execute();
    expect(await all()).toEqual([{ text: 'a' }]);
    await db.schema.alterTable('notes').addColumn('more', 'text').execute();
    expect(await all()).toEqual([{ text: 'a', more: null }]);
    await db.destroy();
    await expect(all()).rejects.toThrow('destroyed');
  });
});

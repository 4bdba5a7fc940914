/**
 * kysely's SQLite dialect, with one correction: SQLite ends a transaction by itself on some
 * errors (disk full, I/O error). Rolling back again would fail, and that second error would hide
 * the one that matters. And statements are compiled once, not each time.
 */

import type Database from 'better-sqlite3';
import { type DatabaseConnection, type Driver, SqliteDialect, SqliteDriver } from 'kysely';

import { CompiledStatements } from './compiled-statements.ts';

export class LedgerSqliteDialect extends SqliteDialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new LedgerSqliteDriver(this.#database);
  }
}

class LedgerSqliteDriver extends SqliteDriver {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database: new CompiledStatements(database) });
    this.#database = database;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.inTransaction) await super.rollbackTransaction(connection);
  }
}

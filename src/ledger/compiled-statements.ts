/** The statements of a SQLite connection, each compiled once: that costs more than running most. */

import type Database from 'better-sqlite3';

/** Statements kept compiled: more than the ledger has. */
const MOST_STATEMENTS = 500;

export class CompiledStatements {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** For answers that are read whole: who steps through one needs a statement of its own. */
  prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    if (this.#statements.size < MOST_STATEMENTS) this.#statements.set(sql, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

// Role: a ledger's file seen by the statements that its parts ask of it, and how SQLite goes about
// each of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { type CompiledQuery, Kysely, SqliteDialect } from 'kysely';

import type { LedgerSchema } from '../../src/ledger/schema.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { manualClock } from './manual-clock.ts';

export interface WatchedLedger {
  readonly db: Kysely<LedgerSchema>;
  /** Statements in their order. */
  readonly asked: readonly CompiledQuery[];
  /** The steps of SQLite's plan for the statement. */
  way(query: CompiledQuery | undefined): string;
  /** Writes to it as the daemon does. */
  fill(write: (ledger: Ledger) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function watchedLedger(): Promise<WatchedLedger> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-watched-'));
  const file = join(folder, 'ledger.db');
  const fill: WatchedLedger['fill'] = async (write) => {
    const ledger = await openSqliteLedger({ file, clock: manualClock(10) });
    await write(ledger);
    await ledger.close();
  };
  await fill(() => Promise.resolve());
  const database = new Database(file);
  const asked: CompiledQuery[] = [];
  const dialect = new SqliteDialect({ database });
  const db = new Kysely<LedgerSchema>({ dialect, log: ({ query }) => void asked.push(query) });
  return {
    db,
    asked,
    way: (query) => {
      if (query === undefined) throw new Error('that was not asked');
      const plan = database.prepare(`explain query plan ${query.sql}`).all(...query.parameters);
      // As SQLite documents its answer.
      return (plan as { readonly detail: string }[]).map(({ detail }) => detail).join('; ');
    },
    fill,
    close: async () => {
      await db.destroy();
      rmSync(folder, { recursive: true });
    },
  };
}

/**
 * Reads the audit trail of an embedded ledger beside the daemon, or without one: without the lock
 * of the state folder, changing nothing, and as of one moment, whatever the daemon writes or takes
 * away meanwhile.
 */

import { existsSync } from 'node:fs';

import Database from 'better-sqlite3';
import { Kysely } from 'kysely';

import type { AuditEntry, AuditHead } from '../domain/audit.ts';
import { LedgerError } from '../ports/ledger.ts';
import { selectAudit, selectAuditHead } from './audit.ts';
import type { LedgerSchema } from './schema.ts';
import { LedgerSqliteDialect } from './sqlite-dialect.ts';
import { translateSqliteError } from './sqlite-errors.ts';

/** Entries in memory at a time: about a megabyte. */
const PAGE = 2000;

export interface AuditTrail {
  /** Every entry in its order, a page at a time. */
  readonly pages: AsyncIterable<readonly AuditEntry[]>;
  /** Undefined: the ledger has lost it. */
  readonly head: AuditHead | undefined;
}

/**
 * @throws LedgerError `io` where the file is not there or holds no trail yet, `corrupt` where it is
 * no ledger.
 */
export async function readSqliteAudit<Value>(
  file: string,
  read: (trail: AuditTrail) => Promise<Value>,
): Promise<Value> {
  if (!existsSync(file)) throw new LedgerError('io', `there is no ledger at ${file}`);
  let connection: Database.Database | undefined;
  try {
    connection = new Database(file, { readonly: true, fileMustExist: true });
    // Held open: all reads below see the same moment.
    connection.exec('begin');
    assertHasTrail(connection, file);
    const db = new Kysely<LedgerSchema>({ dialect: new LedgerSqliteDialect(connection) });
    return await read({ pages: pagesOf(db), head: await selectAuditHead(db) });
  } catch (error) {
    // What the reader throws is its own: only the store's errors are put into words here.
    throw error instanceof Database.SqliteError ? translateSqliteError(error, file) : error;
  } finally {
    connection?.close();
  }
}

async function* pagesOf(db: Kysely<LedgerSchema>): AsyncGenerator<readonly AuditEntry[]> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = await selectAudit(db, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.seq;
  }
}

function assertHasTrail(connection: Database.Database, file: string): void {
  const query = connection.prepare(
    "select count(*) as tables from sqlite_master where name in ('audit', 'audit_head')",
  );
  if ((query.get() as { tables: number }).tables === 2) return;
  const message = `${file} has no audit trail: the Drover that wrote it was older than the trail`;
  throw new LedgerError('io', message);
}

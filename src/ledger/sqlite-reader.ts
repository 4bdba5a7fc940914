/**
 * An embedded ledger to read, beside the daemon or without one: without the lock of the state
 * folder, changing nothing, and as of one moment.
 */

import { access, constants } from 'node:fs/promises';

import Database from 'better-sqlite3';
import { Kysely } from 'kysely';

import { LedgerError } from '../ports/ledger.ts';
import type { LedgerSchema } from './schema.ts';
import { LedgerSqliteDialect } from './sqlite-dialect.ts';
import { translateSqliteError } from './sqlite-errors.ts';

/** @throws LedgerError `io` where the file cannot be read, `corrupt` where it is no ledger. */
export async function readSqlite<Value>(
  file: string,
  read: (db: Kysely<LedgerSchema>) => Promise<Value>,
): Promise<Value> {
  await access(file, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    const isGone = error.code === 'ENOENT' || error.code === 'ENOTDIR';
    const what = isGone ? 'there is no ledger at' : 'this user may not read the ledger at';
    throw new LedgerError('io', `${what} ${file}`);
  });
  let connection: Database.Database | undefined;
  try {
    connection = new Database(file, { readonly: true, fileMustExist: true });
    // Held open: all reads below see the same moment.
    connection.exec('begin');
    return await read(new Kysely<LedgerSchema>({ dialect: new LedgerSqliteDialect(connection) }));
  } catch (error) {
    // What the reader throws is its own: only the store's errors are put into words here.
    throw error instanceof Database.SqliteError ? translateSqliteError(error, file) : error;
  } finally {
    connection?.close();
  }
}

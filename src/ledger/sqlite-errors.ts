/** What SQLite and the file system may answer, in the ledger's own terms. */

import { chmodSync, closeSync, openSync } from 'node:fs';

import Database from 'better-sqlite3';

import { LedgerError, type LedgerErrorCode } from '../ports/ledger.ts';

/** By prefix, because SQLite has extended codes (SQLITE_IOERR_FSYNC, SQLITE_CORRUPT_INDEX, …). */
const SQLITE_CODES: readonly (readonly [string, LedgerErrorCode, string])[] = [
  ['SQLITE_FULL', 'full', 'the ledger cannot grow'],
  ['SQLITE_READONLY', 'read-only', 'the ledger is read-only'],
  ['SQLITE_CORRUPT', 'corrupt', 'the ledger is damaged'],
  ['SQLITE_NOTADB', 'corrupt', 'the ledger’s file is not an SQLite database'],
  ['SQLITE_BUSY', 'in-use', 'another process holds the ledger'],
  ['SQLITE_LOCKED', 'in-use', 'another process holds the ledger'],
  ['SQLITE_CANTOPEN', 'io', 'the ledger cannot be opened'],
  ['SQLITE_IOERR', 'io', 'the disk failed under the ledger'],
  ['SQLITE_CONSTRAINT', 'conflict', 'the ledger refused the record'],
];

const FILE_CODES: Readonly<Record<string, LedgerErrorCode>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  EACCES: 'read-only',
  EPERM: 'read-only',
};

/** Any error as a LedgerError with its cause; one that is a LedgerError stays as it is. */
export function translateSqliteError(error: unknown, file: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Database.SqliteError) {
    const entry = SQLITE_CODES.find(([prefix]) => error.code.startsWith(prefix));
    const [, code, meaning] = entry ?? ['', 'io', 'the ledger failed'];
    return new LedgerError(code, `${meaning}: ${file}: ${text}`, error);
  }
  // `code` is how node names the errors of the file system.
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new LedgerError(FILE_CODES[code] ?? 'io', `the ledger failed: ${file}: ${text}`, error);
}

/** Another process has the file locked: not one write in it, the whole file. */
export function isHeldByAnother(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(?:BUSY|LOCKED)/u.test(error.code);
}

/** Creates the file where it is missing; readable and writable for its owner only. */
export function makePrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  } catch (error) {
    throw translateSqliteError(error, file);
  }
}

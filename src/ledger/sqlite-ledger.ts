/**
 * The embedded ledger: one SQLite file on a local disk, one process. It refuses to start rather
 * than to promise what the store does not keep: durability is set and read back, the file is
 * checked, the schema is brought up to date, the folder is locked.
 */

import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import Database from 'better-sqlite3';
import { Kysely, sql } from 'kysely';

import type { Bytes } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import { migrate } from './migrate.ts';
import type { LedgerSchema } from './schema.ts';
import { SqlLedger } from './sql-ledger.ts';
import { LedgerSqliteDialect } from './sqlite-dialect.ts';
import { makePrivateFile, translateSqliteError } from './sqlite-errors.ts';
import { lockStateFolder, type StateLock } from './state-lock.ts';

/** Keeps the ledger in memory: for tests and planning offline. Nothing is durable, nor locked. */
const IN_MEMORY = ':memory:';

/** A backup or an operator's sqlite3 may hold the file for a moment. */
const BUSY_TIMEOUT_MS = 5000;

/** PRAGMA synchronous: 2 is FULL, every commit is flushed to the disk. */
const SYNCHRONOUS_FULL = 2;

export interface SqliteLedgerOptions {
  /** The database's file, in a folder of its own (made where it is missing), or `:memory:`. */
  readonly file: string;
  readonly clock: Clock;
  /** Writes are refused (`full`) beyond this size; undefined: as large as the disk allows. */
  readonly maxBytes?: Bytes;
}

/**
 * Opens, locks, checks and migrates. Rejects with LedgerError: `in-use` (names the process that
 * holds the folder), `corrupt`, `read-only`, `full`, `newer-schema`, `unsafe`, `io`.
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const { clock } = options;
  const file = options.file === IN_MEMORY ? IN_MEMORY : resolve(options.file);
  const translate = (error: unknown): LedgerError => translateSqliteError(error, file);
  const lock = file === IN_MEMORY ? undefined : lockFolderOf(file);
  let connection: Database.Database | undefined;
  try {
    connection = connect(file, options.maxBytes);
    const db = new Kysely<LedgerSchema>({ dialect: new LedgerSqliteDialect(connection) });
    await migrate(db, 'sqlite', file);
    const now = () => sql<number>`${clock.now()}`;
    const traits = { now, concurrentWriters: false, isLostContact: () => false };
    return SqlLedger.on({ db, clock, translate, traits, onClose: () => lock?.release() });
  } catch (error) {
    connection?.close();
    lock?.release();
    throw translate(error);
  }
}

function lockFolderOf(file: string): StateLock {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw translateSqliteError(error, folder);
  }
  return lockStateFolder(folder);
}

function connect(file: string, maxBytes: Bytes | undefined): Database.Database {
  // Made first, so that it never exists with wider permissions; SQLite gives its side files
  // (-wal, -shm) the permissions of the database.
  if (file !== IN_MEMORY) makePrivateFile(file);
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    assertWritable(db);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    limitSize(db, maxBytes);
    assertSafe(db, file);
    assertSound(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

function limitSize(db: Database.Database, maxBytes: Bytes | undefined): void {
  if (maxBytes === undefined) return;
  const pageBytes = Number(db.pragma('page_size', { simple: true }));
  db.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
}

/** The distributor's build decides SQLite's defaults (NORMAL in ours): never trust, read back. */
function assertSafe(db: Database.Database, file: string): void {
  const expected = {
    journal_mode: file === IN_MEMORY ? 'memory' : 'wal',
    synchronous: SYNCHRONOUS_FULL,
    foreign_keys: 1,
  };
  for (const [name, value] of Object.entries(expected)) {
    const actual = db.pragma(name, { simple: true });
    if (actual !== value) {
      const message = `${file}: SQLite has ${name} = ${String(actual)}, needed is ${value}`;
      throw new LedgerError('unsafe', message);
    }
  }
}

function assertSound(db: Database.Database, file: string): void {
  const verdict = db.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') throw new LedgerError('corrupt', `${file}: ${String(verdict)}`);
}

/** A file that cannot be written is to be known at the start, not at the first move. */
function assertWritable(db: Database.Database): void {
  db.exec('begin immediate; rollback');
}

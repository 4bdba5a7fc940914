/**
 * Opens the ledger's SQLite file so that it keeps what it promises, or not at all: durability is
 * set and read back, the file is checked.
 */

import Database from 'better-sqlite3';

import type { Bytes } from '../domain/units.ts';
import { LedgerError } from '../ports/ledger.ts';
import { makePrivateFile } from './sqlite-errors.ts';

/** Keeps the ledger in memory: for tests and planning offline. Nothing is durable, nor locked. */
export const IN_MEMORY = ':memory:';

/** A backup or an operator's sqlite3 may hold the file for a moment. */
const BUSY_TIMEOUT_MS = 5000;

/**
 * What the log (-wal) is cut to when a checkpoint has emptied it; it stays as large as it ever was
 * otherwise. Four times what SQLite lets it grow to by itself (1000 pages).
 */
const LOG_BYTES = 16 * 1024 * 1024;

/** PRAGMA synchronous: 2 is FULL, every commit is flushed to the disk. */
const SYNCHRONOUS_FULL = 2;

/** Throws LedgerError and what SQLite and the file system throw; nothing is left open then. */
export function connectSqlite(file: string, maxBytes: Bytes | undefined): Database.Database {
  // Made first, so that it never exists with wider permissions; SQLite gives its side files
  // (-wal, -shm) the permissions of the database.
  if (file !== IN_MEMORY) makePrivateFile(file);
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    assertWritable(db);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma(`journal_size_limit = ${LOG_BYTES}`);
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

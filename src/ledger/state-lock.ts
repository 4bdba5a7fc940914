/**
 * One Drover per state folder. The lock is a transaction that is held open on an empty SQLite
 * file: the kernel drops it with the process, however that dies, so there is no stale lock to
 * judge. The file `drover.pid` beside it is for people and messages only; nothing depends on it.
 *
 * Nobody may open the lock file by other means in this process: POSIX drops a process's locks on
 * a file when any of its descriptors of that file is closed.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import Database from 'better-sqlite3';

import { LedgerError } from '../ports/ledger.ts';
import { KeptFile } from './kept-files.ts';
import { makePrivateFile, translateSqliteError } from './sqlite-errors.ts';

export interface StateLock {
  /** Another one in its place is no lock of ours. */
  readonly file: KeptFile;
  release(): void;
}

/** Throws LedgerError `in-use`, with the pid of the other process where it is known. */
export function lockStateFolder(folder: string): StateLock {
  const lockFile = join(folder, 'drover.lock');
  const pidFile = join(folder, 'drover.pid');
  makePrivateFile(lockFile);
  const db = new Database(lockFile, { timeout: 0 });
  try {
    db.exec('begin exclusive');
  } catch (error) {
    db.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      const message = `the state folder ${folder} is in use by ${otherProcess(pidFile)}`;
      throw new LedgerError('in-use', message, error);
    }
    throw translateSqliteError(error, lockFile);
  }
  makePrivateFile(pidFile);
  writeFileSync(pidFile, `${process.pid}\n`);
  const file = new KeptFile(lockFile, 'stop Drover and start it again');
  return {
    file,
    release() {
      // In a folder that was made anew it may be the file of another Drover.
      if (file.loss === undefined) rmSync(pidFile, { force: true });
      db.close();
    },
  };
}

function otherProcess(pidFile: string): string {
  let text = '';
  try {
    text = readFileSync(pidFile, 'utf8').trim();
  } catch {
    // The other process has not written it yet, or it was deleted: the lock is what counts.
  }
  return /^\d+$/.test(text) ? `another Drover, process ${text}` : 'another process';
}

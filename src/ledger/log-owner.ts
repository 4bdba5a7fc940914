/**
 * Which database the log (-wal) beside it was written for. SQLite goes by the name alone: where a
 * process was killed and a backup is put in its file's place, it writes the log of the lost file
 * into the backup, and both are ruined. So it is noted, at each opening, which file on the disk
 * the log was made beside; that a log is still the noted one and the database is not is known for
 * certain then. A folder that was copied whole has neither, and is opened.
 */

import { readFileSync, statSync, writeFileSync } from 'node:fs';

import { LedgerError } from '../ports/ledger.ts';
import { makePrivateFile } from './sqlite-errors.ts';

/** Before the database is opened. Throws LedgerError `io`, and what the file system throws. */
export function assertOwnLog(file: string): void {
  const { log, note } = besides(file);
  const [notedFile, notedLog] = noted(note);
  const found = identityOf(file);
  if (notedLog === undefined || notedLog !== identityOf(log) || notedFile === found) return;
  const what = found === NONE ? 'is gone, which' : 'is not the file that';
  const message =
    `${file} ${what} ${log} was written for: SQLite would write the lost file's changes into ` +
    `another. Move ${log} and ${file}-shm away and start again; only if they belong to it all ` +
    `the same (it is a copy of that file, made while nobody had it open), remove ${note} instead`;
  throw new LedgerError('io', message);
}

/** While the database is open, and its log is there with it. */
export function noteOwnLog(file: string): void {
  const { log, note } = besides(file);
  makePrivateFile(note);
  writeFileSync(note, `${identityOf(file)}\n${identityOf(log)}\n`);
}

function besides(file: string): { readonly log: string; readonly note: string } {
  return { log: `${file}-wal`, note: `${file}-wal-of` };
}

/** What a power cut left of a note, or nothing, is none. */
function noted(note: string): readonly string[] {
  try {
    const lines = readFileSync(note, 'utf8').split('\n');
    return lines.length === 3 ? lines : [];
  } catch {
    return [];
  }
}

const NONE = 'none';

/** Inodes are used again; together with the moment of their making they are not. */
function identityOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? NONE : `${found.dev}:${found.ino}:${found.birthtimeNs}`;
}

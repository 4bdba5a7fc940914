/**
 * The files that a living ledger stands on, looked at again and again. A file that was deleted or
 * replaced (a cleaner of temporary folders, a backup put back under a living daemon) stays with the
 * process that has it open: it would write on into nothing, and a second Drover could begin
 * beside it on the same fleet. Only the name is looked at (device and inode): to open such a file
 * and close it again drops the process's locks on it (state-lock.ts).
 */

import { statSync } from 'node:fs';

import type { Seconds } from '../domain/units.ts';
import { LedgerError } from '../ports/ledger.ts';

/** Between two looks. A look asks the system for two names: microseconds. */
const LOOK_SECONDS = 1;

/** One file as it was when this was made. */
export class KeptFile {
  readonly #file: string;
  readonly #identity: string;
  readonly #advice: string;

  /**
   * Throws what the file system throws.
   * @param advice what to do when it is lost.
   */
  constructor(file: string, advice: string) {
    this.#file = file;
    this.#identity = identityOf(file);
    this.#advice = advice;
  }

  /** What became of it, and what to do; undefined: it is there, and the same. */
  get loss(): string | undefined {
    const found = this.#change();
    return found && `${this.#file} ${found}: nothing more is written; ${this.#advice}`;
  }

  #change(): string | undefined {
    try {
      const now = identityOf(this.#file);
      if (now === this.#identity) return undefined;
      return `was ${now === GONE ? 'removed' : 'replaced'} under the living ledger`;
    } catch (error) {
      // It may be there as it was; nobody knows it while it cannot be looked at.
      return `cannot be looked at under the living ledger (${String(error)})`;
    }
  }
}

const GONE = '';

function identityOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? GONE : `${found.dev}:${found.ino}`;
}

/**
 * The log lies beside its database by name only: SQLite writes what it finds there into whatever
 * database it is asked to open. A backup is ruined by the log of the file that it stands in for.
 */
export function keptDatabase(file: string): KeptFile {
  const sides = logFilesOf(file).join(' and ');
  const advice =
    `its own file can be moved back; before any other is put there, a backup, stop Drover and ` +
    `move ${sides} away (SQLite would write the old file's changes into the backup)`;
  return new KeptFile(file, advice);
}

/**
 * The log and its index, of a database that is open now: SQLite makes them when it opens one and
 * keeps both, however often it empties them, until the last who has it open closes it. What was
 * promised since the log was last emptied stands there alone.
 */
export function keptLog(file: string): readonly KeptFile[] {
  const advice =
    `stop Drover in good order (its end writes what it holds into ${file}; a kill loses it) ` +
    'and start it again';
  return logFilesOf(file).map((side) => new KeptFile(side, advice));
}

function logFilesOf(file: string): readonly string[] {
  return [`${file}-wal`, `${file}-shm`];
}

/**
 * @param files those that are stood on at the moment.
 * @returns what throws LedgerError `io` while one of them is not what it was.
 */
export function watchFiles(files: () => readonly KeptFile[], monotonic: () => Seconds): () => void {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let loss: string | undefined;
  return () => {
    const now = monotonic();
    if (now - lookedAt >= LOOK_SECONDS) {
      lookedAt = now;
      loss = files()
        .map((file) => file.loss)
        .find((one) => one !== undefined);
    }
    if (loss !== undefined) throw new LedgerError('io', loss);
  };
}

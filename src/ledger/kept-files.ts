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

  constructor(file: string) {
    this.#file = file;
    this.#identity = identityOf(file);
  }

  /** What became of it; undefined: it is there, and the same. */
  get loss(): string | undefined {
    const now = identityOf(this.#file);
    if (now === this.#identity) return undefined;
    return `${this.#file} was ${now === GONE ? 'removed' : 'replaced'} under the living ledger`;
  }
}

const GONE = '';

function identityOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? GONE : `${found.dev}:${found.ino}`;
  } catch {
    return GONE; // its folder is none any more, or may not be entered
  }
}

/** @returns what throws LedgerError `io` while one of the files is not what it was. */
export function watchFiles(files: readonly KeptFile[], monotonic: () => Seconds): () => void {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let loss: string | undefined;
  return () => {
    const now = monotonic();
    if (now - lookedAt >= LOOK_SECONDS) {
      lookedAt = now;
      loss = files.map((file) => file.loss).find((one) => one !== undefined);
    }
    if (loss === undefined) return;
    const advice = 'stop Drover, put the right file there and start it again';
    throw new LedgerError('io', `${loss}: nothing more is written; ${advice}`);
  };
}

/**
 * Keeps a thread of the ledger: where one ends (out of memory, a bug in native code), the next who
 * asks something of the ledger gets a new one, on the same file, with all the checks of the first.
 * Until then every call fails: Drover begins nothing, serves on and says so (LedgerWatch), and goes
 * on by itself. Whatever the thread had not committed is not in the file.
 */

import type { Seconds } from '../domain/units.ts';
import { SqliteThread, ThreadLost } from './thread-client.ts';
import type { ThreadSettings } from './thread-messages.ts';

/** Between two beginnings: a thread that ends at once is not begun again all the time. */
const PAUSE_SECONDS = 1;

export interface ThreadKeeperParts {
  readonly settings: ThreadSettings;
  readonly monotonic: () => Seconds;
  /** Called whenever a thread has opened the file. */
  readonly onOpened?: () => void;
}

export class ThreadKeeper {
  readonly #parts: ThreadKeeperParts;
  #thread: SqliteThread;
  #starting: Promise<SqliteThread> | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  private constructor(parts: ThreadKeeperParts, thread: SqliteThread) {
    this.#parts = parts;
    this.#thread = thread;
  }

  /** Rejects with what kept the file from being opened. */
  static async open(parts: ThreadKeeperParts): Promise<ThreadKeeper> {
    return new ThreadKeeper(parts, await begin(parts));
  }

  /** Its thread has ended, and no other is there yet. */
  get isLost(): boolean {
    return this.#thread.isLost;
  }

  /** Rejects with what keeps a new one from being begun. */
  running(): Promise<SqliteThread> {
    if (!this.#thread.isLost || this.#isClosed) return Promise.resolve(this.#thread);
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** What was asked before is answered first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting?.catch(() => undefined);
    await this.#thread.close();
  }

  async #start(): Promise<SqliteThread> {
    const now = this.#parts.monotonic();
    if (now - this.#startedAt < PAUSE_SECONDS) throw new ThreadLost('; it is begun again soon');
    this.#startedAt = now;
    this.#thread = await begin(this.#parts);
    return this.#thread;
  }
}

async function begin({ settings, onOpened }: ThreadKeeperParts): Promise<SqliteThread> {
  const thread = await SqliteThread.open(settings);
  onOpened?.();
  return thread;
}

/**
 * Many writes, one commit. A durable commit costs the disk a flush (about 2 ms), whatever is in
 * it; so all writes that arrive while one commit is under way share the next one. Each caller's
 * promise resolves after the commit that holds its write, never before.
 *
 * A write is a function of the transaction only, and may be run twice: when a group fails, its
 * members are tried again one by one, so that each caller gets its own error and nobody else's.
 */

import type { Kysely, Transaction } from 'kysely';

/** Bounds the time for which a group holds up the reads behind it. */
const LARGEST_GROUP = 256;

interface Job<Schema> {
  run(transaction: Transaction<Schema>): Promise<void>;
  done(): void;
  failed(error: unknown): void;
}

export class GroupCommit<Schema> {
  readonly #db: Kysely<Schema>;
  #waiting: Job<Schema>[] = [];
  #draining: Promise<void> | undefined;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  write<Value>(work: (transaction: Transaction<Schema>) => Promise<Value>): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      let finish: () => void = () => undefined;
      this.#waiting.push({
        async run(transaction) {
          const value = await work(transaction);
          finish = () => resolve(value);
        },
        done: () => finish(),
        failed: (error) => reject(error instanceof Error ? error : new Error(String(error))),
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when everything that was asked for so far is committed or has failed. */
  async idle(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  async #drain(): Promise<void> {
    // One turn of the microtask queue, so that callers of the same moment share the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, LARGEST_GROUP);
      if (!(await this.#commit(group))) for (const job of group) await this.#commitAlone(job);
    }
    this.#draining = undefined;
  }

  /** False when the group was rolled back. A group of one reports its own error. */
  async #commit(group: readonly Job<Schema>[]): Promise<boolean> {
    try {
      await this.#db.transaction().execute(async (transaction) => {
        for (const job of group) await job.run(transaction);
      });
    } catch {
      return false;
    }
    for (const job of group) job.done();
    return true;
  }

  async #commitAlone(job: Job<Schema>): Promise<void> {
    try {
      await this.#db.transaction().execute((transaction) => job.run(transaction));
    } catch (error) {
      job.failed(error);
      return;
    }
    job.done();
  }
}

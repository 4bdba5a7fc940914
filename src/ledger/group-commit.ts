/**
 * Many writes, one commit. A durable commit costs the disk a flush (about 2 ms), whatever is in
 * it; so all writes that arrive while one commit is under way share the next one. Each caller's
 * promise resolves after the commit that holds its write, never before.
 *
 * After contact to the store was lost nothing is tried again: it may have been committed.
 *
 * A write is a function of the transaction only, and may be run twice: when a group fails, its
 * members are tried again one by one, so that each caller gets its own error and nobody else's.
 *
 * A write may leave notes of what it did. Those of a whole group are sealed at once, last thing
 * before the commit.
 */

import type { Kysely, Transaction } from 'kysely';

/** Bounds the time for which a group holds up the reads behind it. */
const LARGEST_GROUP = 256;

type Work<Schema, Note, Value> = (
  transaction: Transaction<Schema>,
  note: (note: Note) => void,
) => Promise<Value>;

/** Writes down what the writes of one transaction have noted; it may be nothing. */
type Seal<Schema, Note> = (
  transaction: Transaction<Schema>,
  notes: readonly Note[],
) => Promise<void>;

interface Job<Schema, Note> {
  run(transaction: Transaction<Schema>, note: (note: Note) => void): Promise<void>;
  done(): void;
  failed(error: unknown): void;
}

export class GroupCommit<Schema, Note> {
  readonly #db: Kysely<Schema>;
  readonly #seal: Seal<Schema, Note>;
  readonly #isLostContact: (error: unknown) => boolean;
  #waiting: Job<Schema, Note>[] = [];
  #draining: Promise<void> | undefined;

  constructor(
    db: Kysely<Schema>,
    seal: Seal<Schema, Note>,
    isLostContact: (error: unknown) => boolean = () => false,
  ) {
    this.#db = db;
    this.#seal = seal;
    this.#isLostContact = isLostContact;
  }

  write<Value>(work: Work<Schema, Note, Value>): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      let finish: () => void = () => undefined;
      this.#waiting.push({
        async run(transaction, note) {
          const value = await work(transaction, note);
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

  /** False when the group was rolled back, and is to be tried one by one. */
  async #commit(group: readonly Job<Schema, Note>[]): Promise<boolean> {
    try {
      await this.#together(group);
    } catch (error) {
      if (!this.#isLostContact(error)) return false;
      for (const job of group) job.failed(error);
      return true;
    }
    for (const job of group) job.done();
    return true;
  }

  async #commitAlone(job: Job<Schema, Note>): Promise<void> {
    try {
      await this.#together([job]);
    } catch (error) {
      job.failed(error);
      return;
    }
    job.done();
  }

  #together(group: readonly Job<Schema, Note>[]): Promise<void> {
    return this.#db.transaction().execute(async (transaction) => {
      const notes: Note[] = [];
      for (const job of group) await job.run(transaction, (note) => notes.push(note));
      await this.#seal(transaction, notes);
    });
  }
}

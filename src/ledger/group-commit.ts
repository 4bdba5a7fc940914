/**
 * Many writes, one commit. A durable commit costs the disk a flush (about 2 ms), whatever is in
 * it; so all writes that arrive while one commit is under way share the next one. Each caller's
 * promise resolves after the commit that holds its write, never before.
 *
 * A write is a function of the transaction only, and may be run twice: when a group fails, its
 * members are tried again one by one, so that each caller gets its own error and nobody else's.
 * Two kinds of errors are known better. What concerns the store (it cannot be reached, another
 * process holds it) concerns the whole group: nothing is tried again, it may even have been
 * committed. And who met a row that somebody holds has waited for the others as well: it fails,
 * and they are tried again in a hurry: the locked row of one costs none of them its wait again.
 * Where it was met at the seal, nobody knows whose row it is: all are tried, each by itself; unless
 * it is one that every seal needs, which all have met.
 *
 * A write may leave notes of what it did. Those of a whole group are sealed at once, last thing
 * before the commit.
 */

import type { Kysely, Transaction } from 'kysely';

import { assertNever } from '../domain/result.ts';

/** Bounds the time for which a group holds up the reads behind it. */
const LARGEST_GROUP = 256;

type Work<Schema, Note, Value> = (
  transaction: Transaction<Schema>,
  note: (note: Note) => void,
) => Promise<Value>;

/**
 * Writes down what the writes of one transaction have noted; it may be nothing. Calls `common` when
 * only what every seal does is left to do.
 */
type Seal<Schema, Note> = (
  transaction: Transaction<Schema>,
  notes: readonly Note[],
  common: () => void,
) => Promise<void>;

/** Whose statement a transaction is at: a member's, that of some of them, or of all. */
type Turn<Member> = Member | 'some' | 'all';

/** Whose an error is: of the one whose statement met it, of the whole group, or it is not known. */
export type Reach = 'one' | 'all' | 'unknown';

export interface GroupCommitParts<Schema, Note> {
  readonly db: Kysely<Schema>;
  readonly seal: Seal<Schema, Note>;
  readonly reachOf: (error: unknown) => Reach;
  /** From here on the transaction waits for nobody for long. */
  readonly hurry: (transaction: Transaction<Schema>) => Promise<void>;
}

interface Job<Schema, Note> {
  run(transaction: Transaction<Schema>, note: (note: Note) => void): Promise<void>;
  done(): void;
  failed(error: unknown): void;
}

export class GroupCommit<Schema, Note> {
  readonly #parts: GroupCommitParts<Schema, Note>;
  #waiting: Job<Schema, Note>[] = [];
  #draining: Promise<void> | undefined;

  constructor(parts: GroupCommitParts<Schema, Note>) {
    this.#parts = parts;
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
      await this.#commit(this.#waiting.splice(0, LARGEST_GROUP));
    }
    this.#draining = undefined;
  }

  async #commit(group: readonly Job<Schema, Note>[]): Promise<void> {
    let at: Turn<Job<Schema, Note>> = 'all';
    try {
      await this.#together(group, (turn) => {
        at = turn;
      });
    } catch (error) {
      const reach = this.#parts.reachOf(error);
      const failed = failedOf(group, reach, at);
      for (const job of failed) job.failed(error);
      const others = group.filter((job) => !failed.includes(job));
      for (const job of others) await this.#commitAlone(job, reach === 'one');
      return;
    }
    for (const job of group) job.done();
  }

  async #commitAlone(job: Job<Schema, Note>, inHurry: boolean): Promise<void> {
    try {
      await this.#together([job], () => undefined, inHurry);
    } catch (error) {
      job.failed(error);
      return;
    }
    job.done();
  }

  /** @param begins told whose turn it is from here on. */
  #together(
    group: readonly Job<Schema, Note>[],
    begins: (turn: Turn<Job<Schema, Note>>) => void,
    inHurry = false,
  ): Promise<void> {
    const { db, hurry, seal } = this.#parts;
    return db.transaction().execute(async (transaction) => {
      if (inHurry) await hurry(transaction);
      const notes: Note[] = [];
      for (const job of group) {
        begins(job);
        await job.run(transaction, (note) => notes.push(note));
      }
      begins('some');
      await seal(transaction, notes, () => begins('all'));
    });
  }
}

/** Those of the group that are not tried again. */
function failedOf<Member>(
  group: readonly Member[],
  reach: Reach,
  at: Turn<Member>,
): readonly Member[] {
  switch (reach) {
    case 'all':
      return group;
    case 'one':
      // Whoever is alone has nobody to be told apart from.
      if (at === 'all' || group.length === 1) return group;
      return at === 'some' ? [] : [at];
    case 'unknown':
      return [];
    default:
      return assertNever(reach, 'reach of an error');
  }
}

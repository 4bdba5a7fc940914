/**
 * What the planner is told of earlier moves. Everything is learned from the ledger's own records,
 * so that a restart forgets nothing; read again only when a move has ended since.
 */

import type { MoveRecord } from '../domain/journal.ts';
import type { MigrationSettings } from '../domain/policy.ts';
import { inSlices, type Pause, type Slices } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { finishedCopies } from '../plan/finished.ts';
import { learnInSlices } from '../plan/learn.ts';
import type { Learned } from '../plan/learned.ts';
import type { EventSource } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';

/** Records asked for: some weeks of a busy fleet. */
const MOST_RECORDS = 300;

export class Experience {
  readonly #ledger: Pick<Ledger, 'recentMoves'>;
  readonly #pause: Pause | undefined;
  #records: readonly MoveRecord[] | undefined;
  #learned:
    | { readonly from: readonly MoveRecord[]; readonly what: Learned | undefined }
    | undefined;

  /** @param pause undefined: everything in one go. */
  constructor(ledger: Pick<Ledger, 'recentMoves'>, events: Pick<EventSource, 'on'>, pause?: Pause) {
    this.#ledger = ledger;
    this.#pause = pause;
    events.on('move-ended', () => {
      this.#records = undefined;
    });
  }

  /** Undefined: no move has taught anything yet. */
  async learned(snapshot: Snapshot, migration: MigrationSettings): Promise<Learned | undefined> {
    const records = this.#records ?? (await this.#ledger.recentMoves(MOST_RECORDS));
    this.#records = records;
    if (this.#learned?.from !== records) {
      const what = await inSlices(lessons(records, snapshot, migration), this.#pause);
      this.#learned = { from: records, what };
      return what;
    }
    return this.#learned.what;
  }
}

function* lessons(
  records: readonly MoveRecord[],
  snapshot: Snapshot,
  migration: MigrationSettings,
): Slices<Learned | undefined> {
  const copies = yield* finishedCopies(records, snapshot, migration);
  return yield* learnInSlices(copies, snapshot.takenAt, migration.downtimeLimitSeconds);
}

/**
 * What the planner is told of earlier moves. Everything is learned from the ledger's own records,
 * so that a restart forgets nothing; read again only when a move has ended since, and learned from
 * again also when what they are read against has changed.
 */

import type { MoveRecord } from '../domain/journal.ts';
import type { MigrationSettings } from '../domain/policy.ts';
import { inSlices, type Pause, type Slices } from '../domain/slices.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
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
  #lessons: Lessons | undefined;

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
    const terms = termsOf(records, snapshot, migration);
    const known = this.#lessons;
    if (known?.records === records && known.terms === terms) return known.learned;
    const learned = await inSlices(lessons(records, snapshot, migration), this.#pause);
    this.#lessons = { records, terms, learned };
    return learned;
  }
}

interface Lessons {
  readonly records: readonly MoveRecord[];
  readonly terms: string;
  readonly learned: Learned | undefined;
}

/**
 * What the records are read against, and stays the same from look to look: who of their hosts and
 * VMs is known (a restart asks before the inventory is there), and what the links are said to
 * carry. The load of the moment is not in it.
 */
function termsOf(
  records: readonly MoveRecord[],
  snapshot: Snapshot,
  { bandwidth, downtimeLimitSeconds }: MigrationSettings,
): string {
  const ends = new Set(records.flatMap(({ move }) => [move.from, move.to]));
  const hosts = [...ends].map((id) => {
    const host = hostOf(snapshot, id);
    return host === undefined ? [] : [host.migrationBandwidth, host.uplink];
  });
  const vms = records.map(({ move }) => vmOf(snapshot, move.vm)?.memoryBytes);
  return JSON.stringify([bandwidth, downtimeLimitSeconds, hosts, vms]);
}

function* lessons(
  records: readonly MoveRecord[],
  snapshot: Snapshot,
  migration: MigrationSettings,
): Slices<Learned | undefined> {
  const copies = yield* finishedCopies(records, snapshot, migration);
  return yield* learnInSlices(copies, snapshot.takenAt, migration.downtimeLimitSeconds);
}

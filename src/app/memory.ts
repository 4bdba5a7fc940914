/**
 * What the daemon keeps in memory beside the ledger: the newest snapshot, the progress of moves in
 * flight, and whether it is ready. Fed by events.
 */

import type { MoveProgress } from '../domain/events.ts';
import type { MoveId } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EventSource } from '../ports/events.ts';

export class DaemonMemory {
  #recovered = false;
  #snapshot: Snapshot | undefined;
  readonly #progress = new Map<MoveId, MoveProgress>();

  constructor(events: EventSource) {
    events.on('snapshot', ({ snapshot }) => {
      this.#snapshot = snapshot;
      // Of a move that another controller took over, this one never hears the end.
      const flying = new Set(snapshot.inFlight.map(({ move }) => move));
      for (const move of this.#progress.keys()) if (!flying.has(move)) this.#progress.delete(move);
    });
    events.on('move-progress', ({ move, progress }) => this.#progress.set(move.id, progress));
    events.on('move-ended', ({ move }) => this.#progress.delete(move.id));
  }

  /** Throws before the first snapshot: nobody may act on a fleet that was never seen. */
  get world(): Snapshot {
    if (this.#snapshot === undefined) throw new Error('no snapshot has been taken yet');
    return this.#snapshot;
  }

  /** The newest snapshot; undefined before the first. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get progress(): ReadonlyMap<string, MoveProgress> {
    return this.#progress;
  }

  get recovered(): boolean {
    return this.#recovered;
  }

  /** What the last run left open is settled. */
  start(): void {
    this.#recovered = true;
  }
}

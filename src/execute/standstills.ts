/**
 * Since when a move is seen where it is, over being let go and taken up again: where its lease
 * comes and goes, patience that began anew each time would never end, and nobody would be called.
 */

import type { MoveId } from '../domain/ids.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Who has not looked for longer does not know what was between. */
const LONGEST_GAP = seconds(60);
/** Moves that are taken up elsewhere are never asked about again: the oldest are forgotten. */
const MOST_MOVES = 1_000;

interface Seen {
  readonly kind: Whereabouts['kind'];
  readonly since: Seconds;
  readonly lookedAt: Seconds;
}

export class Standstills {
  readonly #seen = new Map<MoveId, Seen>();

  get size(): number {
    return this.#seen.size;
  }

  /** It goes on. */
  forget(move: MoveId): void {
    this.#seen.delete(move);
  }

  /** @param now monotonic. */
  since(move: MoveId, kind: Whereabouts['kind'], now: Seconds): Seconds {
    const before = this.#seen.get(move);
    const goesOn = before?.kind === kind && now - before.lookedAt <= LONGEST_GAP;
    const since = goesOn ? before.since : now;
    this.#seen.delete(move);
    this.#seen.set(move, { kind, since, lookedAt: now });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST_MOVES && oldest !== undefined) this.#seen.delete(oldest);
    return since;
  }
}

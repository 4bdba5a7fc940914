/**
 * The moves of this executor that have ended, for as long as it matters: until a snapshot shows it
 * by itself, and until no plan can come again that has them. Pure bookkeeping.
 */

import type { MoveId, PlanId } from '../domain/ids.ts';
import type { Outcome } from '../domain/journal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type EndedMove, isOutlived } from './current-world.ts';

/** A bound for the memory; a snapshot outlives it long before. */
const MOST_ENDED = 10_000;

export class EndedMoves {
  #moves: readonly EndedMove[] = [];
  #newestPlan: PlanId | undefined;

  get all(): readonly EndedMove[] {
    return this.#moves;
  }

  /** A plan is to be carried out; it may come again, with more of it allowed. */
  begin(plan: PlanId): ReadonlyMap<MoveId, Outcome> {
    this.#newestPlan = plan;
    return this.outcomes;
  }

  get outcomes(): ReadonlyMap<MoveId, Outcome> {
    return new Map(this.#moves.map((end) => [end.move, end.outcome]));
  }

  add(end: EndedMove, world: Snapshot): void {
    const kept = this.#moves.filter(
      (one) => one.plan === this.#newestPlan || !isOutlived(one, world),
    );
    this.#moves = [...kept.slice(1 - MOST_ENDED), end];
  }
}

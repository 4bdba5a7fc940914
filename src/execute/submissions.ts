/** Which submitted plans wait for which moves, and how their moves ended. Pure bookkeeping. */

import type { MoveId } from '../domain/ids.ts';
import type { Outcome } from '../domain/journal.ts';

interface Submission {
  readonly outcomes: Map<MoveId, Outcome>;
  /** Its moves that have not ended. */
  readonly left: Set<MoveId>;
  readonly finish: () => void;
}

export class Submissions {
  readonly #open = new Set<Submission>();

  /** Resolves when all of `moves` have ended; `outcomes` grows by every move that ends. */
  wait(moves: readonly MoveId[], outcomes: Map<MoveId, Outcome>): Promise<void> {
    if (moves.length === 0) return Promise.resolve();
    return new Promise((finish) => {
      this.#open.add({ outcomes, left: new Set(moves), finish });
    });
  }

  /** A move ended; undefined: it did not, and is not waited for any more. */
  settle(move: MoveId, outcome: Outcome | undefined): void {
    for (const submission of this.#open) {
      if (outcome !== undefined) submission.outcomes.set(move, outcome);
      submission.left.delete(move);
      if (submission.left.size > 0) continue;
      this.#open.delete(submission);
      submission.finish();
    }
  }
}

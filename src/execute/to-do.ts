/** Which moves of a plan that is handed in are left to be done, and how the others stand. */

import type { MoveId } from '../domain/ids.ts';
import type { GateVerdict, Outcome } from '../domain/journal.ts';
import type { Move, Plan } from '../domain/plan.ts';

export interface ToDo {
  readonly moves: readonly Move[];
  /** Those that are begun, and that the plan wants still. */
  readonly wanted: ReadonlySet<MoveId>;
  /** Of those that have ended, or are not to be executed. */
  readonly outcomes: Map<MoveId, Outcome>;
}

export interface Progress {
  /** How moves of this plan that were handed in before have ended. */
  readonly before: ReadonlyMap<MoveId, Outcome>;
  /** It goes on by itself. */
  readonly isBegun: (move: Move) => boolean;
  /** Nothing of it is begun, whatever the verdict. */
  readonly isStopped: (move: Move) => boolean;
}

export function leftToDo(
  plan: Plan,
  verdicts: readonly GateVerdict[],
  { before, isBegun, isStopped }: Progress,
): ToDo {
  const allowed = new Set(
    verdicts.filter((verdict) => verdict.verdict === 'execute').map((verdict) => verdict.move),
  );
  const outcomes = new Map<MoveId, Outcome>();
  const moves: Move[] = [];
  const wanted = new Set<MoveId>();
  for (const move of plan.moves) {
    const isAllowed = allowed.has(move.id) && !isStopped(move);
    if (isBegun(move)) {
      if (isAllowed) wanted.add(move.id);
      continue;
    }
    const outcome = before.get(move.id) ?? (isAllowed ? undefined : 'skipped');
    if (outcome === undefined) moves.push(move);
    else outcomes.set(move.id, outcome);
  }
  return { moves, wanted, outcomes };
}

/**
 * The newest snapshot, corrected by what this executor knows better. A move that ended after the
 * hosts were last asked is not in the snapshot: without the correction, a VM that waits for the
 * place of another would find it still taken, and two could take the same place. What the VM used
 * goes with it: else its old host would look as loaded as before, and be relieved once more. Pure.
 */

import type { MoveId } from '../domain/ids.ts';
import type { InFlightMove, Snapshot } from '../domain/snapshot.ts';
import type { EndedMove } from './ended-moves.ts';
import { settled, type SettledWorld } from './settled-world.ts';

/**
 * The world as the move `asking` has to see it; undefined: as a new plan has to. `running` holds
 * all moves that this executor has under way, in the order in which they were started: a move sees
 * those before it, not those after it. If both saw each other, two that want the same place would
 * both stand back.
 */
// oxlint-disable-next-line max-params -- a snapshot, the two corrections, and who asks
export function currentWorld(
  snapshot: Snapshot,
  running: readonly InFlightMove[],
  ended: readonly EndedMove[],
  asking: MoveId | undefined,
): Snapshot {
  const after = settled(snapshot, ended);
  const position = running.findIndex((flight) => flight.move === asking);
  const before = position < 0 ? running : running.slice(0, position);
  return { ...after.world, inFlight: [...othersUnderWay(snapshot, running, after), ...before] };
}

/** What others have under way, and Drover before it was started anew. */
function othersUnderWay(
  { inFlight }: Snapshot,
  running: readonly InFlightMove[],
  { endedIds }: SettledWorld,
): readonly InFlightMove[] {
  const own = new Set(running.map(({ move }) => move));
  return inFlight.filter(({ move }) => !own.has(move) && !endedIds.has(move));
}

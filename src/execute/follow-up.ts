/** The move that is tried instead of one that came to nothing. Pure. */

import { COLD_BOOT_SECONDS, COLD_SHUTDOWN_SECONDS } from '../domain/cold-move.ts';
import { moveId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import { bytes, seconds } from '../domain/units.ts';
import type { Running } from './running.ts';
import type { WaitingMove } from './waiting-line.ts';

/** What waits then in its place. `why`: how the live move ended. */
export function coldInstead({ move, plan }: Running['record'], why: string): WaitingMove {
  return { lane: 'follow-up', plan, move: coldMove(move, why), index: 0, outcomes: new Map() };
}

/** The same VM to the same place by a stop and a start. */
function coldMove(move: Move, why: string): Move {
  const { finding, text, evidence } = move.reason;
  const duration = seconds(COLD_SHUTDOWN_SECONDS + COLD_BOOT_SECONDS);
  return {
    ...move,
    id: moveId(`${move.id}-cold`),
    method: 'cold',
    reason: { finding, text: `${text}; live: ${why}`, evidence, terms: {} },
    dependsOn: [],
    insteadOf: move.id,
    predicted: {
      startSeconds: seconds(0),
      seconds: duration,
      downtimeSeconds: duration,
      bytes: bytes(0),
    },
  };
}

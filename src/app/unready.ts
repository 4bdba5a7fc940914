/** Why a daemon that has just started does not act yet. */

import type { DaemonMemory } from './memory.ts';
import type { Tick } from './tick.ts';

/** A sentence for each reason; empty: nothing is missing. */
export function unready(
  { recovered }: Pick<DaemonMemory, 'recovered'>,
  { state }: Pick<Tick, 'state'>,
): readonly string[] {
  const reasons: string[] = [];
  if (!recovered) reasons.push('moves of an earlier run are still being settled');
  if (state === undefined) reasons.push('no snapshot has been taken yet');
  return reasons;
}

/** Which clusters the moves touch: that of the source and that of the target, once if it is one. */

import type { ClusterId } from '../domain/ids.ts';
import type { Step } from './world.ts';

/** A host that is in no cluster counts in none. */
export function clustersOf({ from, to }: Pick<Step, 'from' | 'to'>): readonly ClusterId[] {
  const ends = new Set([from.cluster, to.cluster]);
  return [...ends].filter((cluster) => cluster !== undefined);
}

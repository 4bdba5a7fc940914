/** The clusters that a move touches: what a cap or a budget of each of them counts. */

import type { Host } from './host.ts';
import type { ClusterId } from './ids.ts';

/** Each once, the source's first. A host that is in no cluster touches none. */
export function touchedClusters(
  from: Pick<Host, 'cluster'>,
  to: Pick<Host, 'cluster'>,
): readonly ClusterId[] {
  const [source, target] = [from.cluster, to.cluster];
  if (source === undefined) return target === undefined ? [] : [target];
  return target === undefined || target === source ? [source] : [source, target];
}

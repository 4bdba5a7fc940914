/** The clusters that a move touches, by the newest snapshot: what the waiting line counts. */

import type { ClusterId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { touchedClusters } from '../domain/touched-clusters.ts';

/** Each once. A host that is not in the snapshot, or in no cluster, names none. */
export type ClustersOf = (move: Pick<Move, 'from' | 'to'>) => readonly ClusterId[];

export function clustersOf({ hosts }: Pick<Snapshot, 'hosts'>): ClustersOf {
  const known = new Map(hosts.map((host) => [host.id, host.cluster]));
  return ({ from, to }) =>
    touchedClusters({ cluster: known.get(from) }, { cluster: known.get(to) });
}

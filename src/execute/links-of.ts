/** The uplinks that a move goes over, by the newest snapshot: what the waiting line counts. */

import { sharedLinks } from '../domain/links.ts';
import type { Move } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';

/** Names of links of one direction each. A host that is not in the snapshot names none. */
export type LinksOf = (move: Pick<Move, 'from' | 'to'>) => readonly string[];

export function linksOf({ hosts }: Pick<Snapshot, 'hosts'>): LinksOf {
  const named = hosts.filter(({ uplink }) => uplink !== undefined);
  if (named.length === 0) return () => [];
  const known = new Map(named.map((host) => [host.id, host]));
  return ({ from, to }) =>
    sharedLinks(known.get(from) ?? {}, known.get(to) ?? {}).map(({ name }) => name);
}

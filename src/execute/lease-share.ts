/**
 * Who takes which cluster. Every controller works out the same answer from the same board, so
 * they need not talk to each other: a free cluster goes to the live controller that wants it and
 * has the fewest, and who has two more than another gives one up. Pure.
 */

import { type ClusterId, compareText } from '../domain/ids.ts';
import type { Controller } from '../ports/leases.ts';

export interface ShareView {
  /** Id of the controller that asks. */
  readonly me: string;
  /** The controllers that show signs of life, the asking one with them. */
  readonly live: readonly Pick<Controller, 'id' | 'wants'>[];
  /** Who holds what, without what is free. */
  readonly holders: ReadonlyMap<ClusterId, string>;
  readonly free: readonly ClusterId[];
  /** Nothing is under way there: it can be given up without cutting anything off. */
  readonly isIdle: (cluster: ClusterId) => boolean;
}

export interface Share {
  readonly claim: readonly ClusterId[];
  readonly release: readonly ClusterId[];
}

export function fairShare({ me, live, holders, free, isIdle }: ShareView): Share {
  const counts = new Map(live.map(({ id }) => [id, 0]));
  for (const id of holders.values()) counts.set(id, (counts.get(id) ?? 0) + 1);
  const count = (id: string): number => counts.get(id) ?? 0;
  const fewest = (cluster: ClusterId): string | undefined => {
    const willing = live.filter(({ wants }) => wants.includes(cluster)).map(({ id }) => id);
    return willing.toSorted((a, b) => count(a) - count(b) || compareText(a, b))[0];
  };
  const claim: ClusterId[] = [];
  for (const cluster of free.toSorted(compareText)) {
    const next = fewest(cluster);
    if (next === undefined) continue;
    counts.set(next, count(next) + 1);
    if (next === me) claim.push(cluster);
  }
  const release: ClusterId[] = [];
  const own = [...holders].filter(([, id]) => id === me).map(([cluster]) => cluster);
  for (const cluster of own.toSorted(compareText)) {
    const next = fewest(cluster);
    if (next === undefined || count(me) - count(next) < 2 || !isIdle(cluster)) continue;
    counts.set(next, count(next) + 1);
    counts.set(me, count(me) - 1);
    release.push(cluster);
  }
  return { claim, release };
}

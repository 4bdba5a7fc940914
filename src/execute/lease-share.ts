/**
 * Who takes which cluster. Every controller works out the same answer from the same board, so
 * they need not talk to each other: a free cluster goes to the live controller that wants it and
 * has the fewest, and who has two more than another gives one up. Clusters between which a move is
 * open go together: only who has both can take the move up when its controller is dead. So do
 * those that a controller asks for, because a move that cannot wait needs both: else the two that
 * have them would wait for each other for ever. Of asks that overlap one is served at a time. Pure.
 */

import { type ClusterId, compareText } from '../domain/ids.ts';
import type { Controller } from '../ports/leases.ts';

export interface ShareView {
  /** Id of the controller that asks. */
  readonly me: string;
  /** The controllers that show signs of life, the asking one with them. */
  readonly live: readonly Pick<Controller, 'id' | 'wants' | 'asks'>[];
  /** Who holds what, without what is free. */
  readonly holders: ReadonlyMap<ClusterId, string>;
  readonly free: readonly ClusterId[];
  /** Nothing is under way there: it can be given up without cutting anything off. */
  readonly isIdle: (cluster: ClusterId) => boolean;
  /** The clusters of each open move. */
  readonly joined: readonly (readonly ClusterId[])[];
}

export interface Share {
  readonly claim: readonly ClusterId[];
  readonly release: readonly ClusterId[];
}

export function fairShare(view: ShareView): Share {
  const { me, live, holders, free, isIdle } = view;
  const counts = new Map(live.map(({ id }) => [id, 0]));
  for (const id of holders.values()) counts.set(id, (counts.get(id) ?? 0) + 1);
  const count = (id: string): number => counts.get(id) ?? 0;
  const fewest = (cluster: ClusterId): string | undefined => {
    const willing = live.filter(({ wants }) => wants.includes(cluster)).map(({ id }) => id);
    return willing.toSorted((a, b) => count(a) - count(b) || compareText(a, b))[0];
  };
  const keepers = keepersOf(view, count);
  const claim: ClusterId[] = [];
  const isJoined = (cluster: ClusterId): number => Number(keepers.has(cluster));
  const inTurn = free.toSorted((a, b) => isJoined(b) - isJoined(a) || compareText(a, b));
  for (const cluster of inTurn) {
    const next = keepers.get(cluster) ?? fewest(cluster);
    if (next === undefined) continue;
    counts.set(next, count(next) + 1);
    if (next === me) claim.push(cluster);
  }
  const release: ClusterId[] = [];
  const own = [...holders].filter(([, id]) => id === me).map(([cluster]) => cluster);
  for (const cluster of own.toSorted(compareText)) {
    const keeper = keepers.get(cluster);
    const next = keeper ?? fewest(cluster);
    if (next === undefined || next === me || !isIdle(cluster)) continue;
    if (keeper === undefined && count(me) - count(next) < 2) continue;
    counts.set(next, count(next) + 1);
    counts.set(me, count(me) - 1);
    release.push(cluster);
  }
  return { claim, release };
}

export interface LeftView {
  /** Its own id. */
  readonly me: string;
  /** What it would take itself. */
  readonly mine: readonly ClusterId[];
  /** The others that show signs of life. */
  readonly others: readonly Pick<Controller, 'id' | 'wants' | 'isCarried'>[];
  readonly joined: ShareView['joined'];
}

/**
 * What a controller whose own VM is moving leaves alone: each cluster that another would take. Of
 * those that hang together by open moves one other has to want all: else nobody could take the
 * moves up. Of several that are moved none waits for one behind it: else each left all to the
 * other.
 */
export function leftToOthers({ me, mine, others, joined }: LeftView): ReadonlySet<ClusterId> {
  const heirs = others.filter(({ id, isCarried }) => !isCarried || compareText(id, me) < 0);
  const groups = together(joined).filter((group) => includesAll(mine, group));
  const isLeft = (cluster: ClusterId): boolean => {
    const all = groups.find((group) => group.includes(cluster)) ?? [cluster];
    return heirs.some(({ wants }) => includesAll(wants, all));
  };
  return new Set(mine.filter(isLeft));
}

/**
 * Of each cluster that goes together with others: who is to have them all. No entry where nobody
 * wants them all.
 */
function keepersOf(
  { live, holders, joined }: ShareView,
  count: (id: string) => number,
): ReadonlyMap<ClusterId, string> {
  const keepers = new Map<ClusterId, string>();
  const groups = together(joined);
  for (const group of groups) {
    const ids = live
      .filter(({ wants }) => includesAll(wants, group))
      .map(({ id }) => id)
      .toSorted((a, b) => count(a) - count(b) || compareText(a, b));
    const first = group.map((one) => holders.get(one) ?? '').find((id) => ids.includes(id));
    const keeper = first ?? ids[0];
    if (keeper === undefined) continue;
    for (const cluster of group) keepers.set(cluster, keeper);
  }
  const served = new Set<ClusterId>();
  for (const { id, wants, asks } of live.toSorted((a, b) => compareText(a.id, b.id))) {
    // With what hangs on it by moves that are open.
    const touched = groups.filter((group) => group.some((one) => asks.includes(one)));
    const all = new Set([...asks, ...touched.flat()]);
    if (!includesAll(wants, [...all]) || [...all].some((one) => served.has(one))) continue;
    for (const cluster of all) {
      keepers.set(cluster, id);
      served.add(cluster);
    }
  }
  return keepers;
}

function includesAll(wants: readonly ClusterId[], clusters: readonly ClusterId[]): boolean {
  return clusters.every((one) => wants.includes(one));
}

/** Sets of two or more that hang together over any number of moves, each in order. */
function together(joined: ShareView['joined']): readonly (readonly ClusterId[])[] {
  let groups: ReadonlySet<ClusterId>[] = [];
  for (const clusters of joined) {
    const touched = groups.filter((group) => clusters.some((one) => group.has(one)));
    const merged = new Set([...clusters, ...touched.flatMap((group) => [...group])]);
    groups = [...groups.filter((group) => !touched.includes(group)), merged];
  }
  return groups.filter(({ size }) => size > 1).map((group) => [...group].toSorted(compareText));
}

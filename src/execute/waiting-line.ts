/**
 * The moves that may start and have not. Streaming: a move leaves the line the moment that its
 * dependencies have ended well and the caps of its hosts, links and clusters allow it; one that has
 * to wait holds up nobody behind it. A move that goes alone (`Move.alone`) waits for all others, of
 * whatever plan, and nothing starts beside it; but nobody waits for one that has not been heard of
 * for long (silences.ts). Pure bookkeeping: it starts nothing itself.
 */

import { TIERS } from '../domain/finding.ts';
import {
  compareText,
  type FindingId,
  type HostId,
  type MoveId,
  type PlanId,
} from '../domain/ids.ts';
import { isHandedIn } from '../domain/handed-in.ts';
import type { Outcome } from '../domain/journal.ts';
import type { Move } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { CRITICALITIES } from '../domain/vm.ts';
import { clustersOf } from './clusters-of.ts';
import { linksOf } from './links-of.ts';

/**
 * `planned`: the planner's newest plan, of which each replaces the one before; `ordered`: a plan
 * that a person has handed in, which stands beside it; `follow-up`: what is tried instead of a move
 * that came to nothing, whatever is planned meanwhile.
 */
export type Lane = 'planned' | 'ordered' | 'follow-up';

export interface WaitingMove {
  readonly lane: Lane;
  readonly plan: PlanId;
  readonly move: Move;
  /** A mandatory move of its plan waits for it. */
  readonly isAwaited?: boolean;
  /** Smaller is first. Absent until it is in the line; see {@link ranksIn}. */
  readonly rank?: number;
  /** Position in its plan. */
  readonly index: number;
  /** How the moves of its plan ended; those of the plan that are not to be executed are in it. */
  readonly outcomes: ReadonlyMap<MoveId, Outcome>;
}

/** The moves that were begun and have not ended; each takes its places. */
export interface Underway {
  readonly moves: readonly Move[];
  /** Those of them that have not been heard of for long. */
  readonly silent: ReadonlySet<MoveId>;
  /** So many of them are counted by the ledger alone for the cap of all moves; absent: none. */
  readonly uncounted?: number | undefined;
  /** Those of other controllers: counted for links and clusters; absent: there are none. */
  readonly elsewhere?: readonly Move[] | undefined;
}

export type NextMove =
  | { readonly kind: 'start'; readonly entry: WaitingMove }
  /** It will never be able to start. */
  | { readonly kind: 'skip'; readonly entry: WaitingMove; readonly reason: string };

export class WaitingLine {
  #entries: WaitingMove[] = [];

  get size(): number {
    return this.#entries.length;
  }

  get moves(): readonly Move[] {
    return this.#entries.map(({ move }) => move);
  }

  waiting(lane: Lane): readonly Move[] {
    return this.#entries.filter((entry) => entry.lane === lane).map(({ move }) => move);
  }

  movesOf(plan: PlanId): readonly Move[] {
    return this.#entries.filter((entry) => entry.plan === plan).map(({ move }) => move);
  }

  add(entries: readonly WaitingMove[]): void {
    const moves = entries.map(({ move }) => move);
    const [awaited, ranks] = [awaitedIn(moves), ranksIn(moves)];
    for (const one of entries) {
      const { id } = one.move;
      this.#entries.push({ ...one, isAwaited: awaited.has(id), rank: ranks.get(id) ?? 0 });
    }
    this.#entries.sort(byRank);
  }

  /** It was taken out to be started, and could not be. */
  putBack(entry: WaitingMove): void {
    this.#entries.push(entry);
    this.#entries.sort(byRank);
  }

  /** Takes out everything that waits, or what `which` chooses. */
  remove(which: (entry: WaitingMove) => boolean = () => true): readonly WaitingMove[] {
    const gone = this.#entries.filter(which);
    this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    return gone;
  }

  /** Takes out the first move that may start (or never will); undefined: all have to wait. */
  next(
    running: Underway,
    caps: Limits['concurrency'],
    world: Pick<Snapshot, 'hosts'>,
  ): NextMove | undefined {
    const isRoom = roomFor(running, caps);
    const isPathFree = pathFor([...running.moves, ...(running.elsewhere ?? [])], caps, world);
    const look = (entry: WaitingMove): NextMove | undefined =>
      judge(entry, isRoom, () => isPathFree(entry.move));
    const mayAlone = this.#mayAlone(running, look);
    for (const [position, entry] of this.#entries.entries()) {
      const answer = look(entry);
      if (answer === undefined) continue;
      if (answer.kind === 'start' && goesAlone(entry.move) && !mayAlone(entry.move)) continue;
      this.#entries.splice(position, 1);
      return answer;
    }
    return undefined;
  }

  /** Whether a move may go alone: all others come first, but for those that wait for the silent. */
  #mayAlone(
    { moves, silent }: Underway,
    look: (entry: WaitingMove) => NextMove | undefined,
  ): (move: Move) => boolean {
    const others = this.#entries.filter(({ move }) => !goesAlone(move));
    if (silent.size === 0) return () => moves.length === 0 && others.length === 0;
    const isQuiet = moves.every(({ id }) => silent.has(id));
    // What can wait does not go beside what nobody knows anything of.
    return ({ tier }) =>
      tier === 'mandatory' && isQuiet && others.every((entry) => look(entry) === undefined);
  }
}

/** What the mandatory ones wait for, and what that waits for. */
function awaitedIn(moves: readonly Move[]): ReadonlySet<MoveId> {
  const byId = new Map(moves.map((move) => [move.id, move]));
  const awaited = new Set(
    moves.flatMap(({ tier, dependsOn }) => (tier === 'mandatory' ? dependsOn : [])),
  );
  // Those that are found on the way are gone through, too.
  for (const id of awaited) for (const next of byId.get(id)?.dependsOn ?? []) awaited.add(next);
  return awaited;
}

/**
 * By tier, then by criticality; what others wait for is as urgent as the most urgent of them, as
 * the plan has it too. But nothing is for the sake of what goes alone: that is last in any case.
 */
function ranksIn(moves: readonly Move[]): ReadonlyMap<MoveId, number> {
  const byId = new Map(moves.map((move) => [move.id, move]));
  const ranks = new Map<MoveId, number>();
  for (const move of moves.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    const reached = new Set([move.id]);
    for (const id of reached) {
      if (ranks.has(id)) continue;
      ranks.set(id, rankOf(move));
      if (goesAlone(move)) break;
      for (const next of byId.get(id)?.dependsOn ?? []) reached.add(next);
    }
  }
  return ranks;
}

function rankOf({ tier, criticality }: Move): number {
  return TIERS.indexOf(tier) * CRITICALITIES.length + CRITICALITIES.indexOf(criticality);
}

/** Nobody wants it but the finding. */
export function isOnlyFor({ move, plan }: WaitingMove, finding: FindingId): boolean {
  return !isHandedIn(plan) && move.reason.finding === finding;
}

function goesAlone({ alone }: Move): boolean {
  return alone === true;
}

/** Whether the links of a move and the clusters that it touches take it beside those that run. */
function pathFor(
  running: readonly Move[],
  { perLink, perCluster }: Limits['concurrency'],
  world: Pick<Snapshot, 'hosts'>,
): (move: Move) => boolean {
  const areLinksFree = fewerThan(perLink, running, linksOf(world));
  if (perCluster === undefined) return areLinksFree;
  const areClustersFree = fewerThan(perCluster, running, clustersOf(world));
  return (move) => areLinksFree(move) && areClustersFree(move);
}

/** Whether fewer than `most` run on each of what a move is counted under. Counted once. */
function fewerThan(
  most: number,
  running: readonly Move[],
  namesOf: (move: Move) => readonly string[],
): (move: Move) => boolean {
  const held = new Map<string, number>();
  for (const name of running.flatMap(namesOf)) held.set(name, (held.get(name) ?? 0) + 1);
  return (move) => namesOf(move).every((name) => (held.get(name) ?? 0) < most);
}

/** Whether a move may start beside those that run. Counted once: a thousand may wait. */
function roomFor(
  { moves: running, silent, uncounted = 0 }: Underway,
  caps: Limits['concurrency'],
): (move: Move) => boolean {
  if (running.some((move) => goesAlone(move) && !silent.has(move.id))) return () => false;
  const [out, into] = [new Map<HostId, number>(), new Map<HostId, number>()];
  for (const { from, to } of running) {
    out.set(from, (out.get(from) ?? 0) + 1);
    into.set(to, (into.get(to) ?? 0) + 1);
  }
  return (move) =>
    running.length - uncounted < caps.total &&
    (out.get(move.from) ?? 0) < caps.perHostOut &&
    (into.get(move.to) ?? 0) < caps.perHostIn;
}

/** How the reason begins why it is skipped that waited for what came to nothing. */
export const WAITED_FOR = 'it waited for ';

function judge(
  entry: WaitingMove,
  isRoom: (move: Move) => boolean,
  isPathFree: () => boolean,
): NextMove | undefined {
  for (const id of entry.move.dependsOn) {
    const outcome = entry.outcomes.get(id);
    if (outcome === undefined) return undefined;
    if (outcome !== 'succeeded') {
      return { kind: 'skip', entry, reason: `${WAITED_FOR}${id}, which ${ENDED[outcome]}` };
    }
  }
  return isRoom(entry.move) && isPathFree() ? { kind: 'start', entry } : undefined;
}

const ENDED: Readonly<Record<Outcome, string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  skipped: 'was skipped',
  cancelled: 'was cancelled',
  'needs-human': 'needs a human',
};

/** Rank, then the order of the plan. */
function byRank(a: WaitingMove, b: WaitingMove): number {
  return (a.rank ?? 0) - (b.rank ?? 0) || a.index - b.index || compareText(a.move.id, b.move.id);
}

/**
 * A valid order made one in which what matters goes first: each move, the most important one first,
 * with whatever it waits for before it, and nothing else. What a move waits for depends on who is
 * listed before it, so that is asked again, and with other answers all is done once more. Pure.
 */

/** A move in a list. */
interface Listed {
  readonly vm: number;
  /** Places in the list of what has to end before it, all of them before its own. */
  readonly dependsOn: readonly number[];
}

/** Each time less is left to change. */
const MOST_ROUNDS = 5;

/**
 * @param rankOf smaller matters more
 * @param relist the same moves listed in that order; undefined: it is no valid one
 */
export function importantFirst<Move extends Listed>(
  valid: readonly Move[],
  rankOf: (move: Move) => number,
  relist: (moves: readonly Move[]) => readonly Move[] | undefined,
): readonly Move[] {
  let best = valid;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const next = relist(withNeeds(best, rankOf));
    if (next === undefined || next.every(({ vm }, place) => vm === best[place]?.vm)) return best;
    best = next;
  }
  return best;
}

function withNeeds<Move extends Listed>(
  listed: readonly Move[],
  rankOf: (move: Move) => number,
): readonly Move[] {
  const ordered = new Set<Move>();
  const isLeft = (place: number): boolean => {
    const one = listed[place];
    return one !== undefined && !ordered.has(one);
  };
  const byRank = [...listed.entries()].sort(([, a], [, b]) => rankOf(a) - rankOf(b));
  for (const [own, move] of byRank) {
    if (ordered.has(move)) continue;
    const needed = new Set([own]);
    // Those that are found on the way are gone through, too; what is listed has its own before it.
    for (const place of needed) {
      for (const before of listed[place]?.dependsOn ?? []) if (isLeft(before)) needed.add(before);
    }
    for (const place of [...needed].sort((a, b) => a - b)) {
      const one = listed[place];
      if (one !== undefined) ordered.add(one);
    }
  }
  return [...ordered];
}

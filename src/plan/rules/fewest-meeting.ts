/**
 * How many places are needed to meet every one of some pairs of places (a minimum vertex cover): by
 * branching on the place that most pairs name, with pairs that have no place in common as the
 * bound. Exact as far as a bound on its nodes allows, which no group of a plan comes near. Pure.
 */

export type Pair = readonly [one: number, other: number];

const MAX_NODES = 1000;

/** @param enough more than that is not counted */
export function fewestMeeting(pairs: readonly Pair[], enough: number): number {
  return new Search().fewest(pairs, enough);
}

class Search {
  #nodes = MAX_NODES;

  fewest(pairs: readonly Pair[], enough: number): number {
    const least = apart(pairs);
    if (least >= enough) return Math.max(0, enough);
    this.#nodes -= 1;
    // All apart are all; beyond the bound, too few are taken for certain, and never too many.
    if (least === pairs.length || this.#nodes < 0) return least;
    const named = neighbours(pairs);
    const without = (place: number): Pair[] => pairs.filter((pair) => !pair.includes(place));
    // Of a place that only one other goes with, the other meets as much, and maybe more.
    const [onlyOther] = [...named.values()].find(({ size }) => size === 1) ?? [];
    if (onlyOther !== undefined) return 1 + this.fewest(without(onlyOther), enough - 1);
    let [busiest, others] = [-1, new Set<number>()];
    for (const [place, around] of named) {
      if (around.size > others.size) [busiest, others] = [place, around];
    }
    const best = 1 + this.fewest(without(busiest), enough - 1);
    const rest = pairs.filter((pair) => !pair.some((place) => others.has(place)));
    return Math.min(best, others.size + this.fewest(rest, best - others.size));
  }
}

/** How many pairs, one after the other, share no place with one before. */
function apart(pairs: readonly Pair[]): number {
  const taken = new Set<number>();
  let count = 0;
  for (const [one, other] of pairs) {
    if (taken.has(one) || taken.has(other)) continue;
    taken.add(one).add(other);
    count += 1;
  }
  return count;
}

/** Per place, the places that it is in a pair with. */
function neighbours(pairs: readonly Pair[]): ReadonlyMap<number, Set<number>> {
  const named = new Map<number, Set<number>>();
  const add = (place: number, other: number): void => {
    const around = named.get(place);
    if (around === undefined) named.set(place, new Set([other]));
    else around.add(other);
  };
  for (const [one, other] of pairs) {
    add(one, other);
    add(other, one);
  }
  return named;
}

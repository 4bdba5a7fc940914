/**
 * The smallest set of causes that rules out every target: a set cover, by depth-first search with
 * a bound on its nodes, from a greedy start; then a deletion filter (Chinneck, "Feasibility and
 * Infeasibility in Optimization", 2008), so that none of the set can be left out. Pure: indexes in,
 * indexes out; equal input gives equal output.
 */

const MAX_NODES = 2000;

/**
 * @param rulingOut per target, the causes (small numbers, ascending) that rule it out.
 * @returns the causes, those that rule out most first; undefined: some target has none.
 */
export function smallestCover(rulingOut: readonly (readonly number[])[]): number[] | undefined {
  if (rulingOut.some((causes) => causes.length === 0)) return undefined;
  const greedy = irreducible(rulingOut, greedyCover(rulingOut));
  const search = new CoverSearch(rulingOut, greedy);
  return sortedByReach(rulingOut, irreducible(rulingOut, search.run()));
}

function reachOf(rulingOut: readonly (readonly number[])[]): Map<number, number> {
  const reach = new Map<number, number>();
  for (const causes of rulingOut) {
    for (const cause of causes) reach.set(cause, (reach.get(cause) ?? 0) + 1);
  }
  return reach;
}

function sortedByReach(
  rulingOut: readonly (readonly number[])[],
  causes: readonly number[],
): number[] {
  const reach = reachOf(rulingOut);
  return causes.toSorted((a, b) => (reach.get(b) ?? 0) - (reach.get(a) ?? 0) || a - b);
}

function greedyCover(rulingOut: readonly (readonly number[])[]): number[] {
  const chosen: number[] = [];
  let left = rulingOut;
  while (left.length > 0) {
    const [best] = sortedByReach(left, [...reachOf(left).keys()]);
    if (best === undefined) break;
    chosen.push(best);
    left = left.filter((causes) => !causes.includes(best));
  }
  return chosen;
}

/** Leaves out, one after the other, what is not needed: the last chosen first. */
function irreducible(
  rulingOut: readonly (readonly number[])[],
  chosen: readonly number[],
): readonly number[] {
  const kept = new Set(chosen);
  for (const cause of chosen.toReversed()) {
    kept.delete(cause);
    if (!rulingOut.every((causes) => causes.some((one) => kept.has(one)))) kept.add(cause);
  }
  return [...kept];
}

class CoverSearch {
  readonly #rulingOut: readonly (readonly number[])[];
  readonly #chosen = new Set<number>();
  #best: readonly number[];
  #nodes = MAX_NODES;

  constructor(rulingOut: readonly (readonly number[])[], start: readonly number[]) {
    this.#rulingOut = rulingOut;
    this.#best = start;
  }

  run(): readonly number[] {
    this.#visit();
    return this.#best;
  }

  /** Branches on the target that the fewest causes rule out. */
  #visit(): void {
    this.#nodes -= 1;
    if (this.#nodes < 0) return;
    let hardest: readonly number[] | undefined;
    for (const causes of this.#rulingOut) {
      if (causes.some((cause) => this.#chosen.has(cause))) continue;
      if (hardest === undefined || causes.length < hardest.length) hardest = causes;
    }
    if (hardest === undefined) {
      if (this.#chosen.size < this.#best.length) this.#best = [...this.#chosen];
      return;
    }
    if (this.#chosen.size + 1 >= this.#best.length) return;
    for (const cause of hardest) {
      this.#chosen.add(cause);
      this.#visit();
      this.#chosen.delete(cause);
    }
  }
}

/**
 * How many of one side can each have a partner of its own on the other: maximum bipartite matching
 * by augmenting paths. Where not all can, some of them have together fewer partners than they are
 * (P. Hall, "On representatives of subsets", 1935): those are named. Pure: indexes in and out.
 */

export interface Matching {
  readonly size: number;
  /** Indexes of the left side that have too few partners together; empty: all are matched. */
  readonly crowd: readonly number[];
}

/** @param partners per left one, the right ones that would do. O(left × pairs) at worst. */
export function match(partners: readonly (readonly number[])[]): Matching {
  const pairs: Pairs = { leftOf: new Map(), rightOf: new Map() };
  let crowd: readonly number[] = [];
  for (const left of partners.keys()) {
    const tried = augment(partners, left, pairs);
    if (tried !== undefined && crowd.length === 0) crowd = tried;
  }
  return { size: pairs.leftOf.size, crowd };
}

interface Pairs {
  readonly leftOf: Map<number, number>;
  readonly rightOf: Map<number, number>;
}

/** Undefined: `start` has a partner now; else all who would have to share. */
function augment(
  partners: readonly (readonly number[])[],
  start: number,
  pairs: Pairs,
): readonly number[] | undefined {
  const reachedBy = new Map<number, number>();
  const queue = [start];
  for (const left of queue) {
    for (const right of partners[left] ?? []) {
      if (reachedBy.has(right)) continue;
      reachedBy.set(right, left);
      const holder = pairs.leftOf.get(right);
      if (holder === undefined) {
        handOver(right, reachedBy, pairs);
        return undefined;
      }
      queue.push(holder);
    }
  }
  return queue;
}

/** Back along the path: each takes the partner through which it was reached. */
function handOver(free: number, reachedBy: ReadonlyMap<number, number>, pairs: Pairs): void {
  let right: number | undefined = free;
  while (right !== undefined) {
    const left = reachedBy.get(right);
    if (left === undefined) return;
    const before = pairs.rightOf.get(left);
    pairs.leftOf.set(right, left);
    pairs.rightOf.set(left, right);
    right = before;
  }
}

/**
 * Sets of bins or of items, to draw from: kept up to date one by one, so that a move never looks at
 * all of them. loads.ts keeps, per concern, the bins where it costs ("hot") and those that could
 * take more of it for nothing ("cool"): a concern is a resource (beyond or below its soft capacity)
 * or a balance. assignment.ts keeps the items that are away from home.
 */

export class IndexSets {
  readonly #members: number[][];
  /** sets × size: position in the set, -1: not in it. */
  readonly #slot: Int32Array;
  readonly #size: number;

  constructor(sets: number, size: number) {
    this.#members = Array.from({ length: sets }, () => []);
    this.#slot = new Int32Array(sets * size).fill(-1);
    this.#size = size;
  }

  of(set: number): readonly number[] {
    return this.#members[set] ?? [];
  }

  put(set: number, index: number, belongs: boolean): void {
    const at = set * this.#size + index;
    const slot = this.#slot[at] ?? -1;
    if (slot >= 0 === belongs) return;
    const members = this.#members[set] ?? [];
    if (belongs) {
      this.#slot[at] = members.length;
      members.push(index);
      return;
    }
    const last = members.pop() ?? index;
    this.#slot[at] = -1;
    if (last === index) return;
    members[slot] = last;
    this.#slot[set * this.#size + last] = slot;
  }
}

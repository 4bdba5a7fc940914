/**
 * Candidate index: per concern, the bins where it costs ("hot") and those that could take more of
 * it for nothing ("cool"). A concern is a resource (beyond or below its soft capacity) or a
 * balance. Kept up to date bin by bin, so that a move never looks at all bins.
 */

export class BinSets {
  readonly #members: number[][];
  /** sets × bins: position in the set, -1: not in it. */
  readonly #slot: Int32Array;
  readonly #bins: number;

  constructor(sets: number, bins: number) {
    this.#members = Array.from({ length: sets }, () => []);
    this.#slot = new Int32Array(sets * bins).fill(-1);
    this.#bins = bins;
  }

  of(set: number): readonly number[] {
    return this.#members[set] ?? [];
  }

  put(set: number, bin: number, belongs: boolean): void {
    const at = set * this.#bins + bin;
    const slot = this.#slot[at] ?? -1;
    if (slot >= 0 === belongs) return;
    const members = this.#members[set] ?? [];
    if (belongs) {
      this.#slot[at] = members.length;
      members.push(bin);
      return;
    }
    const last = members.pop() ?? bin;
    this.#slot[at] = -1;
    if (last === bin) return;
    members[slot] = last;
    this.#slot[set * this.#bins + last] = slot;
  }
}

/**
 * The last answer for each pair of VM and host that the search asked about: what the report counts,
 * and the alternatives that a move names. Most VMs are tried on a few hosts only, of what may be
 * ten thousand; a table of all pairs would be larger than the fleet itself and slower to read than
 * the whole search. So a VM begins with a list, and gets a row of all hosts when that is shorter.
 */

/** In {@link Judged}: the host would have done. Other answers are refusal codes (codes.ts). */
export const FITS = 255;

/** Up to so many hosts of a VM are listed. */
const LISTED = 24;
/** A listed answer is host × 256 + answer. */
const ANSWERS = 256;

export class Judged {
  readonly #hosts: number;
  readonly #lists = new Map<number, number[]>();
  readonly #rows = new Map<number, Uint8Array>();

  constructor(hosts: number) {
    this.#hosts = hosts;
  }

  /** @param answer FITS or the code of a refusal; the last one counts. */
  note(v: number, host: number, answer: number): void {
    const row = this.#rows.get(v);
    if (row !== undefined) {
      row[host] = answer;
      return;
    }
    const list = this.#lists.get(v);
    if (list === undefined) {
      this.#lists.set(v, [host * ANSWERS + answer]);
      return;
    }
    for (let place = 0; place < list.length; place += 1) {
      if (Math.floor((list[place] ?? 0) / ANSWERS) !== host) continue;
      list[place] = host * ANSWERS + answer;
      return;
    }
    list.push(host * ANSWERS + answer);
    if (list.length > LISTED) this.#widen(v, list);
  }

  /** Of one VM, by host. */
  of(v: number): readonly (readonly [host: number, answer: number])[] {
    const listed = this.#lists.get(v) ?? [];
    const found = listed
      .toSorted((a, b) => a - b)
      .map((entry) => [Math.floor(entry / ANSWERS), entry % ANSWERS] as const);
    const row = this.#rows.get(v);
    for (let host = 0; row !== undefined && host < row.length; host += 1) {
      const answer = row[host] ?? 0;
      if (answer !== 0) found.push([host, answer]);
    }
    return found;
  }

  /** How many pairs have each answer, by answer. */
  counts(): Uint32Array {
    const counts = new Uint32Array(ANSWERS);
    for (const list of this.#lists.values()) {
      for (const entry of list) {
        const answer = entry % ANSWERS;
        counts[answer] = (counts[answer] ?? 0) + 1;
      }
    }
    // By place: in a first plan, whose code is not optimised yet, each value of an iterator costs
    // more than all that is done with it.
    for (const row of this.#rows.values()) {
      for (let host = 0; host < row.length; host += 1) {
        const answer = row[host] ?? 0;
        if (answer !== 0) counts[answer] = (counts[answer] ?? 0) + 1;
      }
    }
    return counts;
  }

  #widen(v: number, list: readonly number[]): void {
    const row = new Uint8Array(this.#hosts);
    for (const entry of list) row[Math.floor(entry / ANSWERS)] = entry % ANSWERS;
    this.#rows.set(v, row);
    this.#lists.delete(v);
  }
}

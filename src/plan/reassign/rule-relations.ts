/**
 * Whose moves ask each other's counts: items of one tally, and of two that a depends rule ties.
 * What two moves break together is what each breaks alone only if they are not related so.
 */

import type { Tally } from './rule-tallies.ts';

const BITS = 32;

export class RuleRelations {
  readonly #talliesOf: readonly (readonly Tally[] | undefined)[];
  /** Per item: a bit for each of its tallies, and for all that are related to them. Several share a
   *  bit: where no bit meets another there is no relation, else the sets tell. */
  readonly #own: Int32Array;
  readonly #near: Int32Array;
  readonly #related = new Map<Tally, ReadonlySet<Tally>>();
  /** Per item: 1 = in two tallies that are tied. */
  readonly #tangled: Uint8Array;

  constructor(talliesOf: readonly (readonly Tally[] | undefined)[], tallies: Iterable<Tally>) {
    this.#talliesOf = talliesOf;
    const bits = new Map<Tally, number>();
    for (const tally of tallies) {
      bits.set(tally, 1 << (bits.size % BITS));
      const tied = [...tally.needs.map(({ on }) => on), ...tally.neededBy.map(({ by }) => by)];
      this.#related.set(tally, new Set([tally, ...tied]));
    }
    const bitOf = (tally: Tally): number => bits.get(tally) ?? 0;
    const union = (own: readonly Tally[]): number => own.reduce((all, t) => all | bitOf(t), 0);
    const relatives = (own: readonly Tally[] = []): Tally[] =>
      own.flatMap((tally) => [...(this.#related.get(tally) ?? [])]);
    this.#own = Int32Array.from(talliesOf, (own = []) => union(own));
    this.#near = Int32Array.from(talliesOf, (own) => union(relatives(own)));
    this.#tangled = Uint8Array.from(talliesOf, (own = []) =>
      own.some((one) => own.some((other) => one !== other && this.#isRelated(one, other))) ? 1 : 0,
    );
  }

  /** Whether one move of the item changes two counts that a rule compares. */
  isTangled(item: number): boolean {
    return this.#tangled[item] === 1;
  }

  areRelated(one: number, other: number): boolean {
    if (((this.#near[one] ?? 0) & (this.#own[other] ?? 0)) === 0) return false;
    for (const mine of this.#talliesOf[one] ?? []) {
      for (const theirs of this.#talliesOf[other] ?? []) {
        if (this.#isRelated(mine, theirs)) return true;
      }
    }
    return false;
  }

  #isRelated(one: Tally, other: Tally): boolean {
    return this.#related.get(one)?.has(other) === true;
  }
}

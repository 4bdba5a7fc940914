/**
 * Searches that found no room, lest they are made again: to push others out of a VM's way asks
 * every host, and all that were left open are tried once more at the end. As long as nobody has
 * moved since, the same search finds nothing again.
 */

import type { Draft } from './draft.ts';
import type { Wish } from './make-room.ts';
import type { DraftMove, Terms } from './state.ts';

type Search = Pick<Wish, 'terms' | 'othersTerms' | 'fit'>;

export class Futile {
  readonly #draft: Draft;
  #searches = new Map<number, Search[]>();
  /** As the draft was when they were made. */
  #moves: readonly DraftMove[] = [];
  #spared: Draft['spared'] | undefined;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** That nothing comes of it is known. */
  has(wish: Wish): boolean {
    const searches = this.#searches.get(wish.vm);
    if (searches === undefined || !this.#isRemembered(wish) || !this.#isAsItWas()) return false;
    return searches.some((search) => isSame(wish, search));
  }

  /** Nothing came of it, and the draft is as it was before. */
  add(wish: Wish): void {
    if (!this.#isRemembered(wish)) return;
    const { state, spared } = this.#draft;
    if (!this.#isAsItWas()) {
      this.#searches = new Map();
      [this.#moves, this.#spared] = [[...state.moves], spared];
    }
    const { vm, ...search } = wish;
    this.#searches.set(vm, [...(this.#searches.get(vm) ?? []), search]);
  }

  /** What cannot wait, where moves alone decide whether there is room. */
  #isRemembered({ terms, helps }: Wish): boolean {
    return terms.urgent && helps === undefined && this.#draft.state.suspended.size === 0;
  }

  #isAsItWas(): boolean {
    const { state, spared } = this.#draft;
    const before = this.#moves;
    if (state.moves.length !== before.length) return false;
    if (this.#spared === undefined || !areSame(spared, this.#spared)) return false;
    return state.moves.every(({ vm, to }, i) => vm === before[i]?.vm && to === before[i].to);
  }
}

function areSame(some: ReadonlySet<number>, others: ReadonlySet<number>): boolean {
  return some === others || (some.size === others.size && [...some].every((v) => others.has(v)));
}

function isSame({ terms, othersTerms, fit }: Wish, search: Search): boolean {
  const isFor = areSameTerms(terms, search.terms) && fit === search.fit;
  return isFor && othersTerms === search.othersTerms;
}

/** The terms of a crowded host are made anew for each search. */
function areSameTerms(some: Terms, others: Terms): boolean {
  if (some === others) return true;
  const { useless, ...rest } = some;
  const { useless: theirs, ...same } = others;
  const keys = [...new Set([...Object.keys(rest), ...Object.keys(same)])] as (keyof typeof rest)[];
  if (!keys.every((key) => rest[key] === same[key])) return false;
  return (
    useless?.length === theirs?.length &&
    (useless?.every((shut, h) => shut === theirs?.[h]) ?? true)
  );
}

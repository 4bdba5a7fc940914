/**
 * What was looked for in vain, lest it is looked for again: to push others out of a VM's way asks
 * every host, each time for the same others, and all that were left open are tried once more at the
 * end. As long as nobody has moved since, the same search finds nothing again, and who had no place
 * to go still has none.
 */

import type { Draft } from './draft.ts';
import type { Wish } from './make-room.ts';
import type { DraftMove, Terms } from './state.ts';

type Search = Pick<Wish, 'terms' | 'othersTerms' | 'fit'>;

export class Futile {
  readonly #draft: Draft;
  #searches = new Map<number, Search[]>();
  #stranded = new Map<Terms, Uint8Array>();
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
    this.#forgetIfMoved();
    const { vm, ...search } = wish;
    this.#searches.set(vm, [...(this.#searches.get(vm) ?? []), search]);
  }

  /**
   * Per VM: 1 when it is known to find no place on these terms (`pack`), with the draft as it is.
   * Whoever finds that out marks it. By the very terms: those of a tier are the same for all.
   */
  stranded(terms: Terms): Uint8Array {
    const { vms } = this.#draft.state.model;
    if (!this.#areRemembered(terms)) return new Uint8Array(vms.length);
    this.#forgetIfMoved();
    const known = this.#stranded.get(terms) ?? new Uint8Array(vms.length);
    this.#stranded.set(terms, known);
    return known;
  }

  #forgetIfMoved(): void {
    if (this.#isAsItWas()) return;
    const { state, spared } = this.#draft;
    this.#searches = new Map();
    this.#stranded = new Map();
    [this.#moves, this.#spared] = [[...state.moves], spared];
  }

  /** What cannot wait, where moves alone decide whether there is room. */
  #isRemembered({ terms, helps }: Wish): boolean {
    return helps === undefined && this.#areRemembered(terms);
  }

  #areRemembered({ urgent }: Terms): boolean {
    return urgent && this.#draft.state.suspended.size === 0;
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

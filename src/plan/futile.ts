/**
 * Searches that found no room, lest they are made again. To push others out of a VM's way asks
 * every host, and in a fleet that is full hundreds find nothing. Whoever needs no less than one who
 * found nothing, and may go to no other hosts, finds nothing either, as long as nobody has moved
 * since; and after many in a row the next ones are no longer searched for as thoroughly.
 */

import type { Draft } from './draft.ts';
import type { Wish } from './make-room.ts';
import type { DraftMove, Terms } from './state.ts';

/** How many hosts, and how many VMs in the way, are tried for one VM. */
export interface Effort {
  readonly targets: number;
  readonly movers: number;
}

const THOROUGH: Effort = { targets: 24, movers: 400 };
const BRIEF: Effort = { targets: 4, movers: 25 };
/** Hosts asked in vain, over all searches, before they are brief: 40 searches of 1,000 hosts. */
const THOROUGH_HOSTS = 40_000;

interface Search extends Pick<Wish, 'vm' | 'terms' | 'fit'> {
  readonly othersTerms: Terms | undefined;
  /** What is true of it is true of those like it. */
  readonly isOneOfMany: boolean;
}

export class Futile {
  readonly #draft: Draft;
  #searches: Search[] = [];
  #inVain = 0;
  /** As the draft was when they were made. */
  #moves: readonly DraftMove[] = [];
  #spared: Draft['spared'] | undefined;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** That nothing comes of it is known. */
  has(wish: Wish): boolean {
    if (this.#searches.length === 0 || !isRemembered(wish) || !this.#isAsItWas()) return false;
    const isOneOfMany = this.#isOneOfMany(wish);
    return this.#searches.some(
      (search) =>
        (search.vm === wish.vm || (isOneOfMany && this.#asksNoLess(wish.vm, search))) &&
        asksNoWider(wish, search),
    );
  }

  /** Nothing came of it, and the draft is as it was before. */
  add(wish: Wish): void {
    if (!isRemembered(wish)) return;
    const { state, spared } = this.#draft;
    if (!this.#isAsItWas()) {
      [this.#searches, this.#inVain] = [[], 0];
      [this.#moves, this.#spared] = [[...state.moves], spared];
    }
    this.#inVain += 1;
    const { vm, terms, othersTerms, fit } = wish;
    this.#searches.push({ vm, terms, othersTerms, fit, isOneOfMany: this.#isOneOfMany(wish) });
  }

  /** For the search that is next. */
  effort({ terms }: Pick<Wish, 'terms'>): Effort {
    const hosts = this.#inVain * this.#draft.state.model.hosts.length;
    const isMuch = terms.urgent && hosts >= THOROUGH_HOSTS && this.#isAsItWas();
    return isMuch ? BRIEF : THOROUGH;
  }

  /** No rule, breaker or room for disks sets it apart, and no budget. */
  #isOneOfMany({ vm }: Wish): boolean {
    const { rules, allowed, space } = this.#draft.state;
    const isApart = rules.hardOf[vm] !== undefined || space !== undefined;
    return !isApart && allowed?.hasBreakers !== true;
  }

  #isAsItWas(): boolean {
    const { state, spared } = this.#draft;
    const before = this.#moves;
    if (state.moves.length !== before.length) return false;
    if (this.#spared === undefined || !areSame(spared, this.#spared)) return false;
    return state.moves.every(({ vm, to }, i) => vm === before[i]?.vm && to === before[i].to);
  }

  #asksNoLess(vm: number, { vm: other, terms, isOneOfMany }: Search): boolean {
    if (!isOneOfMany) return false;
    const { width, need, vms } = this.#draft.state.model;
    if ((vms[vm]?.vcpus ?? 0) < (vms[other]?.vcpus ?? 0)) return false;
    for (let r = 0; r < width; r += 1) {
      if ((need[vm * width + r] ?? 0) < (need[other * width + r] ?? 0)) return false;
    }
    return terms.compatibility.classOf(vm) === terms.compatibility.classOf(other);
  }
}

/** What cannot wait, where moves alone decide whether there is room. */
function isRemembered({ terms, helps }: Wish): boolean {
  return terms.urgent && helps === undefined;
}

function areSame(some: ReadonlySet<number>, others: ReadonlySet<number>): boolean {
  return some === others || (some.size === others.size && [...some].every((v) => others.has(v)));
}

/** It opens no host, to it or to others, that was not open then. */
function asksNoWider({ terms, othersTerms, fit }: Wish, search: Search): boolean {
  const than = search.terms;
  if (othersTerms !== search.othersTerms || fit !== search.fit) return false;
  if (terms === than) return true;
  const { compatibility, limit, sparing, useless } = terms;
  if (compatibility !== than.compatibility || limit !== than.limit) return false;
  if (sparing !== than.sparing) return false;
  return than.useless?.every((shut, h) => shut === 0 || useless?.[h] === 1) ?? true;
}

/**
 * Levelling by single moves, one after the other: the host that is furthest from the common level
 * takes part in the move that brings both of its hosts nearest to it for its cost, until no move
 * gains more than it costs.
 */

import type { SearchBudget } from './improve.ts';
import type { Field, Place } from './level-field.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';
import type { Outlook } from './rules/rule.ts';

/** How many hosts of the other side are looked at, those furthest off; all where a host is far. */
const COMPARED = 24;
const FAR = 0.025;
/** Moves after which the hosts are put in order anew. */
const ORDER_LASTS = 16;

/** What evening out memory counts beside CPU where one of several moves is chosen. */
const MEMORY_SHARE = 0.2;

export interface Manner {
  readonly outlook: Outlook;
  /** Hosts nearer to the level than this are only what others move to or from. */
  readonly beyond: number;
  /** What a move counts beside its own cost where one is chosen, in mean costs. */
  readonly perMove: number;
}

interface Step extends Place {
  readonly rank: number;
}

/** One move after the other as long as they pay, and until there are enough. */
// oxlint-disable-next-line max-params -- one descent
export function descend(
  field: Field,
  manner: Manner,
  budget: SearchBudget,
  isEnough = (): boolean => false,
): void {
  const descent = new Descent(field, manner);
  while (field.moves < field.settings.mostMoves && !budget.shouldStop() && !isEnough()) {
    if (!descent.step()) break;
  }
}

class Descent {
  readonly #field: Field;
  readonly #manner: Manner;
  /** What a move is taken to cost beside its own, in bytes: for the choice of one only. */
  readonly #perMove: number;
  /** Per host: 1 when no move from or to it gains any more; until another one of it is made. */
  readonly #spent: Uint8Array;
  readonly #order: number[];
  /** Moves for which the order is still taken as it is. */
  #orderAge = 0;

  constructor(field: Field, manner: Manner) {
    const { cost } = field.model;
    const mean = cost.reduce((sum, one) => sum + one, 0) / Math.max(1, cost.length);
    this.#field = field;
    this.#manner = manner;
    this.#perMove = manner.perMove * mean;
    this.#spent = new Uint8Array(field.model.hosts.length);
    this.#order = [...field.hosts];
  }

  /** Makes the best move of the host that is furthest off and has one; false: none is left. */
  step(): boolean {
    for (;;) {
      const host = this.#furthest();
      if (host < 0) return false;
      const best = this.#bestOf(host);
      if (best === undefined) {
        this.#spent[host] = 1;
        continue;
      }
      for (const h of [this.#field.at(best.vm), best.to]) this.#spent[h] = 0;
      this.#field.move(best.vm, best.to);
      this.#orderAge -= 1;
      return true;
    }
  }

  #furthest(): number {
    const { hosts } = this.#field;
    let found = -1;
    let most = this.#manner.beyond;
    for (const h of hosts) {
      const away = this.#field.away(h);
      if (away <= most || this.#spent[h] === 1) continue;
      most = away;
      found = h;
    }
    return found;
  }

  /** The best move from or to the host, with those furthest off on the other side first. */
  #bestOf(host: number): Step | undefined {
    const off = this.#field.off[2 * host] ?? 0;
    const isFull = off > 0;
    const order = this.#ordered();
    const looked = (count: number): Step | undefined => {
      let best: Step | undefined;
      for (let place = 0; place < count; place += 1) {
        const other = (isFull ? order[place] : order[order.length - 1 - place]) ?? host;
        if (other === host) continue;
        if (isFull || this.#field.hasMore) best = this.#bestBetween(host, other, best);
        if (!isFull || this.#field.hasMore) best = this.#bestBetween(other, host, best);
      }
      return best;
    };
    const few = looked(Math.min(COMPARED, order.length));
    return few ?? (Math.abs(off) > FAR ? looked(order.length) : undefined);
  }

  /** The hosts by their CPU, the emptiest first; not always as of the last move. */
  #ordered(): readonly number[] {
    if (this.#orderAge === 0) {
      const { off } = this.#field;
      this.#order.sort((a, b) => (off[2 * a] ?? 0) - (off[2 * b] ?? 0) || a - b);
      this.#orderAge = ORDER_LASTS;
    }
    return this.#order;
  }

  /** The VM of one host that would do best on the other, if better than what is known. */
  #bestBetween(from: number, to: number, known: Step | undefined): Step | undefined {
    const field = this.#field;
    let best = known;
    for (const vm of field.residents(from)) {
      if (!field.isHome(vm)) continue;
      const rank = this.#rank(vm, from, to);
      if (rank <= (best?.rank ?? 0)) continue;
      if (field.mayGo(vm, to, this.#manner.outlook)) best = { vm, to, rank };
    }
    return best;
  }

  /** What the move gains for its cost; 0: too little. */
  #rank(vm: number, from: number, to: number): number {
    const field = this.#field;
    const { width, need } = field.model;
    const memoryNeed = need[vm * width + MEMORY_AT] ?? 0;
    const cpu = field.gain(CPU_AT, need[vm * width + CPU_AT] ?? 0, from, to);
    const price = field.priceOf(vm, to);
    const evened = cpu + field.moreGain(vm, from, to);
    if (evened <= price || evened + field.memoryGain(memoryNeed, from, to) <= price) return 0;
    const value = evened + MEMORY_SHARE * field.gain(MEMORY_AT, memoryNeed, from, to);
    const cost = field.costOf(vm, to) + this.#perMove;
    return cost > 0 ? value / cost : value;
  }
}

/**
 * Levelling load between hosts. First the host that is furthest from the common level takes part
 * in the move that brings both of its hosts nearest to it for its cost, again and again, until no
 * move gains more than it costs. Where that moved anything, it is improved: VMs are exchanged, sent
 * elsewhere, or left where they were (level-improve.ts). Last come moves that have to wait until
 * others have left. A VM is moved once at most.
 *
 * What is levelled is CPU; memory is looked at beside it, so that one does not get level at the
 * cost of the other, and whatever the policy gives a weight (level-field.ts has the number that is
 * lowered).
 *
 * A fleet where no host is far from the level, or none gets much nearer to it, is left alone, so
 * that a plan that was carried out is not improved for ever; nor do exchanges alone begin anything.
 */

import type { Draft } from './draft.ts';
import { improve } from './level-improve.ts';
import { Field, type LevelSettings, type Place } from './level-field.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';
import type { SearchBudget } from './improve.ts';
import type { Outlook } from './rules/rule.ts';

export type { LevelSettings } from './level-field.ts';

/** How many hosts of the other side are looked at, those furthest off; all where a host is far. */
const COMPARED = 24;
const FAR = 0.025;
/** Only for a host as far off as this it is worth waiting until others have left. */
const WORTH_WAITING = 0.1;
/** Moves after which the hosts are put in order anew. */
const ORDER_LASTS = 16;

/** What evening out memory counts beside CPU where one of several moves is chosen. */
const MEMORY_SHARE = 0.2;

/** What a move counts beside its own cost where moves are counted, in mean costs; each is tried. */
const PER_MOVE = [0, 0.5, 1, 2, 4, 16];

interface Step extends Place {
  readonly rank: number;
}

/** Makes the moves, if it is worth beginning. */
export function level(draft: Draft, settings: LevelSettings, budget: SearchBudget): void {
  const field = new Field(draft, settings);
  if (!field.hosts.some((h) => field.isFar(h))) return;
  if (settings.mostMoves < Infinity) descendCounted(field, budget);
  else descend(field, 'any-moment', budget);
  if (field.moves > 0) improveOn(field, budget);
  descend(field, 'in-the-end', budget);
  if (!field.isWorthBeginning) field.remake([]);
}

/** Exchanges look at CPU and memory: where more is to be level they may make it worse. */
function improveOn(field: Field, budget: SearchBudget): void {
  const known = { places: field.made(), value: field.value };
  improve(field, budget);
  if (field.hasMore && field.value > known.value) field.remake(known.places);
}

/** Where moves are counted: the best of several ways of weighing a move against its memory. */
function descendCounted(field: Field, budget: SearchBudget): void {
  let best = { value: Infinity, places: field.made() };
  for (const perMove of PER_MOVE) {
    descend(field, 'any-moment', budget, perMove);
    if (field.value < best.value) best = { value: field.value, places: field.made() };
    field.remake([]);
  }
  field.remake(best.places);
}

/** One move after the other as long as they pay. */
// oxlint-disable-next-line max-params -- one descent
function descend(field: Field, outlook: Outlook, budget: SearchBudget, perMove = 0): void {
  const descent = new Descent(field, outlook, perMove);
  while (field.moves < field.settings.mostMoves && !budget.shouldStop()) {
    if (!descent.step()) break;
  }
}

class Descent {
  readonly #field: Field;
  readonly #outlook: Outlook;
  /** What a move is taken to cost beside its own, in bytes: for the choice of one only. */
  readonly #perMove: number;
  /** Per host: 1 when no move from or to it gains any more; until another one of it is made. */
  readonly #spent: Uint8Array;
  readonly #order: number[];
  /** Moves for which the order is still taken as it is. */
  #orderAge = 0;

  constructor(field: Field, outlook: Outlook, perMove: number) {
    const { cost } = field.model;
    this.#field = field;
    this.#perMove = (perMove * cost.reduce((sum, one) => sum + one, 0)) / Math.max(1, cost.length);
    this.#outlook = outlook;
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
    let most = this.#outlook === 'any-moment' ? 0 : WORTH_WAITING;
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
      if (field.mayGo(vm, to, this.#outlook)) best = { vm, to, rank };
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

/**
 * Improving a levelling: exchanges between two hosts as long as one pays, then the same again from
 * where chance takes some moves back or sends VMs elsewhere (iterated local search: Lourenço,
 * Martin, Stützle, "Iterated local search", 2003). What is worse is undone, so that more steps
 * never give a worse answer.
 */

import type { Rng } from '../domain/rng.ts';
import { type Exchange, Exchanger } from './level-exchange.ts';
import { DEAD_BAND, type Field, type Place } from './level-field.ts';
import type { SearchBudget } from './improve.ts';

/** Hosts with which one is compared: those furthest off on the other side, and some by chance. */
const FURTHEST = 12;
const BY_CHANCE = 3;

/** VMs that one kick takes out of their places, at most. */
const KICKED = 3;

/** Kicks in a row that gain nothing, after which it is left as it is: per host, and at least. */
const IDLE_PER_HOST = 4;
const IDLE = 400;

/**
 * A plan of so few moves may have any of them wait for others; of larger ones those for a host that
 * is still so far off that a levelling would begin with it.
 */
const FEW_MOVES = 20;

/** Steps that are kept for those. */
const KEPT_FOR_FAR = 0.25;

/** Sums in another order differ by less than this share. */
const LEAST_GAIN = 1e-9;

export function improve(field: Field, budget: SearchBudget): void {
  const isFew = field.moves <= FEW_MOVES;
  const kept = Math.ceil(budget.steps * (isFew ? 1 / 2 : KEPT_FOR_FAR));
  search(field, budget, Math.ceil((budget.steps - kept) / 2));
  search(field, budget, budget.steps - kept);
  field.remake(field.made());
  const known = { places: field.made(), value: field.value };
  field.outlook = 'in-the-end';
  if (isFew) search(field, budget, budget.steps);
  else new Improver(field, budget).settle(field.hosts, (h) => field.away(h) > DEAD_BAND);

  field.outlook = 'any-moment';
  field.remake(field.made());
  // Moves that wait for each other in a circle were left out.
  if (field.value > known.value) field.remake(known.places);
}

/** Within so many of the steps that are left. */
function search(field: Field, budget: SearchBudget, steps: number): void {
  const own = { ...budget, steps };
  const improver = new Improver(field, own);
  improver.settle(field.hosts);
  const patience = Math.max(IDLE, IDLE_PER_HOST * field.hosts.length);
  let idle = 0;
  while (idle < patience && own.steps > 0 && !budget.shouldStop()) {
    idle = improver.kick() ? 0 : idle + 1;
  }
  budget.steps -= steps - own.steps;
}

class Improver {
  readonly #field: Field;
  readonly #budget: SearchBudget;
  readonly #rng: Rng;
  readonly #exchanger: Exchanger;
  /** All hosts by their CPU, the emptiest first, as of some moves ago. */
  readonly #order: number[];
  /** Where VMs were before the last kick, of those that were moved since. */
  readonly #before = new Map<number, number>();

  constructor(field: Field, budget: SearchBudget) {
    this.#field = field;
    this.#budget = budget;
    this.#rng = budget.rng;
    this.#exchanger = new Exchanger(field);
    this.#order = [...field.hosts];
    this.#sort();
  }

  /** Exchanges of these hosts with others, and of those that they change, until none pays. */
  settle(hosts: Iterable<number>, counts = (_host: number): boolean => true): void {
    const open = new Set([...hosts].filter(counts));
    for (const host of open) {
      open.delete(host);
      for (;;) {
        if (this.#budget.steps <= 0 || this.#budget.shouldStop()) return;
        this.#budget.steps -= 1;
        const best = this.#bestOf(host);
        if (best === undefined) break;
        for (const h of this.#put(best.places)) if (h !== host && counts(h)) open.add(h);
      }
    }
  }

  /** Tries one change of a few by chance and what follows from it; true: better than before. */
  kick(): boolean {
    const before = this.#field.value;
    this.#budget.steps -= 1;
    this.#before.clear();
    this.settle(this.#put(this.#disturbance()));
    if (this.#field.value < before * (1 - LEAST_GAIN)) {
      this.#sort();
      return true;
    }
    const places = [...this.#before].map(([vm, to]): Place => ({ vm, to }));
    for (const h of this.#touched(places)) this.#exchanger.changed(h);
    this.#field.restore(places);
    return false;
  }

  #sort(): void {
    const { off } = this.#field;
    this.#order.sort((a, b) => (off[2 * a] ?? 0) - (off[2 * b] ?? 0) || a - b);
  }

  #bestOf(host: number): Exchange | undefined {
    let best: Exchange | undefined;
    for (const other of this.#partners(host)) {
      best = this.#exchanger.best(host, other, best?.gain ?? 0) ?? best;
    }
    return best;
  }

  /** All others of a small fleet; else those furthest off on the other side, and some by chance. */
  #partners(host: number): ReadonlySet<number> {
    const order = this.#order;
    const chosen = new Set<number>();
    const isFull = (this.#field.off[2 * host] ?? 0) > 0;
    const far = Math.min(FURTHEST, order.length);
    for (let place = 0; place < far; place += 1) {
      chosen.add((isFull ? order[place] : order[order.length - 1 - place]) ?? host);
    }
    const more = order.length > far ? BY_CHANCE : 0;
    for (let drawn = 0; drawn < more; drawn += 1) chosen.add(this.#draw(order) ?? host);
    chosen.delete(host);
    return chosen;
  }

  /** A few VMs of two or three hosts taken back, sent elsewhere, or exchanged. */
  #disturbance(): Place[] {
    const { hosts } = this.#field;
    const places = new Map<number, number>();
    const count = 1 + Math.floor(this.#rng.next() * KICKED);
    let from = this.#draw(hosts) ?? -1;
    for (let drawn = 0; drawn < count; drawn += 1) {
      const vm = this.#draw(this.#field.residents(from));
      const next = this.#draw(hosts) ?? -1;
      if (vm !== undefined) {
        const home = this.#field.model.home[vm] ?? -1;
        places.set(vm, this.#field.isHome(vm) || this.#rng.next() < 0.5 ? next : home);
      }
      // Half of the time the one that is left for the next one's sake is its target.
      from = this.#rng.next() < 0.5 ? next : (this.#draw(hosts) ?? -1);
    }
    return [...places].map(([vm, to]) => ({ vm, to }));
  }

  #draw<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#rng.next() * list.length)];
  }

  /** The hosts that it changes; none where it is not possible. */
  #put(places: readonly Place[]): ReadonlySet<number> {
    const before = this.#field.placesOf(places);
    if (!this.#field.tryPlaces(places)) return new Set();
    for (const { vm, to } of before) if (!this.#before.has(vm)) this.#before.set(vm, to);
    const touched = new Set([...before, ...places].map(({ to }) => to));
    for (const h of touched) this.#exchanger.changed(h);
    return touched;
  }

  /** Where these VMs are, and where they are to be. */
  #touched(places: readonly Place[]): ReadonlySet<number> {
    return new Set(places.flatMap(({ vm, to }) => [this.#field.at(vm), to]));
  }
}

/**
 * Room that no move can add to. Load is only moved, never lost, and counts on both hosts while it
 * is on its way. So all the hosts that VMs of one could ever come to, also by pushing others on,
 * never have more room together than they have before the plan, and no more than that can ever be
 * free on one of them.
 */

import type { Model } from './model.ts';
import { formatAmount } from './resource-words.ts';
import type { State, Terms } from './state.ts';

/** Questions "could this VM run there" that one look for the reachable hosts may cost. */
const MAX_QUESTIONS = 200_000;

/** A need that is larger than all the room there is. */
export interface Shortage {
  readonly resource: number;
  readonly wanted: number;
  readonly room: number;
  /** How many hosts have that room together. */
  readonly hosts: number;
}

type Pool = ReadonlySet<number>;

/** The hosts within reach of one, looked for only as far as somebody asks. */
interface Search {
  /** Those that were found so far. */
  readonly pool: Pool;
  /** Each time those are added that one more class of VMs could come to. */
  readonly growth: Iterator<void, Extent>;
  extent: Extent;
}

/** How far a pool is known: there may be more, that is all, or there are too many to ask. */
type Extent = 'in-part' | 'whole' | 'too-many';

/** Of one plan; remembers what is asked again. */
export class PoolRoom {
  readonly #state: State;
  readonly #searches = new Map<Terms['compatibility'], Map<number, Search>>();
  #residents: ReadonlyMap<number, readonly number[]> | undefined;

  constructor(state: State) {
    this.#state = state;
  }

  /**
   * The host, and those that its VMs could ever come to. By where VMs were before the plan: what it
   * did was one of the ways. Undefined: too many to ask.
   */
  around(h: number, { compatibility }: Terms): Pool | undefined {
    const search = this.#search(h, compatibility);
    while (search.extent === 'in-part') grow(search);
    return search.extent === 'whole' ? search.pool : undefined;
  }

  /**
   * What the hosts together could take in, each up to its limit; one that is closed nothing. Those
   * that are left when it is enough are not looked at.
   */
  // oxlint-disable-next-line max-params -- hosts, of what, up to where, and how much is of interest
  room(
    pool: Iterable<number>,
    resource: number,
    limitOf: (at: number) => number,
    enough = Infinity,
  ): number {
    const { model, closed } = this.#state;
    let room = 0;
    for (const h of pool) {
      if (room >= enough) break;
      const at = h * model.width + resource;
      if (closed[h] !== 1) room += Math.max(0, limitOf(at) - (model.net[at] ?? 0));
    }
    return room;
  }

  /**
   * What the VM needs on one host and all within its reach do not have together, if anything.
   * Others may be pushed on under terms of their own, but by none above the model's limits. Not
   * asked of who is to be started again: others go by ways that are closed to it.
   */
  shortFor(v: number, terms: Terms): Shortage | undefined {
    const from = this.#state.model.home[v] ?? -1;
    if (from < 0 || terms.compatibility.ways === 'restart') return undefined;
    const search = this.#search(from, terms.compatibility);
    // Mostly a few hosts have room enough, and the others need not be looked for.
    let short = this.#shortIn(search.pool, v, terms);
    while (short !== undefined && search.extent === 'in-part') {
      grow(search);
      short = this.#shortIn(search.pool, v, terms);
    }
    return search.extent === 'too-many' ? undefined : short;
  }

  #shortIn(pool: Pool, v: number, terms: Terms): Shortage | undefined {
    const { width, need, limit } = this.#state.model;
    const most = (at: number): number => Math.max(terms.limit[at] ?? 0, limit[at] ?? 0);
    for (let resource = 0; resource < width; resource += 1) {
      const wanted = need[v * width + resource] ?? 0;
      if (wanted <= 0) continue;
      const room = this.room(pool, resource, most, wanted);
      if (wanted * (1 - 1e-9) > room) return { resource, wanted, room, hosts: pool.size };
    }
    return undefined;
  }

  #search(h: number, compatibility: Terms['compatibility']): Search {
    const known = this.#searches.get(compatibility) ?? new Map<number, Search>();
    this.#searches.set(compatibility, known);
    const found = known.get(h);
    if (found !== undefined) return found;
    const pool = new Set([h]);
    const search: Search = { pool, growth: this.#growth(pool, compatibility), extent: 'in-part' };
    known.set(h, search);
    return search;
  }

  *#growth(pool: Set<number>, compatibility: Terms['compatibility']): Generator<void, Extent> {
    const { model } = this.#state;
    this.#residents ??= Map.groupBy(model.vms.keys(), (v) => model.home[v] ?? -1);
    const asked = new Set<number>();
    let questions = 0;
    for (const from of pool) {
      for (const v of this.#residents.get(from) ?? []) {
        if (pool.size === model.hosts.length) return 'whole';
        const like = compatibility.classOf(v);
        if (asked.has(like)) continue;
        asked.add(like);
        for (const to of model.hosts.keys()) {
          if (pool.has(to) || model.hosts[to]?.source !== model.vms[v]?.source) continue;
          questions += 1;
          if (questions > MAX_QUESTIONS) return 'too-many';
          if (compatibility.way(v, to).code === 0) pool.add(to);
        }
        yield;
      }
    }
    return 'whole';
  }
}

function grow(search: Search): void {
  const { done, value } = search.growth.next();
  if (done === true) search.extent = value;
}

export function shortageText(model: Model, { resource, wanted, room, hosts }: Shortage): string {
  const needs = `needs ${formatAmount(model, resource, wanted)} on one host`;
  const have = `room for ${formatAmount(model, resource, room)}`;
  const all = `the ${hosts} hosts within reach, also by pushing others on`;
  return `${needs}; ${all}, together have ${have}`;
}

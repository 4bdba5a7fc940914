/**
 * Levelling load between hosts: the host that is furthest from the common level takes part in the
 * move that brings both of its hosts nearest to it for its cost, again and again, until no move
 * gains more than it costs. A VM is moved once at most, so this ends.
 *
 * What is levelled is CPU; memory is looked at beside it, so that one does not get level at the
 * cost of the other. Moves stay within gross loads, so that they may run all at once, but for those
 * to hosts that others left nearly empty.
 */

import type { Finding } from '../domain/finding.ts';
import type { Weights } from '../domain/policy.ts';
import { GIB } from '../domain/units.ts';
import type { Draft } from './draft.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';
import type { SearchBudget } from './improve.ts';
import type { State, Terms } from './state.ts';

/**
 * Squares of shares are small: evening out 1 % is worth 1e-4, where moving 1 GiB costs 1e-3 with
 * the shipped weights. This brings the two to one scale: 1 GiB is moved for about 0.3 %.
 */
const EXCHANGE = 0.01;

/** What evening out memory counts beside CPU. */
const MEMORY_SHARE = 0.2;

/** How many hosts of the other side are looked at, those furthest off; all where a host is far. */
const COMPARED = 24;
const FAR = 0.025;
/** A host this far below the level takes VMs also after others have left it only. */
const FAR_EMPTY = 0.1;
/** Moves after which the hosts are put in order anew. */
const ORDER_LASTS = 16;

export interface LevelSettings {
  readonly finding: Finding;
  readonly terms: Terms;
  readonly weights: Weights;
  /** A move must gain this share more than it costs. */
  readonly margin: number;
}

interface Step {
  readonly vm: number;
  readonly to: number;
  readonly profit: number;
}

/** Returns how many moves it made. */
export function level(draft: Draft, settings: LevelSettings, budget: SearchBudget): number {
  const leveller = new Leveller(draft, settings);
  let made = 0;
  while (budget.steps > 0 && !budget.shouldStop()) {
    budget.steps -= 1;
    if (!leveller.step()) break;
    made += 1;
  }
  return made;
}

class Leveller {
  readonly #draft: Draft;
  readonly #state: State;
  readonly #settings: LevelSettings;
  /** Hosts that take part: with capacity, and measured. */
  readonly #hosts: readonly number[];
  /** Per host: 1 when no move from or to it gains any more; until another one of it is made. */
  readonly #spent: Uint8Array;
  /** Per host and resource (CPU, memory): how far above the common level it is, as a share. */
  readonly #off: Float64Array;
  /** The VMs that may move, by the host on which they are. */
  readonly #residents: readonly (readonly number[])[];
  readonly #level: readonly [cpu: number, memory: number];
  readonly #order: number[];
  /** Moves for which the order is still taken as it is. */
  #orderAge = 0;

  constructor(draft: Draft, settings: LevelSettings) {
    this.#draft = draft;
    this.#state = draft.state;
    this.#settings = settings;
    const { model } = draft.state;
    const { useless } = settings.terms;
    this.#hosts = model.hosts.flatMap((_host, h) =>
      model.hostMeasured[h] === 1 &&
      (model.capacity[h * model.width] ?? 0) > 0 &&
      useless?.[h] !== 1
        ? [h]
        : [],
    );
    this.#spent = new Uint8Array(model.hosts.length);
    this.#off = new Float64Array(2 * model.hosts.length);
    this.#residents = model.hosts.map((_host, h) =>
      draft
        .residents(h)
        .filter((v) => draft.state.at[v] === h && draft.state.stuck(v, settings.terms) === 0),
    );
    this.#level = [this.#common(CPU_AT), this.#common(MEMORY_AT)];
    for (const h of this.#hosts) this.#measure(h);
    this.#order = [...this.#hosts];
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
      const from = this.#state.at[best.vm] ?? -1;
      const { finding, terms } = this.#settings;
      this.#draft.move(best.vm, best.to, { finding, terms, makesRoomFor: undefined });
      for (const h of [from, best.to]) {
        this.#measure(h);
        this.#spent[h] = 0;
      }
      this.#orderAge -= 1;
      return true;
    }
  }

  /** The level that all would have if load could be cut at will. */
  #common(resource: number): number {
    const { width, capacity } = this.#state.model;
    let [load, room] = [0, 0];
    for (const h of this.#hosts) {
      load += this.#state.net[h * width + resource] ?? 0;
      room += capacity[h * width + resource] ?? 0;
    }
    return room > 0 ? load / room : 0;
  }

  #measure(h: number): void {
    for (const resource of [CPU_AT, MEMORY_AT]) {
      const off = this.#state.utilisation(h, resource) - (this.#level[resource] ?? 0);
      this.#off[2 * h + resource] = off;
    }
  }

  #furthest(): number {
    let found = -1;
    let most = 0;
    for (const h of this.#hosts) {
      const off = Math.abs(this.#off[2 * h] ?? 0);
      if (off <= most || this.#spent[h] === 1) continue;
      most = off;
      found = h;
    }
    return found;
  }

  /** The best move from or to the host, with those furthest off on the other side first. */
  #bestOf(host: number): Step | undefined {
    const isFull = (this.#off[2 * host] ?? 0) > 0;
    const order = this.#ordered();
    const looked = (count: number): Step | undefined => {
      let best: Step | undefined;
      for (let place = 0; place < count; place += 1) {
        const other = (isFull ? order[place] : order[order.length - 1 - place]) ?? host;
        if (other === host) continue;
        best = isFull ? this.#bestBetween(host, other, best) : this.#bestBetween(other, host, best);
      }
      return best;
    };
    const few = looked(Math.min(COMPARED, order.length));
    const isFar = Math.abs(this.#off[2 * host] ?? 0) > FAR;
    return few ?? (isFar ? looked(order.length) : undefined);
  }

  /** The hosts by their CPU, the emptiest first; not always as of the last move. */
  #ordered(): readonly number[] {
    if (this.#orderAge === 0) {
      const off = this.#off;
      this.#order.sort((a, b) => (off[2 * a] ?? 0) - (off[2 * b] ?? 0) || a - b);
      this.#orderAge = ORDER_LASTS;
    }
    return this.#order;
  }

  /** The VM of one host that would do best on the other, if better than what is known. */
  #bestBetween(from: number, to: number, known: Step | undefined): Step | undefined {
    const { terms } = this.#settings;
    const state = this.#state;
    // Where others left much room behind, it is worth waiting for them.
    const outlook = (this.#off[2 * to] ?? 0) < -FAR_EMPTY ? 'in-the-end' : 'any-moment';
    let best = known;
    for (const vm of this.#residents[from] ?? []) {
      if (state.moved[vm] === 1) continue;
      const profit = this.#profit(vm, from, to);
      if (profit <= (best?.profit ?? 0)) continue;
      if (state.refusal(vm, to, terms, outlook) !== 0) continue;
      best = { vm, to, profit };
    }
    return best;
  }

  /** What the move gains less what it costs (with the margin), per byte-weighted cost. */
  #profit(vm: number, from: number, to: number): number {
    const { weights, margin } = this.#settings;
    const { model } = this.#state;
    const cpu = this.#gain(CPU_AT, vm, from, to);
    if (cpu <= 0) return 0;
    const memory = this.#gain(MEMORY_AT, vm, from, to);
    const gain = weights.imbalance * (cpu + MEMORY_SHARE * memory);
    const price = (weights.moveCost * (1 + margin) * (model.cost[vm] ?? 0)) / GIB;
    return gain > price * EXCHANGE ? gain / Math.max(price, Number.MIN_VALUE) : 0;
  }

  // oxlint-disable-next-line max-params -- one resource of one move
  #gain(resource: number, vm: number, from: number, to: number): number {
    const { width, need, held, capacity } = this.#state.model;
    const leaves = (held[vm * width + resource] ?? 0) / (capacity[from * width + resource] ?? 1);
    const comes = (need[vm * width + resource] ?? 0) / (capacity[to * width + resource] ?? 1);
    const source = this.#off[2 * from + resource] ?? 0;
    const target = this.#off[2 * to + resource] ?? 0;
    // Of the squares of both before, less those after.
    return leaves * (2 * source - leaves) - comes * (2 * target + comes);
  }
}

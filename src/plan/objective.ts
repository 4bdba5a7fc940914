/**
 * The objective: one number, lower is better, as a sum of named terms.
 *
 *     overload   weights.overload × Σ over hosts and resources of max(0, u - safety)²
 *     imbalance  weights.imbalance × Σ over resources of their weight × the standard deviation of u
 *     balance    Σ over the pairs of weights.balance of their weight × the standard deviation of
 *                the difference of their u: 0 where hosts have both free in the same proportion
 *                (evenness.ts tells where it comes from, and where it decides)
 *     softRules  weights.softRules × number of VMs that stand against a soft rule
 *     moveCost   weights.moveCost × Σ over moves of (memory + perMoveBytes) in GiB × criticality
 *                × what the policy's `costs` say of the VM, the path and its groups (move-costs.ts)
 *     power      weights.power × Σ over hosts with VMs of their idle draw in 100 W (power.ts)
 *
 * Resources are CPU and memory, each of weight 1, and those that a policy names, of the weight that
 * it gives them. u is load over capacity when all moves have ended. Hosts without capacity do not
 * count. Power is a term only where a finding asks for consolidation: nobody else empties hosts to
 * save it.
 */

import type { Objective } from '../domain/plan.ts';
import type { Weights } from '../domain/policy.ts';
import { GIB } from '../domain/units.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';
import { pairsOf } from './pairs.ts';
import { TouchedGroups } from './move-prices.ts';
import type { RuleSet } from './rules.ts';

const TERMS = ['overload', 'imbalance', 'balance', 'softRules', 'moveCost', 'power'] as const;
type Term = (typeof TERMS)[number];
export type TermValues = Readonly<Record<Exclude<Term, 'power' | 'balance'>, number>> & {
  readonly balance?: number;
  readonly power?: number;
};

export interface ObjectiveSettings {
  readonly weights: Weights;
  /** Per host, what it draws when idle in units of 100 W; undefined: power is no term. */
  readonly powers: Float64Array | undefined;
}

interface Spread {
  readonly resource: number;
  /** Of a pair: the resource whose use is taken off; -1: it is no pair. */
  readonly less: number;
  readonly weight: number;
  count: number;
  sum: number;
  squares: number;
  overload: number;
}

/** Follows the objective move by move, in O(resources + soft rules of the VM) each. */
export class ObjectiveTracker {
  readonly #model: Model;
  readonly #rules: RuleSet;
  readonly #weights: Weights;
  readonly #load: Float64Array;
  readonly #at: Int32Array;
  readonly #spreads: readonly Spread[];
  readonly #powers: Float64Array | undefined;
  /** Per host. */
  readonly #guests: Uint32Array;
  readonly #touched: TouchedGroups | undefined;
  #broken: number;
  #cost = 0;
  /** Of hosts with VMs. */
  #drawn = 0;

  constructor(model: Model, rules: RuleSet, { weights, powers }: ObjectiveSettings) {
    this.#model = model;
    this.#powers = powers;
    this.#touched = model.prices && new TouchedGroups(model.prices);
    this.#guests = new Uint32Array(model.hosts.length);
    // By index: a first plan's code is not optimised yet, and makes an object for each value else.
    for (let v = 0; v < model.home.length; v += 1) {
      const h = model.home[v] ?? -1;
      if (h >= 0) this.#guests[h] = (this.#guests[h] ?? 0) + 1;
    }
    for (const [h, drawn] of powers?.entries() ?? []) {
      if ((this.#guests[h] ?? 0) > 0) this.#drawn += drawn;
    }
    this.#rules = rules;
    this.#weights = weights;
    this.#load = model.net.slice();
    this.#at = model.home.slice();
    this.#broken = rules.soft.reduce((sum, rule) => sum + rule.broken(this.#at), 0);
    const empty = { less: -1, count: 0, sum: 0, squares: 0, overload: 0 };
    this.#spreads = [
      { resource: CPU_AT, weight: 1, ...empty },
      { resource: MEMORY_AT, weight: 1, ...empty },
      ...model.extras.map(({ imbalance: weight }, index) => {
        return { resource: model.firstExtra + index, weight, ...empty };
      }),
      ...pairsOf(model, weights).map((pair) => ({ ...empty, ...pair })),
    ];
    for (let h = 0; h < model.hosts.length; h += 1) this.#count(h, 1);
  }

  values(): TermValues {
    const { overload, imbalance, softRules, moveCost, power } = this.#weights;
    let over = 0;
    let deviation = 0;
    let proportion: number | undefined;
    for (const spread of this.#spreads) {
      const mean = spread.count > 0 ? spread.sum / spread.count : 0;
      const variance = spread.count > 0 ? spread.squares / spread.count - mean * mean : 0;
      over += Math.max(0, spread.overload);
      const spreadOut = spread.weight * Math.sqrt(Math.max(0, variance));
      if (spread.less < 0) deviation += spreadOut;
      else proportion = (proportion ?? 0) + spreadOut;
    }
    return {
      overload: overload * over,
      imbalance: imbalance * deviation,
      ...(proportion !== undefined && { balance: proportion }),
      softRules: softRules * this.#broken,
      moveCost: moveCost * this.#cost,
      ...(this.#powers !== undefined && { power: power * this.#drawn }),
    };
  }

  /** Makes the move and returns what it changed, term by term. */
  move(v: number, from: number, to: number): TermValues {
    const before = this.values();
    const { width, need, held, cost } = this.#model;
    for (const h of [from, to]) this.#count(h, -1);
    for (let r = 0; r < width; r += 1) {
      this.#load[from * width + r] =
        (this.#load[from * width + r] ?? 0) - (held[v * width + r] ?? 0);
      this.#load[to * width + r] = (this.#load[to * width + r] ?? 0) + (need[v * width + r] ?? 0);
    }
    for (const h of [from, to]) this.#count(h, 1);
    const soft = this.#rules.softOf[v] ?? [];
    for (const rule of soft) this.#broken -= rule.broken(this.#at);
    this.#at[v] = to;
    for (const rule of soft) this.#broken += rule.broken(this.#at);
    this.#cost += ((cost[v] ?? 0) + this.#beyond(v, to)) / GIB;
    this.#touched?.count(v, 1);
    this.#guest(from, -1);
    this.#guest(to, 1);
    return difference(this.values(), before);
  }

  /** What the move would change, without making it. */
  look(v: number, from: number, to: number): TermValues {
    const { width } = this.#model;
    const rows = [from, to].map((h) => this.#load.slice(h * width, (h + 1) * width));
    const spreads = this.#spreads.map((spread) => ({ ...spread }));
    const [broken, cost, drawn] = [this.#broken, this.#cost, this.#drawn];
    const change = this.move(v, from, to);
    for (const [end, h] of [from, to].entries()) this.#load.set(rows[end] ?? [], h * width);
    for (const [i, spread] of this.#spreads.entries()) Object.assign(spread, spreads[i]);
    this.#guest(to, -1);
    this.#guest(from, 1);
    this.#touched?.count(v, -1);
    [this.#broken, this.#cost, this.#drawn] = [broken, cost, drawn];
    this.#at[v] = from;
    return change;
  }

  /** Groups that the move would be the first one to touch. */
  touches(v: number): readonly number[] {
    return this.#touched?.untouched(v) ?? [];
  }

  #beyond(v: number, to: number): number {
    const { prices } = this.#model;
    if (prices === undefined || this.#touched === undefined) return 0;
    return prices.beyond(v, to) + this.#touched.due(v);
  }

  #guest(h: number, sign: 1 | -1): void {
    const before = this.#guests[h] ?? 0;
    const after = before + sign;
    this.#guests[h] = after;
    if ((before === 0) !== (after === 0)) this.#drawn += sign * (this.#powers?.[h] ?? 0);
  }

  #count(h: number, sign: 1 | -1): void {
    const { width, capacity, safety } = this.#model;
    for (const spread of this.#spreads) {
      const at = h * width + spread.resource;
      const room = capacity[at] ?? 0;
      if (room <= 0) continue;
      const use = (this.#load[at] ?? 0) / room - this.#lessOf(h, spread.less);
      spread.count += sign;
      spread.sum += sign * use;
      spread.squares += sign * use * use;
      if (spread.less >= 0) continue;
      spread.overload += sign * Math.max(0, use - (safety[at] ?? 1)) ** 2;
    }
  }

  #lessOf(h: number, resource: number): number {
    if (resource < 0) return 0;
    const at = h * this.#model.width + resource;
    const room = this.#model.capacity[at] ?? 0;
    return room > 0 ? (this.#load[at] ?? 0) / room : 0;
  }
}

function difference(after: TermValues, before: TermValues): TermValues {
  return {
    overload: after.overload - before.overload,
    imbalance: after.imbalance - before.imbalance,
    softRules: after.softRules - before.softRules,
    moveCost: after.moveCost - before.moveCost,
    ...(after.balance !== undefined && { balance: after.balance - (before.balance ?? 0) }),
    ...(after.power !== undefined && { power: after.power - (before.power ?? 0) }),
  };
}

export function objectiveOf(before: TermValues, after: TermValues): Objective {
  const total = (values: TermValues): number =>
    TERMS.reduce((sum, term) => sum + (values[term] ?? 0), 0);
  const terms = TERMS.filter((term) => after[term] !== undefined);
  return {
    before: total(before),
    after: total(after),
    terms: Object.fromEntries(
      terms.map((term) => [term, { before: before[term] ?? 0, after: after[term] ?? 0 }]),
    ),
  };
}

/**
 * Consolidation for power: in each cluster the set of underused hosts is emptied that saves the
 * most power for the least disruption. The first order of trying the hosts is by what emptying one
 * gains for the room that it takes (emptying-price.ts); others are compared, then random ones while
 * steps are left; equal hosts go by id.
 *
 * What it leaves can be emptied no further by itself: each host that stays on was tried last with
 * all the others as they end, so that planning again for what the plan comes to gives no move.
 */

import type { Finding } from '../domain/finding.ts';
import { GIB } from '../domain/units.ts';
import type { Draft } from './draft.ts';
import { type Emptied, Emptying, type Stay } from './emptying.ts';
import { staysOff } from './leavers.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';
import { type Draw, idleDraw } from './power.ts';
import type { SearchBudget } from './improve.ts';
import { type Prices, pricesInRoom } from './emptying-price.ts';
import { Reserve } from './reserve.ts';
import type { Setting } from './setting.ts';
import type { State, Terms } from './state.ts';

/** Why an underused host is not emptied. */
export type Staying =
  | Stay
  /** Its VM may not be moved at all. */
  | { readonly kind: 'stuck'; readonly vm: number }
  /** Its VM is switched off, and is so for nobody knows how long: no adapter moves one. */
  | { readonly kind: 'switched-off'; readonly vm: number }
  | { readonly kind: 'no-gain'; readonly gib: number }
  /** Its cluster has overload to relieve or hosts to empty first, and may need all that is on. */
  | { readonly kind: 'cluster-busy' }
  /** Drained, in maintenance, not answering, or about to take something in. */
  | { readonly kind: 'other-affairs' };

const BUSY: Staying = { kind: 'cluster-busy' };

export interface Consolidation {
  /** By index. */
  readonly emptied: readonly number[];
  /** Underused hosts that carry nothing as it is. */
  readonly idle: readonly number[];
  readonly staying: ReadonlyMap<number, Staying>;
  readonly draw: Draw;
}

/** How many random orders are compared, at most, and over how much their keys are drawn apart. */
const RANDOM_ORDERS = 40;
const SPREAD = 0.7;

/** How places are found, in turn: neither is better on every fleet. */
const FITS = ['align', 'match'] as const;

export function consolidate(draft: Draft, setting: Setting, budget: SearchBudget): Consolidation {
  const { model, needs } = setting;
  const draw = idleDraw(model);
  const carrying = new Uint8Array(model.hosts.length);
  for (const h of draft.state.at) if (h >= 0) carrying[h] = 1;
  for (const { host } of setting.request.snapshot.reservations) {
    const h = model.hostIndex.get(host);
    if (h !== undefined) carrying[h] = 1;
  }
  const underused = [...needs.underused.keys()].sort((a, b) => a - b);
  const idle = underused.filter((h) => carrying[h] === 0 && isInService(model, h));
  const staying = new Map<number, Staying>();
  const emptied: number[] = [];
  for (const hosts of clustersOf(model)) {
    const isBusy = isAtWork(draft, setting, hosts);
    const candidates = hosts.filter((h) => {
      if (!needs.underused.has(h) || carrying[h] === 0) return false;
      const against = isBusy ? BUSY : objection({ draft, setting, draw }, h);
      if (against !== undefined) staying.set(h, against);
      return against === undefined;
    });
    if (candidates.length === 0) continue;
    const scene = { draft, setting, draw, hosts, candidates, carrying, idle };
    const search = new ClusterSearch(scene);
    emptied.push(...search.run(budget));
    for (const [h, why] of search.staying()) staying.set(h, why);
  }
  return { emptied: emptied.sort((a, b) => a - b), idle, staying, draw };
}

interface Planned {
  readonly draft: Draft;
  readonly setting: Setting;
  readonly draw: Draw;
}

interface Scene extends Planned {
  readonly hosts: readonly number[];
  readonly candidates: readonly number[];
  /** Per host: 1 when a VM is there, or will be; not where the last one is on its way out. */
  readonly carrying: Uint8Array;
  readonly idle: readonly number[];
}

/** Hosts that make up for each other when one fails; those of no cluster, by their source. */
function clustersOf({ hosts }: Model): readonly (readonly number[])[] {
  const keyOf = (h: number): string => JSON.stringify([hosts[h]?.source, hosts[h]?.cluster]);
  return [...Map.groupBy(hosts.keys(), keyOf).values()];
}

/** Whether more than consolidation goes on in the cluster. */
function isAtWork({ state }: Draft, { needs }: Setting, hosts: readonly number[]): boolean {
  const those = new Set(hosts);
  const isLeft = (h: number): boolean => those.has(h) && state.at.includes(h);
  return (
    needs.reliefs.some(({ host }) => those.has(host)) ||
    needs.evacuations.some(({ host }) => isLeft(host)) ||
    state.moves.some(({ from, to }) => those.has(from) || those.has(to))
  );
}

function isInService({ hosts }: Model, h: number): boolean {
  const host = hosts[h];
  return host?.connection === 'connected' && (host.state === 'healthy' || host.state === 'warn');
}

/** What speaks against emptying the host whatever the others do. */
function objection({ draft, setting, draw }: Planned, h: number): Staying | undefined {
  const { model, needs, request } = setting;
  const { state } = draft;
  const isExpecting = request.snapshot.reservations.some(({ host }) => host === model.hosts[h]?.id);
  if (state.closed[h] === 1 || isExpecting || !isInService(model, h)) {
    return { kind: 'other-affairs' };
  }
  const terms = setting.termsOf(needs.underused.get(h)?.tier ?? 'optional');
  const here = draft.residents(h).filter((v) => state.at[v] === h);
  const off = here.find((v) => staysOff(draft, v));
  if (off !== undefined) return { kind: 'switched-off', vm: off };
  const stuck = here.find((v) => state.stuck(v, terms) !== 0);
  if (stuck !== undefined) return { kind: 'stuck', vm: stuck };
  const { gain, gib } = worth({ draft, setting, draw }, h);
  return gain > 0 ? undefined : { kind: 'no-gain', gib };
}

/** What emptying a host gains in the objective's terms, with margin, and what is moved for it. */
interface Worth {
  readonly gain: number;
  readonly gib: number;
}

function worth({ draft, setting, draw }: Planned, h: number): Worth {
  const { weights, limits } = setting.request;
  const { cost, vms } = setting.model;
  let [price, moved] = [0, 0];
  for (const v of draft.residents(h)) {
    if (draft.state.at[v] !== h) continue;
    price += (cost[v] ?? 0) / GIB;
    moved += (vms[v]?.memoryBytes ?? 0) / GIB;
  }
  const paid = weights.moveCost * (1 + limits.gainMargin) * price;
  return { gain: weights.power * (draw.units[h] ?? 0) - paid, gib: moved };
}

interface Solution extends Emptied {
  readonly gain: number;
}

/** One cluster. */
class ClusterSearch {
  readonly #candidates: readonly number[];
  readonly #emptying: Emptying;
  readonly #state: State;
  /** Per candidate; see {@link worth}. */
  readonly #worths: ReadonlyMap<number, Worth>;
  /** What a byte of moving counts against that. */
  readonly #perByte: number;
  readonly #staying = new Map<number, Staying>();
  readonly #prices: Prices;

  constructor(scene: Scene) {
    const { draft, setting, hosts, candidates, idle } = scene;
    const { model, needs, request } = setting;
    this.#candidates = candidates;
    this.#state = draft.state;
    this.#worths = new Map(candidates.map((h) => [h, worth(scene, h)]));
    this.#perByte = (request.weights.moveCost * (1 + request.limits.gainMargin)) / GIB;
    const usable = hosts.filter(
      (h) => isInService(model, h) && draft.state.closed[h] === 0 && !idle.includes(h),
    );
    const { keepSpare } = request.limits.consolidation;
    const off = new Uint8Array(model.hosts.length).fill(1);
    for (const h of hosts) if (scene.carrying[h] === 1) off[h] = 0;
    const termsOf = termsUpTo(setting, off);
    this.#prices = pricesOf(scene, { off, termsOf, gainOf: (h) => this.#gain(h) });
    this.#emptying = new Emptying(draft, {
      reserve: new Reserve(draft.state, { hosts, usable, keepSpare }),
      findingOf: needs.underused,
      termsOf,
      off,
    });
  }

  /** The hosts that it empties; the draft has the moves. */
  run(budget: SearchBudget): readonly number[] {
    let best = this.#tryIn(
      this.#by((h) => this.#price(h)),
      budget,
    );
    for (const order of this.#orders(budget)) {
      // Every host that could be emptied is: no order does better.
      if (best.hosts.length === this.#candidates.length) break;
      this.#emptying.restore();
      const other = this.#tryIn(order, budget);
      if (other.gain > best.gain * (1 + 1e-9)) best = other;
    }
    this.#emptying.restore(best);
    for (const fit of FITS) {
      this.#emptying.fit = fit;
      this.#tryTheRest();
    }
    return this.#emptying.emptied().hosts;
  }

  /**
   * Until none can be emptied any more, and why not. Nearly always none can: what fits less room is
   * found to fit more, but for the odd packing.
   */
  #tryTheRest(): void {
    for (let again = true; again; ) {
      again = false;
      for (const h of this.#candidates) {
        if (this.#emptying.has(h)) continue;
        const stay = this.#empty(h);
        if (stay === undefined) again = true;
        else this.#staying.set(h, stay);
      }
    }
    for (const h of this.#emptying.emptied().hosts) this.#staying.delete(h);
  }

  staying(): ReadonlyMap<number, Staying> {
    return this.#staying;
  }

  /** As long as there are steps for another one. */
  *#orders(budget: SearchBudget): Generator<readonly number[]> {
    const fixed = [
      (h: number): number => this.#load(h),
      (h: number): number => this.#load(h),
      (h: number): number => -this.#gain(h),
      (h: number): number => this.#load(h) / this.#gain(h),
    ];
    for (let tried = 0; tried < fixed.length + RANDOM_ORDERS; tried += 1) {
      if (budget.steps < this.#candidates.length || budget.shouldStop()) return;
      this.#emptying.fit = FITS[tried % FITS.length] ?? 'match';
      const isByLoad = tried % 4 < 2;
      const draw = (h: number): number =>
        (isByLoad ? this.#load(h) : this.#price(h)) * (1 + SPREAD * (budget.rng.next() - 0.5));
      yield this.#by(fixed[tried] ?? draw);
    }
  }

  #by(key: (h: number) => number): readonly number[] {
    const keys = new Map(this.#candidates.map((h) => [h, key(h)]));
    return this.#candidates.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0) || a - b);
  }

  /** Each once: as more are emptied there is less room for the others. */
  #tryIn(order: readonly number[], budget: SearchBudget): Solution {
    let gain = 0;
    for (const h of order) {
      budget.steps = Math.max(0, budget.steps - 1);
      const before = this.#state.beyond;
      if (this.#empty(h) === undefined) gain += this.#gain(h) - this.#paidSince(before);
    }
    return { ...this.#emptying.emptied(), gain };
  }

  /** Undefined: it is empty in the end now, and worth what that costs. */
  #empty(h: number): Staying | undefined {
    const isPriced = this.#state.model.prices !== undefined;
    const [known, before] = [isPriced && this.#emptying.emptied(), this.#state.beyond];
    const stay = this.#emptying.empty(h);
    if (stay !== undefined || known === false) return stay;
    if (this.#gain(h) > this.#paidSince(before)) return undefined;
    this.#emptying.restore(known);
    return { kind: 'no-gain', gib: this.#worths.get(h)?.gib ?? 0 };
  }

  /** Beside the least that the moves cost: for dear paths, and for groups. */
  #paidSince(before: number): number {
    return this.#perByte * (this.#state.beyond - before);
  }

  #gain(h: number): number {
    return this.#worths.get(h)?.gain ?? 0;
  }

  #price(h: number): number {
    return (this.#prices.of.get(h) ?? 0) / this.#gain(h);
  }

  /** What would have to leave, as a share of the fuller resource of the host. */
  #load(h: number): number {
    return Math.max(this.#state.utilisation(h, CPU_AT), this.#state.utilisation(h, MEMORY_AT));
  }
}

interface PriceSettings {
  readonly off: Uint8Array;
  readonly termsOf: (finding: Finding) => Terms;
  readonly gainOf: (h: number) => number;
}

/** The prices of the candidates, in room of the hosts that are not off. */
function pricesOf({ draft, setting, candidates, hosts }: Scene, settings: PriceSettings): Prices {
  const { off, termsOf, gainOf } = settings;
  const { net, gross, model } = draft.state;
  const [first] = setting.needs.underused.values();
  const limit = first === undefined ? model.limit : termsOf(first).limit;
  const each = (h: number, of: (at: number) => number): [number, number] => {
    return [of(h * model.width + CPU_AT), of(h * model.width + MEMORY_AT)];
  };
  const roomOf = (h: number): [number, number] => {
    const left = each(h, (at) => (limit[at] ?? 0) - (gross[at] ?? 0));
    return off[h] === 0 && left.every((one) => one > 0) ? left : [0, 0];
  };
  const rooms = new Map(hosts.map((h) => [h, roomOf(h)]));
  const all: [number, number] = [0, 0];
  for (const [cpu, memory] of rooms.values()) {
    all[0] += cpu;
    all[1] += memory;
  }
  const emptiable = candidates.map((host) => {
    const load = each(host, (at) => net[at] ?? 0);
    return { host, gain: gainOf(host), load, room: rooms.get(host) ?? [0, 0] } as const;
  });
  return pricesInRoom(emptiable, all);
}

/** The terms of a finding's tier, with hosts filled up to the ceiling of the policy only. */
function termsUpTo(setting: Setting, off: Uint8Array): (finding: Finding) => Terms {
  const { model, request } = setting;
  const { cpu, memory } = request.limits.consolidation.fillTo;
  const known = new Map<Finding['tier'], Terms>();
  return ({ tier }) => {
    const earlier = known.get(tier);
    if (earlier !== undefined) return earlier;
    const terms = setting.termsOf(tier);
    const limit = terms.limit.map((most, at) => {
      const resource = at % model.width;
      if (resource > MEMORY_AT) return most;
      return Math.min(most, (model.capacity[at] ?? 0) * (resource === CPU_AT ? cpu : memory));
    });
    const gaps = [...off.keys()]
      .filter((h) => off[h] === 0)
      .map((h) => (model.limit[h * model.width] ?? 0) - (limit[h * model.width] ?? 0));
    const cpuBelow = Math.max(0, Math.min(...gaps));
    const made: Terms = { ...terms, limit, useless: off, cpuBelow };
    known.set(tier, made);
    return made;
  };
}

/**
 * What levelling sees of a draft: how far each host is off the common level, which VMs may move,
 * and what a change of places is worth. It lowers one number, in squares of shares:
 *
 *     Σ over hosts of off_CPU²  +  max(0, Σ over hosts of off_memory² - what it was)
 *         +  what else is to be level (level-forms.ts)  +  Σ over moved VMs of their price
 *
 * `off` is load over capacity less the common level; the price is what {@link LevelSettings} makes
 * of the VM's move cost, with the margin. Moves stay within gross loads (`any-moment`) here, so
 * that any of them may be taken back or sent elsewhere without touching the others.
 */

import type { Finding } from '../domain/finding.ts';
import type { Weights } from '../domain/policy.ts';
import { GIB } from '../domain/units.ts';
import type { Proposal } from './as-problem.ts';
import type { Draft } from './draft.ts';
import { LevelForms } from './level-forms.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';
import type { State, Terms } from './state.ts';
import type { Outlook } from './rules/rule.ts';

/**
 * Squares of shares are small: evening out 1 % is worth 1e-4, where moving 1 GiB costs 1e-3 with
 * the shipped weights. This brings the two to one scale: 1 GiB is moved for about 0.5 %.
 */
const EXCHANGE = 0.02;

export interface LevelSettings {
  readonly finding: Finding;
  readonly terms: Terms;
  readonly weights: Weights;
  /** A move must gain this share more than it costs. */
  readonly margin: number;
  /** Moves made for levelling, at most. */
  readonly mostMoves: number;
}

/** Squares of shares that a GiB of move cost has to gain. */
function pricePerGib({ weights, margin }: LevelSettings): number {
  const { imbalance, moveCost } = weights;
  return imbalance > 0 ? (EXCHANGE * moveCost * (1 + margin)) / imbalance : Infinity;
}

/** The dead band, in shares of a host: levelling begins only for hosts further off than this. */
export const DEAD_BAND = 0.06;

/** A VM and the host on which it is to be. */
export interface Place {
  readonly vm: number;
  readonly to: number;
}

/**
 * Whose moves are weighed: those of this plan, or, for trial, those of one made after it, be it
 * without the VMs that this one moves for other needs.
 */
export type Whose = 'this-plan' | 'next-plan' | 'next-plan-of-others';

export class Field {
  readonly model: Model;
  /** Hosts that take part: with capacity, and measured. */
  readonly hosts: readonly number[];
  /** Per host and resource (CPU, memory): how far above the common level it is, as a share. */
  readonly off: Float64Array;
  /** Per VM: what its move has to gain, at least. */
  readonly price: Float64Array;
  readonly settings: LevelSettings;
  /** `in-the-end`: places are tried that may have to wait for others; see {@link remake}. */
  outlook: Outlook = 'any-moment';
  readonly #draft: Draft;
  readonly #state: State;
  readonly #whose: Whose;
  /** Per VM: where it was when the field was made. */
  readonly #home: Int32Array;
  /** Per host: the VMs that may move and stand there now. */
  readonly #residents: number[][];
  readonly #level: readonly [cpu: number, memory: number];
  /** Per host: how many VMs came for levelling. */
  readonly #arrivals: Int32Array;
  #moves = 0;
  #paid = 0;
  /** Over all hosts: squares of `off`. */
  readonly #squares: [cpu: number, memory: number] = [0, 0];
  /** Of memory, what it may be. */
  readonly #allowed: number;
  readonly #forms: LevelForms | undefined;

  constructor(draft: Draft, settings: LevelSettings, whose: Whose = 'this-plan') {
    const { state } = draft;
    const { model } = state;
    this.#draft = draft;
    this.#state = state;
    this.#whose = whose;
    this.#home = state.at.slice();
    this.model = model;
    this.settings = settings;
    this.hosts = [...model.hosts.keys()].filter(
      (h) =>
        model.hostMeasured[h] === 1 &&
        (model.capacity[h * model.width] ?? 0) > 0 &&
        settings.terms.useless?.[h] !== 1,
    );
    this.#arrivals = new Int32Array(model.hosts.length);
    this.off = new Float64Array(2 * model.hosts.length);
    this.price = model.cost.map((cost) => (cost / GIB) * pricePerGib(settings));
    this.#residents = this.#movable();
    this.#level = [this.#common(CPU_AT), this.#common(MEMORY_AT)];
    this.#forms = LevelForms.of(state, settings.weights, this.hosts);
    for (const h of this.hosts) this.#measure(h);
    const now = this.#squares[MEMORY_AT];
    this.#allowed = whose === 'this-plan' ? Math.min(now, this.#memoryAtFirst()) : now;
  }

  /** How many VMs levelling moves so far. */
  get moves(): number {
    return this.#moves;
  }

  /** The number that is lowered. */
  get value(): number {
    return this.#squares[CPU_AT] + this.memoryExcess + this.#paid + (this.#forms?.value ?? 0);
  }

  /** Whether more than CPU and memory is to be level. */
  get hasMore(): boolean {
    return this.#forms !== undefined;
  }

  /** What is gone of the squares of what else is to be level when the VM goes there. */
  moreGain(vm: number, from: number, to: number): number {
    return this.#forms?.gain(vm, from, to) ?? 0;
  }

  /** How far the host is off in CPU, and in what is furthest of what else is to be level. */
  distances(h: number): readonly [cpu: number, more: number] {
    return [Math.abs(this.off[2 * h] ?? 0), this.#forms?.furthest(h) ?? 0];
  }

  /** How far the host is off, in what is furthest of all that is to be level. */
  away(h: number): number {
    return Math.max(...this.distances(h));
  }

  /** By how much memory is less level than it may be. */
  get memoryExcess(): number {
    return Math.max(0, this.#squares[MEMORY_AT] - this.#allowed);
  }

  /** What it gains in that when so much memory changes sides; negative: it is lost. */
  memoryGain(amount: number, from: number, to: number): number {
    const after = this.#squares[MEMORY_AT] - this.gain(MEMORY_AT, amount, from, to);
    return this.memoryExcess - Math.max(0, after - this.#allowed);
  }

  /** How far above the common level the host would be with so much CPU in use, in threads. */
  offAlone(h: number, cpu: number): number {
    const { width, capacity } = this.model;
    return cpu / (capacity[h * width + CPU_AT] ?? 1) - this.#level[CPU_AT];
  }

  residents(h: number): readonly number[] {
    return this.#residents[h] ?? [];
  }

  at(vm: number): number {
    return this.#state.at[vm] ?? -1;
  }

  isHome(vm: number): boolean {
    return this.#state.at[vm] === this.#home[vm];
  }

  /** VMs that may change places among the hosts that take part. */
  proposal(): Proposal {
    const takesPart = new Set(this.hosts);
    const vms = this.hosts.flatMap((h) =>
      this.residents(h).filter((vm) => takesPart.has(this.#home[vm] ?? -1)),
    );
    const { terms } = this.settings;
    return { state: this.#state, vms, hosts: this.hosts, home: this.#home, terms };
  }

  /** In bytes, what a move of the VM to there costs. */
  costOf(vm: number, to: number): number {
    return (this.model.cost[vm] ?? 0) + this.#state.extra(vm, to);
  }

  /** What such a move has to gain. */
  priceOf(vm: number, to: number): number {
    if (this.model.prices === undefined) return this.price[vm] ?? 0;
    return (this.costOf(vm, to) / GIB) * pricePerGib(this.settings);
  }

  /** What it has to gain more than now when the VM goes there. */
  priceMore(vm: number, to: number): number {
    const before = this.isHome(vm) ? 0 : this.priceOf(vm, this.at(vm));
    return (to === this.#home[vm] ? 0 : this.priceOf(vm, to)) - before;
  }

  /** Of the squares of both hosts, what is gone when so much of the resource changes sides. */
  // oxlint-disable-next-line max-params -- one resource of one exchange
  gain(resource: number, amount: number, from: number, to: number): number {
    const { width, capacity } = this.model;
    const leaves = amount / (capacity[from * width + resource] ?? 1);
    const comes = amount / (capacity[to * width + resource] ?? 1);
    const source = this.off[2 * from + resource] ?? 0;
    const target = this.off[2 * to + resource] ?? 0;
    return leaves * (2 * source - leaves) - comes * (2 * target + comes);
  }

  /** Whether the VM, as things stand, may be moved there from its home. */
  mayGo(vm: number, to: number, outlook: Outlook): boolean {
    return this.#state.refusal(vm, to, this.settings.terms, outlook) === 0;
  }

  /** Puts all of them in their places if each may go there; else changes nothing. */
  tryPlaces(places: readonly Place[]): boolean {
    const before = this.placesOf(places);
    for (const { vm } of before) this.#goHome(vm);
    if (this.#goAll(places)) return true;
    this.restore(before);
    return false;
  }

  #goAll(places: readonly Place[]): boolean {
    for (const { vm, to } of places) {
      if (to === this.#home[vm]) continue;
      if (this.#moves >= this.settings.mostMoves || !this.mayGo(vm, to, this.outlook)) return false;
      this.move(vm, to);
    }
    if (this.outlook === 'any-moment') return true;
    return places.every(({ vm, to }) => to !== this.#home[vm] || this.#holds(to));
  }

  /** Those who came may have counted on room that stays taken now. */
  #holds(h: number): boolean {
    const { width } = this.model;
    if (this.#arrivals[h] === 0) return true;
    for (let at = h * width; at < (h + 1) * width; at += 1) {
      if ((this.#state.later[at] ?? 0) > (this.settings.terms.limit[at] ?? 0)) return false;
    }
    return true;
  }

  placesOf(places: readonly Pick<Place, 'vm'>[]): Place[] {
    return places.map(({ vm }) => ({ vm, to: this.at(vm) }));
  }

  /** The moves made for levelling. */
  made(): Place[] {
    return this.hosts.flatMap((h) =>
      this.residents(h).flatMap((vm) => (this.isHome(vm) ? [] : [{ vm, to: h }])),
    );
  }

  /** Makes these moves and no others, each when those before it have ended, as far as they may. */
  remake(places: readonly Place[]): void {
    for (const { vm } of this.made()) this.#goHome(vm);
    let waiting = places.filter(({ vm, to }) => !this.#tryMove(vm, to, 'any-moment'));
    let before: number;
    do {
      before = waiting.length;
      waiting = waiting.filter(({ vm, to }) => !this.#tryMove(vm, to, 'in-the-end'));
    } while (waiting.length < before);
  }

  #tryMove(vm: number, to: number, outlook: Outlook): boolean {
    const may = this.mayGo(vm, to, outlook);
    if (may) this.move(vm, to);
    return may;
  }

  /** Puts VMs where they were before: places that were possible together. */
  restore(places: readonly Place[]): void {
    for (const { vm } of places) this.#goHome(vm);
    for (const { vm, to } of places) if (to !== this.#home[vm]) this.move(vm, to);
  }

  /** From its home, where it may go. */
  move(vm: number, to: number): void {
    const { finding, terms } = this.settings;
    const from = this.at(vm);
    this.#paid += this.priceOf(vm, to);
    if (this.#whose !== 'this-plan') this.#state.apply(vm, to);
    else this.#draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
    this.#moves += 1;
    this.#arrivals[to] = (this.#arrivals[to] ?? 0) + 1;
    this.#settle(vm, from, to);
  }

  #goHome(vm: number): void {
    if (this.isHome(vm)) return;
    const from = this.at(vm);
    if (this.#whose !== 'this-plan') this.#state.undo(vm);
    else this.#draft.takeBack(vm);
    this.#moves -= 1;
    this.#arrivals[from] = (this.#arrivals[from] ?? 0) - 1;
    this.#paid -= this.priceOf(vm, from);
    this.#settle(vm, from, this.at(vm));
  }

  #settle(vm: number, from: number, to: number): void {
    const old = this.#residents[from];
    old?.splice(old.indexOf(vm), 1);
    this.#residents[to]?.push(vm);
    this.#measure(from);
    this.#measure(to);
  }

  /** Per host: the VMs there that may move, by index. */
  #movable(): number[][] {
    const residents: number[][] = this.model.hosts.map(() => []);
    for (const [v, h] of this.#state.at.entries()) if (this.#mayMove(v)) residents[h]?.push(v);
    return residents;
  }

  #mayMove(v: number): boolean {
    const { finding, terms } = this.settings;
    if (this.#whose === 'this-plan') return this.#state.stuck(v, terms) === 0;
    const cause = this.#draft.causes.get(v);
    const isOthers = cause !== undefined && cause.finding !== finding;
    if (isOthers && this.#whose === 'next-plan-of-others') return false;
    return this.#state.stuckLater(v, terms) === 0;
  }

  /** The level that all would have if load could be cut at will. */
  #common(resource: number): number {
    const { width, capacity } = this.model;
    let [load, room] = [0, 0];
    for (const h of this.hosts) {
      load += this.#state.net[h * width + resource] ?? 0;
      room += capacity[h * width + resource] ?? 0;
    }
    return room > 0 ? load / room : 0;
  }

  /** Squares of memory as they were before the plan moved anything. */
  #memoryAtFirst(): number {
    const { width, capacity, net } = this.model;
    return this.hosts.reduce((sum, h) => {
      const at = h * width + MEMORY_AT;
      const room = capacity[at] ?? 0;
      return sum + (room > 0 ? ((net[at] ?? 0) / room - this.#level[MEMORY_AT]) ** 2 : 0);
    }, 0);
  }

  #measure(h: number): void {
    this.#forms?.measure(h, this.#state.net);
    for (const resource of [CPU_AT, MEMORY_AT] as const) {
      const off = this.#state.utilisation(h, resource) - this.#level[resource];
      this.#squares[resource] += off ** 2 - (this.off[2 * h + resource] ?? 0) ** 2;
      this.off[2 * h + resource] = off;
    }
  }
}

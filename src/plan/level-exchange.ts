/**
 * The best exchange between two hosts: up to two VMs of each change sides. What goes back to its
 * home, or was on its way anyway, costs nothing more.
 *
 * When δ threads change sides, the squares of both hosts' distances from the level shrink by
 * 2Bδ - Aδ², with A = 1/C² + 1/C'² and B = off/C - off'/C' (C: capacity). So what gains more than t
 * lies within √(B² - At) / A of B/A: only that window of the other host's VMs, which are in order
 * of their CPU, is looked at.
 */

import type { Field, Place } from './level-field.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';

/** What may leave a host together, the least CPU first: nothing, one VM, or two. */
interface Parcels {
  readonly vms: readonly (readonly number[])[];
  readonly cpu: Float64Array;
  readonly memory: Float64Array;
}

export interface Exchange {
  readonly places: readonly Place[];
  readonly gain: number;
}

/** Hosts with more VMs than this exchange single ones only: pairs of them would be too many. */
const PAIRS_UP_TO = 10;

/** Sums in another order differ by less: no gain. */
const ROUNDING = 1e-12;

export class Exchanger {
  readonly #field: Field;
  /** Per host; undefined: not made yet, or its VMs have changed. */
  readonly #parcels: (Parcels | undefined)[];
  /** Per host: when its VMs changed last. */
  readonly #changedAt: Float64Array;
  /** Per pair: what no exchange of the two gains more than, and since when that is known. */
  readonly #bounds = new Map<number, { readonly gain: number; readonly at: number }>();
  #now = 0;

  constructor(field: Field) {
    const hosts = field.model.hosts.length;
    this.#field = field;
    this.#parcels = Array.from({ length: hosts });
    this.#changedAt = new Float64Array(hosts);
  }

  /** To be told when VMs came to the host or left it. */
  changed(h: number): void {
    this.#now += 1;
    this.#parcels[h] = undefined;
    this.#changedAt[h] = this.#now;
  }

  /** Where the VMs go in the best exchange of these two that gains more than `least`. */
  best(a: number, b: number, least: number): Exchange | undefined {
    const [first, second] = a < b ? [a, b] : [b, a];
    const pair = first * this.#parcels.length + second;
    const known = this.#bounds.get(pair);
    const since = Math.max(this.#changedAt[a] ?? 0, this.#changedAt[b] ?? 0);
    if (known !== undefined && known.at >= since && known.gain <= least) return undefined;
    const curve = this.#curve(first, second);
    const most = curve.most + this.#field.memoryExcess + this.#savings(first, second);
    const found =
      most > least ? this.#search(first, second, Math.max(least, 0) + ROUNDING) : undefined;
    this.#bounds.set(pair, { gain: found?.gain ?? least, at: this.#now });
    return found;
  }

  /** No exchange of the two saves more of what their moves cost. */
  #savings(a: number, b: number): number {
    const field = this.#field;
    const saved = (from: number, to: number): number => {
      let sum = 0;
      for (const vm of field.residents(from)) {
        if (field.model.home[vm] === to) sum += field.priceOf(vm, from);
      }
      return sum;
    };
    return saved(a, b) + saved(b, a);
  }

  #search(a: number, b: number, least: number): Exchange | undefined {
    const field = this.#field;
    const curve = this.#curve(a, b);
    const [gives, takes] = [this.#of(a), this.#of(b)];
    const takePrices = this.#prices(takes, a);
    // What else an exchange may gain at best, beside its CPU.
    const extra = field.memoryExcess - takePrices.reduce((one, other) => Math.min(one, other), 0);
    let found: Exchange | undefined;
    let most = least;
    const givePrices = this.#prices(gives, b);
    for (let i = 0; i < gives.cpu.length; i += 1) {
      const givePrice = givePrices[i] ?? 0;
      const reach = curve.reach(most + givePrice - extra);
      if (reach < 0) continue;
      const give = gives.cpu[i] ?? 0;
      const highest = give - curve.best + reach;
      for (let j = firstFrom(takes.cpu, highest - 2 * reach); j < takes.cpu.length; j += 1) {
        const take = takes.cpu[j] ?? 0;
        if (take > highest) break;
        const price = givePrice + (takePrices[j] ?? 0);
        const cpu = curve.gain(give - take);
        // For memory alone nothing more is moved.
        if ((cpu <= 0 && price >= 0) || cpu + field.memoryExcess - price <= most) continue;
        const memory = (gives.memory[i] ?? 0) - (takes.memory[j] ?? 0);
        const gain = cpu + field.memoryGain(memory, a, b) - price;
        if (gain <= most) continue;
        const places = [...placed(gives.vms[i], b), ...placed(takes.vms[j], a)];
        if (!this.#isPossible(places)) continue;
        most = gain;
        found = { places, gain };
      }
    }
    return found;
  }

  #curve(a: number, b: number): Curve {
    const { model, off } = this.#field;
    const first = 1 / (model.capacity[a * model.width + CPU_AT] ?? 1);
    const second = 1 / (model.capacity[b * model.width + CPU_AT] ?? 1);
    const slope = (off[2 * a] ?? 0) * first - (off[2 * b] ?? 0) * second;
    return new Curve(first * first + second * second, slope);
  }

  #isPossible(places: readonly Place[]): boolean {
    const before = this.#field.placesOf(places);
    if (!this.#field.tryPlaces(places)) return false;
    this.#field.restore(before);
    return true;
  }

  /** What each parcel costs more where it goes to the host. */
  #prices({ vms }: Parcels, to: number): Float64Array {
    const field = this.#field;
    const prices = new Float64Array(vms.length);
    for (let i = 0; i < vms.length; i += 1) {
      for (const vm of vms[i] ?? []) {
        prices[i] = (prices[i] ?? 0) + field.priceMore(vm, to);
      }
    }
    return prices;
  }

  #of(h: number): Parcels {
    return (this.#parcels[h] ??= parcelsOf(this.#field, h));
  }
}

/** What moving δ threads from one host to another gains: 2Bδ - Aδ². */
class Curve {
  readonly #a: number;
  readonly #b: number;
  readonly best: number;

  constructor(a: number, b: number) {
    this.#a = a;
    this.#b = b;
    this.best = b / a;
  }

  gain(amount: number): number {
    return amount * (2 * this.#b - this.#a * amount);
  }

  get most(): number {
    return this.#b * this.best;
  }

  /** How far around the best amount more than this is gained; negative: nowhere. */
  reach(least: number): number {
    const left = this.#b ** 2 - this.#a * least;
    return left < 0 ? -1 : Math.sqrt(left) / this.#a;
  }
}

/** Place of the first that is at least so much. */
function firstFrom(sorted: Float64Array, least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function placed(vms: readonly number[] | undefined, to: number): Place[] {
  return (vms ?? []).map((vm) => ({ vm, to }));
}

function parcelsOf(field: Field, h: number): Parcels {
  const { width, need } = field.model;
  const here = field.residents(h);
  const cpuOf = (vms: readonly number[]): number => {
    let sum = 0;
    for (const vm of vms) sum += need[vm * width + CPU_AT] ?? 0;
    return sum;
  };
  const vms: number[][] = [[]];
  for (const [i, vm] of here.entries()) {
    vms.push([vm]);
    if (here.length > PAIRS_UP_TO) continue;
    for (let j = i + 1; j < here.length; j += 1) vms.push([vm, here[j] ?? vm]);
  }
  vms.sort((a, b) => cpuOf(a) - cpuOf(b));
  const memory = new Float64Array(vms.length);
  for (const [at, parcel] of vms.entries()) {
    for (const vm of parcel) memory[at] = (memory[at] ?? 0) + (need[vm * width + MEMORY_AT] ?? 0);
  }
  return { vms, cpu: Float64Array.from(vms, cpuOf), memory };
}

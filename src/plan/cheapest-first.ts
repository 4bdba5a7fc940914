/**
 * VMs, the cheapest first, of these the smallest (by CPU), of these by index. There are few prices
 * (sizes of memory, times weights), so they are grouped by price, and a group is sorted when
 * somebody comes to it: who asks the cheapest of 20,000 seldom comes to the others.
 */

import { CPU_AT, type Model } from './model.ts';

export class CheapestFirst {
  readonly #model: Pick<Model, 'width' | 'need'>;
  /** Sorted as far as `#sorted`; behind that only grouped. */
  readonly #vms: Int32Array;
  /** Where each group ends. */
  readonly #ends: Int32Array;
  #nextGroup = 0;
  #sorted = 0;

  constructor(
    { width, need, cost }: Pick<Model, 'width' | 'need' | 'cost'>,
    vms: readonly number[],
  ) {
    this.#model = { width, need };
    const known = new Map<number, number>();
    const prices: number[] = [];
    const counts: number[] = [];
    const groups = Int32Array.from(vms, (v) => {
      const price = cost[v] ?? 0;
      const group = known.get(price) ?? prices.push(price) - 1;
      if (counts[group] === undefined) known.set(price, group);
      counts[group] = (counts[group] ?? 0) + 1;
      return group;
    });
    const places = new Int32Array(prices.length);
    this.#ends = new Int32Array(prices.length);
    let end = 0;
    const cheapestFirst = [...prices.keys()].sort((a, b) => (prices[a] ?? 0) - (prices[b] ?? 0));
    for (const [rank, group] of cheapestFirst.entries()) {
      places[group] = end;
      end += counts[group] ?? 0;
      this.#ends[rank] = end;
    }
    this.#vms = new Int32Array(vms.length);
    for (const [index, v] of vms.entries()) {
      const group = groups[index] ?? 0;
      const place = places[group] ?? 0;
      this.#vms[place] = v;
      places[group] = place + 1;
    }
  }

  get length(): number {
    return this.#vms.length;
  }

  /** -1: there are not so many. */
  at(rank: number): number {
    while (rank >= this.#sorted && this.#nextGroup < this.#ends.length) this.#sortNext();
    return this.#vms[rank] ?? -1;
  }

  #sortNext(): void {
    const { width, need } = this.#model;
    const end = this.#ends[this.#nextGroup] ?? 0;
    const size = (v: number): number => need[v * width + CPU_AT] ?? 0;
    this.#vms.subarray(this.#sorted, end).sort((a, b) => size(a) - size(b) || a - b);
    this.#sorted = end;
    this.#nextGroup += 1;
  }
}

/**
 * A fast look at hosts as targets: most of them have no room for a VM, and that making it costs too
 * much is seen from a few figures that are kept side by side. Those are bounds: whom they do not
 * rule out may still cost too much.
 */

import { CPU_AT } from './model.ts';
import type { State } from './state.ts';

export class Glance {
  /** Per host: CPU up to its limit. */
  readonly free: Float64Array;
  /** Per host: the least that any of its VMs costs, and the least per CPU that it holds. */
  readonly #cheapest: Float64Array;
  readonly #rate: Float64Array;
  /** The least of these rates. */
  readonly #least: number;
  /** Per host: 1 where it has to give VMs away as it is. */
  readonly #busy: Uint8Array;
  readonly #state: State;
  readonly #limit: Float64Array;

  /** @param limit per host and resource: what it may carry, with what rounding may add. */
  constructor(state: State, limit: Float64Array, residents: (host: number) => readonly number[]) {
    const { hosts, width, held, cost, inFlight } = state.model;
    this.#state = state;
    this.#limit = limit;
    this.free = new Float64Array(hosts.length);
    this.#busy = new Uint8Array(hosts.length);
    this.#cheapest = new Float64Array(hosts.length);
    this.#rate = new Float64Array(hosts.length);
    for (let h = 0; h < hosts.length; h += 1) {
      let [cheapest, rate] = [Infinity, Infinity];
      for (const v of residents(h)) {
        if (inFlight[v] === 1) continue;
        const price = cost[v] ?? 0;
        const gain = held[v * width + CPU_AT] ?? 0;
        if (price < cheapest) cheapest = price;
        if (price < rate * gain) rate = price / gain;
      }
      this.#cheapest[h] = cheapest;
      // A hair below, lest rounding cut off what is as cheap as the bound allows.
      this.#rate[h] = rate * (1 - 1e-9);
    }
    this.#least = this.#rate.reduce((least, rate) => Math.min(least, rate), Infinity);
  }

  /** Looks at the host anew. */
  see(host: number, isBusy: boolean): void {
    const at = host * this.#state.model.width + CPU_AT;
    this.free[host] = (this.#limit[at] ?? 0) - (this.#state.later[at] ?? 0);
    this.#busy[host] = isBusy ? 1 : 0;
  }

  /** Whether so much CPU finds no room there, and making it costs so much or more. */
  rulesOut(host: number, cpu: number, slack: number): boolean {
    const missing = cpu - (this.free[host] ?? 0);
    if (missing <= 0 || cpu <= 0 || this.#busy[host] === 1) return false;
    return this.isDear(host, slack) || missing * (this.#rate[host] ?? 0) >= slack;
  }

  /**
   * Hosts that {@link rulesOut} leaves, those with so much CPU free first: there nobody need give
   * way for it, and so the others are of less interest.
   */
  candidates(cpu: number, slack: number): readonly number[] {
    const { free } = this;
    const busy = this.#busy;
    const roomy: number[] = [];
    const others: number[] = [];
    // With less room than that it costs too much by the least of all rates, and a hair of rounding.
    const least = cpu <= 0 ? -Infinity : cpu - (slack / this.#least) * (1 + 1e-9) - 1e-9;
    for (let h = 0; h < free.length; h += 1) {
      const room = free[h] ?? 0;
      if (room >= cpu) roomy.push(h);
      else if (room < least && busy[h] !== 1) continue;
      else if (!this.rulesOut(h, cpu, slack)) others.push(h);
    }
    return roomy.concat(others);
  }

  /** Whether each VM of the host costs so much or more. */
  isDear(host: number, slack: number): boolean {
    return (this.#cheapest[host] ?? 0) >= slack;
  }
}

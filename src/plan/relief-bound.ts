/**
 * What it costs at least that so much of a resource leaves a host, wherever it goes: by knapsack
 * bounds on the VMs that were there at the start. Made on demand and kept, since the search asks
 * for the same hosts again and again.
 */

import { cheapestCover } from './cover.ts';
import { Grain } from './grain.ts';
import type { Model } from './model.ts';

/** Nodes of the exact search for one bound; past them the relaxation has to do. */
const MAX_NODES = 2000;

/** VMs of a host that hold some of a resource. */
export interface Leavers {
  /** The cheapest for what they hold first. */
  readonly vms: Int32Array;
  /** What all before a place hold and cost together; one longer than the VMs. */
  readonly heldBefore: Float64Array;
  readonly costBefore: Float64Array;
  /** By cost: only those that hold more than every cheaper one. */
  readonly alone: readonly { readonly held: number; readonly cost: number }[];
  /** The least that any of them costs. */
  readonly cheapest: number;
  /** Exact bounds by the amount that has to leave. */
  readonly exact: Map<number, number>;
}

export class ReliefBound {
  readonly grain: Grain;
  readonly #model: Model;
  readonly #residents: (host: number) => readonly number[];
  readonly #leavers: (Leavers | undefined)[] = [];

  constructor(model: Model, residents: (host: number) => readonly number[]) {
    this.grain = new Grain(model);
    this.#model = model;
    this.#residents = residents;
  }

  of(host: number, resource: number): Leavers {
    const key = host * this.#model.width + resource;
    return (this.#leavers[key] ??= this.#make(host, resource));
  }

  /** Of one VM that is enough, or of two or more, what is less. Infinite: there is not enough. */
  quick(host: number, resource: number, missing: number): number {
    const { alone, cheapest, heldBefore, costBefore } = this.of(host, resource);
    let single = Infinity;
    for (const { held, cost } of alone) {
      if (held < missing) continue;
      single = cost;
      break;
    }
    if (single <= 2 * cheapest) return single;
    const several = this.grain.raised(relaxed(heldBefore, costBefore, missing));
    return Math.min(single, Math.max(2 * cheapest, several));
  }

  /** The cheapest set that is enough. */
  exact(host: number, resource: number, missing: number): number {
    const leavers = this.of(host, resource);
    const known = leavers.exact.get(missing);
    if (known !== undefined) return known;
    const { width, held, cost } = this.#model;
    const items = Array.from(leavers.vms, (v) => ({
      gain: held[v * width + resource] ?? 0,
      cost: cost[v] ?? 0,
    }));
    const least = cheapestCover(items, missing, { below: Infinity, maxNodes: MAX_NODES });
    const bound = least?.cost ?? Infinity;
    leavers.exact.set(missing, bound);
    return bound;
  }

  #make(host: number, resource: number): Leavers {
    const { width, held, cost, inFlight } = this.#model;
    const holds = (v: number): number => held[v * width + resource] ?? 0;
    const price = (v: number): number => cost[v] ?? 0;
    const some = this.#residents(host).filter((v) => holds(v) > 0 && inFlight[v] !== 1);
    const rates = new Map(some.map((v) => [v, price(v) / holds(v)]));
    const rate = (v: number): number => rates.get(v) ?? 0;
    const vms = Int32Array.from(some.toSorted((a, b) => rate(a) - rate(b) || a - b));
    const heldBefore = new Float64Array(vms.length + 1);
    const costBefore = new Float64Array(vms.length + 1);
    for (const [place, v] of vms.entries()) {
      heldBefore[place + 1] = (heldBefore[place] ?? 0) + holds(v);
      costBefore[place + 1] = (costBefore[place] ?? 0) + price(v);
    }
    const alone: { held: number; cost: number }[] = [];
    for (const v of some.toSorted((a, b) => price(a) - price(b) || holds(b) - holds(a) || a - b)) {
      if (holds(v) > (alone.at(-1)?.held ?? 0)) alone.push({ held: holds(v), cost: price(v) });
    }
    const cheapest = alone[0]?.cost ?? Infinity;
    return { vms, heldBefore, costBefore, alone, cheapest, exact: new Map() };
  }
}

/** The least that `missing` costs if VMs could be cut; infinite: there is not enough. */
function relaxed(heldBefore: Float64Array, costBefore: Float64Array, missing: number): number {
  let [place, high] = [1, heldBefore.length];
  while (place < high) {
    const middle = (place + high) >> 1;
    if ((heldBefore[middle] ?? 0) < missing) place = middle + 1;
    else high = middle;
  }
  if (place >= heldBefore.length) return Infinity;
  const [held, all] = [heldBefore[place - 1] ?? 0, heldBefore[place] ?? 0];
  const [cost, whole] = [costBefore[place - 1] ?? 0, costBefore[place] ?? 0];
  // A hair below, lest the rounding of the sums cut off what is as cheap as the bound allows.
  return (cost + ((whole - cost) * (missing - held)) / (all - held)) * (1 - 1e-12);
}

/**
 * Which of several hosts that would do as well is the better place for a VM where the policy names
 * pairs of resources (`weights.balance`) that are of use together only: of free CPU without free
 * memory nobody has anything. It decides among equally cheap targets and never makes a move.
 *
 * The measure is that of levelling: Σ weight × the squared distance of a host's figure from that of
 * all hosts, where figures are the shares in use of CPU and memory, of resources with an
 * `imbalance`, and the differences of two shares, which are 0 where both are left in the fleet's
 * proportion. The balance cost of the ROADEF/EURO challenge 2012, max(0, target × free(r1) -
 * free(r2)), asks the same of machines one by one, but knows one proportion for all fleets; here it
 * is that of the fleet at hand.
 */

import { CPU_AT, MEMORY_AT, type Model } from './model.ts';
import { type Figure, type Pair, figureOf, loadFigure, pairsOf } from './pairs.ts';

interface Weighed extends Figure {
  readonly weight: number;
  /** Of all hosts that have any of it, when the planning begins. */
  readonly common: number;
}

export class Evenness {
  readonly #model: Model;
  readonly #figures: readonly Weighed[];
  /** CPU, memory, and whatever a pair names. */
  readonly resources: readonly number[];

  /** Undefined where the policy names no pair. */
  static of(model: Model): Evenness | undefined {
    const pairs = pairsOf(model, model.weights);
    return pairs.length === 0 ? undefined : new Evenness(model, pairs);
  }

  private constructor(model: Model, pairs: readonly Pair[]) {
    const { imbalance } = model.weights;
    const alone = [
      { resource: CPU_AT, less: -1, weight: imbalance },
      { resource: MEMORY_AT, less: -1, weight: imbalance },
      ...model.extras.map((extra, index) => {
        return {
          resource: model.firstExtra + index,
          less: -1,
          weight: imbalance * extra.imbalance,
        };
      }),
    ];
    this.#model = model;
    const paired = pairs.flatMap(({ resource, less }) => [resource, less]);
    this.resources = [...new Set([CPU_AT, MEMORY_AT, ...paired])];
    this.#figures = [...alone, ...pairs]
      .filter(({ weight }) => weight > 0)
      .map((one) => ({ ...one, common: commonOf(model, one) }));
  }

  /** By how much the weighted squares grow when the VM comes to the host; the least is best. */
  added(v: number, h: number, load: Float64Array): number {
    const { width, need } = this.#model;
    const comes = need.subarray(v * width, (v + 1) * width);
    let sum = 0;
    for (const figure of this.#figures) {
      const off = loadFigure(this.#model, load, figure, h) - figure.common;
      const more = figureOf(this.#model, comes, figure, h);
      sum += figure.weight * more * (2 * off + more);
    }
    return sum;
  }
}

function commonOf(model: Model, figure: Figure): number {
  const { width, capacity, net, hosts } = model;
  let [sum, count] = [0, 0];
  for (const h of hosts.keys()) {
    if ((capacity[h * width + figure.resource] ?? 0) <= 0) continue;
    sum += loadFigure(model, net, figure, h);
    count += 1;
  }
  return count > 0 ? sum / count : 0;
}

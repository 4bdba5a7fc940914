/**
 * The cheapest set of items that together give enough: a covering knapsack, solved exactly by
 * depth-first branch and bound with the fractional relaxation as the bound (Dantzig, "Discrete-
 * variable extremum problems", 1957). An oracle may turn a set down (it can not be placed); what
 * contains a set that was turned down is not looked at.
 *
 * Pure: indexes in, indexes out. The number of nodes and of questions to the oracle is bounded, so
 * the answer is the best found within them.
 */

export interface CoverItem {
  /** What it gives, > 0. */
  readonly gain: number;
  /** What it costs, > 0. */
  readonly cost: number;
}

export interface CoverOptions {
  /** Only sets cheaper than this are of interest. */
  readonly below: number;
  readonly maxNodes: number;
  /**
   * Judges a set, in the order in which its items were chosen, before more is added to it; absent:
   * every set is good.
   */
  readonly accept?: ((chosen: readonly number[]) => boolean) | undefined;
  readonly maxQuestions?: number;
}

export interface Cover {
  /** Indexes into the items, ascending. */
  readonly chosen: readonly number[];
  readonly cost: number;
}

/** The cheapest acceptable set that gives at least `wanted`; undefined: none was found. */
export function cheapestCover(
  items: readonly CoverItem[],
  wanted: number,
  options: CoverOptions,
): Cover | undefined {
  return new CoverSearch(items, wanted, options).run();
}

class CoverSearch {
  /** Positions of the items by cost per gain, cheapest first; ties by position. */
  readonly #order: readonly number[];
  /** In that order: gains and costs, and what all before a place give and cost. */
  readonly #gain: Float64Array;
  readonly #cost: Float64Array;
  readonly #gainBefore: Float64Array;
  readonly #costBefore: Float64Array;
  readonly #options: CoverOptions;
  readonly #wanted: number;
  readonly #stack: number[] = [];
  #best: Cover | undefined;
  #bound: number;
  #nodes: number;
  #questions: number;

  constructor(items: readonly CoverItem[], wanted: number, options: CoverOptions) {
    this.#wanted = wanted;
    this.#options = options;
    this.#bound = options.below;
    this.#nodes = options.maxNodes;
    this.#questions = options.maxQuestions ?? Number.POSITIVE_INFINITY;
    const count = items.length;
    const rate = new Float64Array(count);
    const order: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const item = items[i];
      rate[i] = (item?.cost ?? 0) / (item?.gain ?? 0);
      order.push(i);
    }
    this.#order = order.sort((a, b) => (rate[a] ?? 0) - (rate[b] ?? 0) || a - b);
    this.#gain = new Float64Array(count);
    this.#cost = new Float64Array(count);
    this.#gainBefore = new Float64Array(count + 1);
    this.#costBefore = new Float64Array(count + 1);
    for (let place = 0; place < count; place += 1) {
      const item = items[order[place] ?? -1];
      const [gain, cost] = [item?.gain ?? 0, item?.cost ?? 0];
      this.#gain[place] = gain;
      this.#cost[place] = cost;
      this.#gainBefore[place + 1] = (this.#gainBefore[place] ?? 0) + gain;
      this.#costBefore[place + 1] = (this.#costBefore[place] ?? 0) + cost;
    }
  }

  run(): Cover | undefined {
    if (this.#accepts()) this.#visit(0, this.#wanted, 0);
    return this.#best;
  }

  #visit(depth: number, missing: number, cost: number): void {
    if (missing <= 0) return this.#keep(cost);
    this.#nodes -= 1;
    if (this.#nodes < 0) return;
    if (cost + this.#relaxed(depth, missing) >= this.#bound) return;
    const index = this.#order[depth];
    if (index === undefined) return;
    const after = cost + (this.#cost[depth] ?? 0);
    this.#stack.push(index);
    if (after < this.#bound && this.#accepts()) {
      this.#visit(depth + 1, missing - (this.#gain[depth] ?? 0), after);
    }
    this.#stack.pop();
    this.#visit(depth + 1, missing, cost);
  }

  #keep(cost: number): void {
    if (cost >= this.#bound) return;
    this.#best = { chosen: [...this.#stack].sort((a, b) => a - b), cost };
    this.#bound = cost;
  }

  #accepts(): boolean {
    const { accept } = this.#options;
    if (accept === undefined) return true;
    this.#questions -= 1;
    return this.#questions >= 0 && accept(this.#stack);
  }

  /** Least cost of what is missing if items could be cut; infinite: there is not enough left. */
  #relaxed(depth: number, missing: number): number {
    const before = this.#gainBefore;
    const enough = (before[depth] ?? 0) + missing;
    // The first place up to which, from `depth` on, the items are enough.
    let low = depth;
    let high = before.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((before[middle] ?? 0) < enough) low = middle + 1;
      else high = middle;
    }
    if (low >= before.length) return Number.POSITIVE_INFINITY;
    const whole = (this.#costBefore[low] ?? 0) - (this.#costBefore[depth] ?? 0);
    const spare = (before[low] ?? 0) - enough;
    if (low === depth || spare <= 0) return whole;
    // A hair below, lest the rounding of the sums cut off what is as cheap as the bound allows.
    const cut = spare * ((this.#cost[low - 1] ?? 0) / (this.#gain[low - 1] ?? 1));
    return (whole - cut) * (1 - 1e-12);
  }
}

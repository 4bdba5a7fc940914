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
  readonly #items: readonly CoverItem[];
  /** Positions of the items by cost per gain, cheapest first; ties by position. */
  readonly #order: readonly number[];
  readonly #options: CoverOptions;
  readonly #wanted: number;
  readonly #stack: number[] = [];
  #best: Cover | undefined;
  #bound: number;
  #nodes: number;
  #questions: number;

  constructor(items: readonly CoverItem[], wanted: number, options: CoverOptions) {
    this.#items = items;
    this.#wanted = wanted;
    this.#options = options;
    this.#bound = options.below;
    this.#nodes = options.maxNodes;
    this.#questions = options.maxQuestions ?? Number.POSITIVE_INFINITY;
    const rate = items.map(({ gain, cost }) => cost / gain);
    this.#order = items
      .map((_item, index) => index)
      .sort((a, b) => (rate[a] ?? 0) - (rate[b] ?? 0) || a - b);
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
    const item = index === undefined ? undefined : this.#items[index];
    if (index === undefined || item === undefined) return;
    this.#stack.push(index);
    if (cost + item.cost < this.#bound && this.#accepts()) {
      this.#visit(depth + 1, missing - item.gain, cost + item.cost);
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
    let open = missing;
    let cost = 0;
    for (let at = depth; at < this.#order.length; at += 1) {
      const item = this.#items[this.#order[at] ?? -1];
      if (item === undefined) break;
      if (item.gain >= open) return cost + (item.cost * open) / item.gain;
      open -= item.gain;
      cost += item.cost;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * What a unit of something forbidden costs while that is for sale (sale.ts): a factor times what it
 * is worth; and where it has been taken for long, as many times more as it takes (the multipliers
 * of a penalty method that follow what is violated). One price for all either leaves some taken
 * until it is too cold to mend that, or bars the way everywhere.
 *
 * Of room there is one price per bin and resource, of rules one per rule.
 */

/** Nothing gets dearer than the same elsewhere by more. */
const MOST_MARKUP = 1000;

export class SalePrices {
  /** Per column. */
  readonly worth: Float64Array;
  /** rows × columns; Infinity: not for sale. */
  readonly price: Float64Array;
  readonly #markup: Float64Array;
  #factor = Number.POSITIVE_INFINITY;

  constructor(worth: Float64Array, rows: number) {
    this.worth = worth;
    this.price = new Float64Array(rows * worth.length).fill(Number.POSITIVE_INFINITY);
    this.#markup = new Float64Array(this.price.length).fill(1);
  }

  get isForSale(): boolean {
    return this.#factor < Number.POSITIVE_INFINITY;
  }

  /** Infinity: no longer for sale, and marks are forgotten. */
  sell(factor: number): void {
    this.#factor = factor;
    if (!this.isForSale) this.#markup.fill(1);
    for (let cell = 0; cell < this.price.length; cell += 1) this.#set(cell);
  }

  /** What is for sale gets dearer by a factor where it is taken; elsewhere cheaper, but no cheaper
   *  than it was before it was marked up. */
  mark(cell: number, isTaken: boolean, dearer: number, cheaper: number): void {
    const markup = this.#markup[cell] ?? 1;
    if (!isTaken && markup === 1) return;
    const marked = isTaken ? markup * dearer : markup * cheaper;
    this.#markup[cell] = Math.min(MOST_MARKUP, Math.max(1, marked));
    this.#set(cell);
  }

  #set(cell: number): void {
    const worth = this.worth[cell % this.worth.length] ?? 0;
    const price = this.#factor * worth * (this.#markup[cell] ?? 1);
    this.price[cell] = this.isForSale ? price : Number.POSITIVE_INFINITY;
  }
}

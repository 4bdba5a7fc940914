/**
 * What a unit beyond the room of a bin costs while room is for sale (room-sale.ts): per resource,
 * a factor times what room is worth; and in a bin where room has been overdrawn for long, as many
 * times more as it takes (the multipliers of a penalty method that follow what is violated). One
 * price for all bins either leaves some overdrawn until it is too cold to mend that, or bars the
 * way everywhere.
 */

/** No room gets dearer than other room by more. */
const MOST_MARKUP = 1000;

export class RoomPrices {
  /** Per resource. */
  readonly worth: Float64Array;
  /** bins × R; Infinity: room is hard. */
  readonly price: Float64Array;
  readonly #markup: Float64Array;
  #factor = Number.POSITIVE_INFINITY;

  constructor(worth: Float64Array, bins: number) {
    this.worth = worth;
    this.price = new Float64Array(bins * worth.length).fill(Number.POSITIVE_INFINITY);
    this.#markup = new Float64Array(this.price.length).fill(1);
  }

  get isForSale(): boolean {
    return this.#factor < Number.POSITIVE_INFINITY;
  }

  /** Infinity: room is hard, and marks are forgotten. */
  sell(factor: number): void {
    this.#factor = factor;
    if (!this.isForSale) this.#markup.fill(1);
    for (let cell = 0; cell < this.price.length; cell += 1) this.#set(cell);
  }

  /** Room for sale gets dearer by a factor where it is overdrawn; elsewhere cheaper, but no cheaper
   *  than it was before it was marked up. */
  mark(cell: number, isOverdrawn: boolean, dearer: number, cheaper: number): void {
    const markup = this.#markup[cell] ?? 1;
    if (!isOverdrawn && markup === 1) return;
    const marked = isOverdrawn ? markup * dearer : markup * cheaper;
    this.#markup[cell] = Math.min(MOST_MARKUP, Math.max(1, marked));
    this.#set(cell);
  }

  #set(cell: number): void {
    const worth = this.worth[cell % this.worth.length] ?? 0;
    const price = this.#factor * worth * (this.#markup[cell] ?? 1);
    this.price[cell] = this.isForSale ? price : Number.POSITIVE_INFINITY;
  }
}

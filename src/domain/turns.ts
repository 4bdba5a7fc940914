/** Pieces of work done one after the other, in the order in which they were asked for. */

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as the work does. One that fails does not keep the next from its turn. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    // Who asked is told of a failure; here only its end counts.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/**
 * What cannot wait goes before what can: while an order is acted upon, a tick or a poll that is
 * under way on the whole fleet rests at its next pause. Of an order's sixty or so steps each would
 * wait for one slice of that work otherwise: for seconds, where a tick fell into its round.
 *
 * Nothing that an order waits for may rest: neither its own work nor what the ledger does.
 */

import type { Pause } from '../domain/slices.ts';

export class Haste {
  readonly #rounds = new Set<Promise<unknown>>();

  /** Until the work has ended, in whatever way, others rest. */
  async during<Value>(work: () => Promise<Value>): Promise<Value> {
    const round = work();
    this.#rounds.add(round);
    try {
      return await round;
    } finally {
      this.#rounds.delete(round);
    }
  }

  /** The pause of work that can wait; undefined: it is done in one go. */
  resting(pause: Pause | undefined): Pause | undefined {
    return pause && (() => (this.#rounds.size > 0 ? this.#over() : pause()));
  }

  /** Not for those that begin meanwhile: however many orders come, work goes on between them. */
  async #over(): Promise<void> {
    await Promise.allSettled(this.#rounds);
  }
}

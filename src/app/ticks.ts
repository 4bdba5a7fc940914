/**
 * When ticks happen: at the times of the schedule, one at a time, and at once where an order cannot
 * wait for the next one.
 */

import { setImmediate } from 'node:timers/promises';

import type { EventSink, EventSource } from '../ports/events.ts';

export interface TicksParts {
  readonly events: EventSink & EventSource;
  /** One tick; false: an order has overtaken it. */
  readonly run: () => Promise<boolean>;
  /** What orders ask for that cannot wait; false: nothing. */
  readonly hurry: () => Promise<boolean>;
}

export class Ticks {
  readonly #parts: TicksParts;
  #running: Promise<void> | undefined;
  /** Rounds for orders that are under way. */
  readonly #hurrying = new Set<Promise<void>>();
  #isAsked = false;
  #stopListening: (() => void) | undefined;

  constructor(parts: TicksParts) {
    this.#parts = parts;
  }

  /** A tick; the one under way, if there is one. One that an order has overtaken is made up for. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** What orders ask for that cannot wait is begun when it resolves, and a tick is through. */
  async hurry(): Promise<void> {
    if (await this.#parts.hurry()) await this.run();
  }

  /** From now on an order that is given is acted upon at once. */
  listen(): void {
    this.#stopListening = this.#parts.events.on('order', ({ order, what }) => {
      if (order.state === 'open' && what !== 'repeated') this.#hurrySoon();
    });
  }

  /** Resolves when nothing that `listen` has begun is under way. */
  async stop(): Promise<void> {
    this.#stopListening?.();
    await Promise.all(this.#hurrying);
  }

  /** Orders of the same moment share a round. */
  #hurrySoon(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    const round = setImmediate()
      .then(() => {
        this.#isAsked = false;
        return this.hurry();
      })
      .catch((error: unknown) => this.#parts.events.emit('failure', { where: 'orders', error }))
      .finally(() => this.#hurrying.delete(round));
    this.#hurrying.add(round);
  }

  async #run(): Promise<void> {
    for (let isThrough = false; !isThrough; ) isThrough = await this.#parts.run();
  }
}

/**
 * What cannot wait goes before what can: while an order is acted upon, a tick or a poll that is
 * under way on the whole fleet rests at its next pause. Of an order's sixty or so steps each would
 * wait for one slice of that work otherwise: for seconds, where a tick fell into its round.
 *
 * Nothing that an order waits for may rest: neither its own work nor what the ledger does.
 */

import type { Pause } from '../domain/slices.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * The longest that work rests in one go, however many orders come, and for how long it then goes
 * on: neither orders without end nor a ledger that hangs may keep Drover from looking at its hosts.
 */
const LONGEST_REST = 1;
const WORK_SECONDS = 0.25;

export class Haste {
  readonly #rounds = new Set<Promise<unknown>>();
  readonly #clock: Pick<Clock, 'monotonic' | 'sleep'>;
  #restingSince: number | undefined;
  #workUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>) {
    this.#clock = clock;
  }

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
    return pause && (() => (this.#isToRest() ? this.#over() : pause()));
  }

  #isToRest(): boolean {
    const now = this.#clock.monotonic();
    if (this.#rounds.size === 0 || now < this.#workUntil) {
      this.#restingSince = undefined;
      return false;
    }
    this.#restingSince ??= now;
    return true;
  }

  /** Not for those that begin meanwhile: the next pause may rest for them. */
  async #over(): Promise<void> {
    const until = (this.#restingSince ?? 0) + LONGEST_REST;
    const rested = new AbortController();
    const left = seconds(Math.max(0, until - this.#clock.monotonic()));
    await Promise.race([Promise.allSettled(this.#rounds), this.#clock.sleep(left, rested.signal)]);
    rested.abort();
    const now = this.#clock.monotonic();
    if (now >= until) this.#workUntil = now + WORK_SECONDS;
  }
}

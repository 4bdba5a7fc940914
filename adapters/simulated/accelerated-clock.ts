/**
 * Real time, faster: for demonstrations, in which a simulated day should pass while somebody
 * watches. Sleeps are real timers, so nothing here is repeatable to the millisecond; simulations
 * that have to be use VirtualClock.
 */

import { epochSeconds, seconds, type EpochSeconds, type Seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** setTimeout takes 31 bits of milliseconds; longer sleeps are made of several. */
const TIMER_MAX_MILLISECONDS = 2 ** 31 - 1;

export class AcceleratedClock implements Clock {
  readonly #factor: number;
  readonly #startAt: EpochSeconds;
  readonly #origin = performance.now();

  /** `factor`: simulated seconds per real second, > 0. */
  constructor({ factor, startAt }: { readonly factor: number; readonly startAt: EpochSeconds }) {
    if (!Number.isFinite(factor) || factor <= 0) {
      throw new RangeError(`speed: expected a number above 0, got ${factor}`);
    }
    this.#factor = factor;
    this.#startAt = startAt;
  }

  now(): EpochSeconds {
    return epochSeconds(this.#startAt + this.monotonic());
  }

  monotonic(): Seconds {
    return seconds(((performance.now() - this.#origin) / 1000) * this.#factor);
  }

  async sleep(duration: Seconds, signal?: AbortSignal): Promise<void> {
    const until = this.monotonic() + duration;
    for (;;) {
      if (signal?.aborted === true) return;
      const left = ((until - this.monotonic()) / this.#factor) * 1000;
      if (left <= 0) return;
      await timer(Math.min(Math.ceil(left), TIMER_MAX_MILLISECONDS), signal);
    }
  }
}

function timer(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    function wake(): void {
      clearTimeout(handle);
      signal?.removeEventListener('abort', wake);
      resolve();
    }
    const handle = setTimeout(wake, milliseconds);
    signal?.addEventListener('abort', wake, { once: true });
  });
}

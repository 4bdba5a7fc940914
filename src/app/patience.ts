/**
 * How long is left of what holds since a moment of the wall clock. This process reckons by its
 * monotonic clock from when it came to know of it, so that nothing is given up because somebody
 * sets the clock; only of what it finds at its start it has no better word than that moment, and
 * where that lies ahead, none at all: then it holds for its whole time.
 */

import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

interface Known {
  readonly since: EpochSeconds;
  /** Monotonic. */
  readonly until: number;
}

export class Patience {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #duration: Seconds;
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, duration: Seconds) {
    this.#clock = clock;
    this.#duration = duration;
  }

  /** Seconds; 0: it is over. To be asked from the moment on at which it begins. */
  left(key: string, since: EpochSeconds): number {
    const at = this.#clock.monotonic();
    const known = this.#known.get(key);
    if (known?.since === since) return Math.max(0, known.until - at);
    const age = Math.max(0, this.#clock.now() - since);
    const left = Math.max(0, this.#duration - age);
    this.#known.set(key, { since, until: at + left });
    return left;
  }

  /** Nothing is remembered of any other. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
  }
}

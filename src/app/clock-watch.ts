/**
 * Notices that the wall clock was set (by a person, by NTP, or because the machine slept): it and
 * the monotonic clock then passed a different time. Forwards, every cool-down, budget and pause is
 * over at one stroke, and backwards by more than they last, too (domain/hold-left.ts); so that no
 * burst of moves follows, what can wait rests once more.
 */

import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';

/** What NTP slews and schedulers delay is less. */
const SMALLEST_JUMP_SECONDS = 120;

export class ClockWatch {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #events: EventSink;
  #offset: number | undefined;
  /** Monotonic: since when what can wait rests, because of the last jump. */
  #jumpedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, events: EventSink) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Seconds for which nothing that can wait is moved, of `rest` after a jump; 0: none. */
  look(rest: Seconds): number {
    const at = this.#clock.monotonic();
    const offset = this.#clock.now() - at;
    const jump = offset - (this.#offset ?? offset);
    this.#offset = offset;
    if (Math.abs(jump) > SMALLEST_JUMP_SECONDS) {
      const text = `the clock was set by ${Math.round(jump)} s: what can wait is held back a while`;
      this.#events.emit('warning', { key: 'clock-jumped', text });
      this.#jumpedAt = at;
    }
    return Math.max(0, rest - (at - this.#jumpedAt));
  }
}

/**
 * When each failed host was last looked at by this very run. What holds at two looks has held
 * between them only if they were close together: over a longer gap (another run's record, a ledger
 * that was away) the host may have been well, and its silence begins anew.
 */

import type { HostId } from '../domain/ids.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/** Two ticks, and what they come late by. */
const TICKS = 2.5;
/** Ticks of the default schedule may take as long as their questions, two of them in a row. */
const AT_LEAST_SECONDS = 180;

interface Look {
  readonly elapsed: Seconds;
  readonly at: EpochSeconds;
}

export class HostLooks {
  readonly #clock: Clock;
  readonly #longestSeconds: number;
  readonly #looks = new Map<HostId, Look>();

  /** `everySeconds`: between two ticks; undefined: as in the default schedule, or less. */
  constructor(clock: Clock, everySeconds: Seconds | undefined) {
    this.#clock = clock;
    this.#longestSeconds = Math.max(AT_LEAST_SECONDS, TICKS * (everySeconds ?? 0));
  }

  /** Whether nothing can have been missed since the last look; false where there was none. */
  isFollowed(host: HostId): boolean {
    const last = this.#looks.get(host);
    if (last === undefined) return false;
    // The records' times are the wall clock's: one that was set makes them as worthless as a gap.
    const passed = Math.abs(this.#clock.now() - last.at);
    const elapsed = this.#clock.monotonic() - last.elapsed;
    return Math.max(passed, elapsed) <= this.#longestSeconds;
  }

  looked(host: HostId): void {
    const clock = this.#clock;
    this.#looks.set(host, { elapsed: clock.monotonic(), at: clock.now() });
  }

  forget(host: HostId): void {
    this.#looks.delete(host);
  }
}

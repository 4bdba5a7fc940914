/** Time as a port: real in the daemon, virtual in simulations and tests. */

import type { EpochSeconds, Seconds } from '../domain/units.ts';

export interface Clock {
  /** Wall-clock time. May jump: never subtract two of these to measure a duration. */
  now(): EpochSeconds;
  /** Seconds since an arbitrary start; never goes back. */
  monotonic(): Seconds;
  /** Resolves after `duration`, or at once when `signal` is aborted (it does not reject). */
  sleep(duration: Seconds, signal?: AbortSignal): Promise<void>;
}

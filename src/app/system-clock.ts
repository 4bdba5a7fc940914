/** The real clock. The only place of the daemon where timers are made. */

import type { Clock } from '../ports/clock.ts';
import { epochSeconds, seconds } from '../domain/units.ts';

/** Node's timers overflow above 2^31 - 1 ms and then fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function systemClock(): Clock {
  return {
    now: () => epochSeconds(Date.now() / 1000),
    monotonic: () => seconds(performance.now() / 1000),
    sleep: (duration, signal) => sleepFor(duration * 1000, signal),
  };
}

function sleepFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(finish, Math.min(milliseconds, LONGEST_TIMER_MS));
    signal?.addEventListener('abort', finish, { once: true });
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    }
  });
}

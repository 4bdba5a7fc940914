/** Keeps long computations from holding up the event loop. */

import { setImmediate } from 'node:timers/promises';

import type { Pause } from '../domain/slices.ts';

/** How long others are made to wait at a time; API, timers of moves and leases share the loop. */
const LONGEST_MS = 8;

/** @param now milliseconds, monotonic. */
export function makeBreather(now: () => number): Pause {
  let since = now();
  return () => {
    if (now() - since < LONGEST_MS) return undefined;
    return setImmediate().then(() => {
      since = now();
    });
  };
}

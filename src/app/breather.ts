/** Keeps long computations from holding up the event loop. */

import { setImmediate } from 'node:timers/promises';

import type { Pause } from '../domain/slices.ts';

/** How long others are made to wait at a time; API, timers of moves and leases share the loop. */
const LONGEST_MS = 8;

/**
 * One for all who share the event loop: those that go on in the same turn have that time together,
 * not each of them, and of whoever comes later one slice at least.
 * @param now milliseconds, monotonic.
 */
export function makeBreather(now: () => number): Pause {
  let since = now();
  let next: Promise<void> | undefined;
  const nextTurn = async (): Promise<void> => {
    await setImmediate();
    next = undefined;
    since = now();
  };
  return () => {
    if (now() - since < LONGEST_MS) return undefined;
    next ??= nextTurn();
    return next;
  };
}

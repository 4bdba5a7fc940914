/**
 * Time that counts also while the machine sleeps or its virtual machine is held: whichever of the
 * clocks has gone further is believed. It may run ahead (somebody sets the wall clock forward),
 * never behind: made for "may I still act", where too late is the safe side.
 */

import { uptime } from 'node:os';

import { type Seconds, seconds } from '../domain/units.ts';

/** @param clocks each gives seconds from any start; steps back count for nothing. */
export function standstillClock(...clocks: readonly (() => number)[]): () => Seconds {
  let last = clocks.map((clock) => clock());
  let total = 0;
  return () => {
    const now = clocks.map((clock) => clock());
    const steps = now.map((at, index) => at - (last[index] ?? at));
    total += Math.max(0, ...steps);
    last = now;
    return seconds(total);
  };
}

/** Of this machine. `os.uptime` counts suspended time, `performance.now` does not (Linux). */
export function machineClock(): () => Seconds {
  return standstillClock(
    () => uptime(),
    () => performance.now() / 1000,
    () => Date.now() / 1000,
  );
}

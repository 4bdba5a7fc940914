/**
 * Times that hold for a while (cool-downs, budgets, pauses) by a clock that people and NTP set. One
 * rule for all of them, so that no jump makes anything hold for ever: what lies ahead of the clock
 * by less than it holds began just now; what lies further ahead is of a clock that was wrong, and
 * over. So nothing holds for longer than twice its time.
 */

/** Seconds that are left of what began at `at` and holds for `duration`; 0: it is over. */
export function holdLeft(at: number, now: number, duration: number): number {
  if (at <= now) return Math.max(0, duration - (now - at));
  return at - now < duration ? duration : 0;
}

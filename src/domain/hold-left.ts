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

/** So far the clocks of several controllers may be apart: NTP keeps them much closer. */
export const CLOCKS_APART_SECONDS = 120;

/**
 * Whether `at` was written by a clock that has been put right since: whatever such a mark ends was
 * ended in a past that is none, and what comes after it by the right clock it does not end.
 */
export function isAhead(at: number, now: number): boolean {
  return at > now + CLOCKS_APART_SECONDS;
}

/**
 * Of several times the one that matters for {@link holdLeft}: none that lies far ahead hides one
 * of just now. `back`: the latest until now; `ahead`: the first after it.
 */
export function nearest(
  back: number | null,
  ahead: number | null,
  now: number,
): number | undefined {
  if (back === null || ahead === null) return back ?? ahead ?? undefined;
  return ahead - now < now - back ? ahead : back;
}

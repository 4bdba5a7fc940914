/** What one answer may hold, whatever was asked for. */

const LONGEST_ANSWER = 10_000;

/** A limit for a query. Also of NaN and of what is less than nothing: never without one. */
export function bounded(limit: number): number {
  return Number.isFinite(limit) ? Math.min(Math.max(Math.trunc(limit), 0), LONGEST_ANSWER) : 0;
}

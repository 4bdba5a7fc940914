/**
 * How far a question about the past looks, where the clock may have been ahead: as far ahead as
 * back. What lies further ahead is of a clock that was wrong, and over (domain/hold-left.ts).
 */

import { type RawBuilder, sql } from 'kysely';

import type { EpochSeconds } from '../domain/units.ts';

/** Where a look back to `since` ends; what lies there is not in it any more. */
export function untilFor(since: EpochSeconds, now: EpochSeconds): number {
  return now + (now - since);
}

/** In a group: the latest time until `now`, and the first after it; null: there is none. */
export function lastIn(
  at: RawBuilder<unknown>,
  now: RawBuilder<number>,
): { readonly back: RawBuilder<number | null>; readonly ahead: RawBuilder<number | null> } {
  return {
    back: sql`max(case when ${at} <= ${now} then ${at} end)`,
    ahead: sql`min(case when ${at} > ${now} then ${at} end)`,
  };
}

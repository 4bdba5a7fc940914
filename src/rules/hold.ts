/**
 * Hold time and hysteresis as one step of a small state machine. State is two time stamps per rule
 * and host (RuleMemory, kept in the ledger), so a restart neither forgets nor repeats a finding.
 *
 * A condition of which nothing is known changes nothing: it opens no finding, closes none and does
 * not start the hold time anew. The rule book marks what stays open in this way as unconfirmed.
 * But two moments far apart are no hold time: where nothing is known for so long that the finding
 * should have been open for as long as it had to hold, the hold time starts anew.
 */

import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Truth } from './condition.ts';

export interface HoldState {
  /** Since when `when` holds without having been seen not to hold. */
  readonly holdingSince: EpochSeconds | undefined;
  /** Since when it is a finding. */
  readonly openSince: EpochSeconds | undefined;
}

export const NOT_HOLDING: HoldState = { holdingSince: undefined, openSince: undefined };

export interface HoldInput {
  readonly when: Truth;
  /** Undefined: the rule has no `clear`, and the finding ends when `when` does not hold. */
  readonly clear: Truth | undefined;
  readonly forSeconds: Seconds;
  readonly now: EpochSeconds;
}

export function step(before: HoldState, input: HoldInput): HoldState {
  const holdingSince = holding(before, input);
  if (before.openSince === undefined) {
    if (input.when !== true || holdingSince === undefined) return { ...before, holdingSince };
    const isDue = input.now - holdingSince >= input.forSeconds;
    return { holdingSince, openSince: isDue ? input.now : undefined };
  }
  // While `when` holds the finding stays, even where a careless `clear` overlaps with it.
  const ends = input.clear === undefined ? input.when === false : input.clear === true;
  const openSince = ends && input.when !== true ? undefined : earlier(before.openSince, input.now);
  return { holdingSince, openSince };
}

/** Of the hold time: after so much of it without a finding nothing counts that was before. */
const LONGEST_GAP = 2;

function holding(
  before: HoldState,
  { when, forSeconds, now }: HoldInput,
): EpochSeconds | undefined {
  switch (when) {
    case true:
      return before.holdingSince === undefined ? now : earlier(before.holdingSince, now);
    case false:
      return undefined;
    case 'unknown': {
      const { holdingSince, openSince } = before;
      const isOver = holdingSince !== undefined && now - holdingSince > LONGEST_GAP * forSeconds;
      return isOver && openSince === undefined ? undefined : holdingSince;
    }
  }
}

/** A time stamp from the future (the clock was set back) would hold for ever or never. */
function earlier(since: EpochSeconds, now: EpochSeconds): EpochSeconds {
  return since <= now ? since : now;
}

/**
 * Hold time and hysteresis as one step of a small state machine. State is three time stamps per
 * rule and host (RuleMemory, kept in the ledger), so a restart neither forgets nor repeats a
 * finding.
 *
 * A condition of which nothing is known changes nothing: it opens no finding, closes none and does
 * not start the hold time anew. The rule book marks what stays open in this way as unconfirmed.
 * But two moments far apart are no hold time: where nothing is known for twice as long as it has to
 * hold (no measurement, or nobody looked: Drover was down), the hold time starts anew.
 */

import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Truth } from './condition.ts';

export interface HoldState {
  /** Since when `when` holds without having been seen not to hold. */
  readonly holdingSince: EpochSeconds | undefined;
  /** Since when it is a finding. */
  readonly openSince: EpochSeconds | undefined;
  /** When it was last seen to hold, until it is a finding; absent: not known. */
  readonly lastTrueAt?: EpochSeconds | undefined;
}

export const NOT_HOLDING: HoldState = { holdingSince: undefined, openSince: undefined };

export interface HoldInput {
  readonly when: Truth;
  /** Undefined: the rule has no `clear`, and the finding ends when `when` does not hold. */
  readonly clear: Truth | undefined;
  readonly forSeconds: Seconds;
  /** How often somebody looks; undefined: at no set times, and that nobody looked says nothing. */
  readonly everySeconds: Seconds | undefined;
  readonly now: EpochSeconds;
}

export function step(before: HoldState, input: HoldInput): HoldState {
  const holdingSince = holding(before, input);
  if (before.openSince === undefined) {
    const { lastTrueAt } = before;
    if (holdingSince === undefined) return NOT_HOLDING;
    if (input.when !== true) return { holdingSince, openSince: undefined, lastTrueAt };
    const isDue = input.now - holdingSince >= input.forSeconds;
    if (isDue) return { holdingSince, openSince: input.now, lastTrueAt: undefined };
    return { holdingSince, openSince: undefined, lastTrueAt: input.now };
  }
  // While `when` holds the finding stays, even where a careless `clear` overlaps with it.
  const ends = input.clear === undefined ? input.when === false : input.clear === true;
  const openSince = ends && input.when !== true ? undefined : earlier(before.openSince, input.now);
  return { holdingSince, openSince, lastTrueAt: undefined };
}

/** Of the hold time: after so much of it of which nothing is known nothing counts any more. */
const LONGEST_GAP = 2;
/** So many looks may fail, or come late, however short the hold time is. */
const LOOKS_MISSED = 5;

function holding(before: HoldState, input: HoldInput): EpochSeconds | undefined {
  const { holdingSince, openSince, lastTrueAt } = before;
  const { when, everySeconds, now } = input;
  switch (when) {
    case true: {
      if (holdingSince === undefined) return now;
      // A record of before this was kept is as good as one of this moment.
      const isSeen = everySeconds === undefined || !isTooLong(lastTrueAt ?? now, input);
      return isSeen || openSince !== undefined ? earlier(holdingSince, now) : now;
    }
    case false:
      return undefined;
    case 'unknown': {
      const last = lastTrueAt ?? holdingSince;
      const isOver = last !== undefined && isTooLong(last, input);
      return isOver && openSince === undefined ? undefined : holdingSince;
    }
  }
}

function isTooLong(since: EpochSeconds, { forSeconds, everySeconds, now }: HoldInput): boolean {
  return now - since > Math.max(LONGEST_GAP * forSeconds, LOOKS_MISSED * (everySeconds ?? 0));
}

/** A time stamp from the future (the clock was set back) would hold for ever or never. */
function earlier(since: EpochSeconds, now: EpochSeconds): EpochSeconds {
  return since <= now ? since : now;
}

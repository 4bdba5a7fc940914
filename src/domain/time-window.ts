/**
 * Windows of local time. They are judged by the wall clock of their zone, so on the two days on
 * which clocks change:
 * - in autumn an hour is lived twice, and a window over it holds both times;
 * - in spring an hour is skipped. What a window would have had of it is made up for in the same
 *   span right after the change: with 02:00 to 03:00 skipped, 03:10 also counts as 02:10. So no
 *   window vanishes for a day, as it does in cron.
 */

import type { TimeWindow } from './policy.ts';
import type { EpochSeconds } from './units.ts';

const DAY_SECONDS = 86_400;
/** 1970-01-01 was a Thursday, ISO weekday 4. */
const EPOCH_WEEKDAY = 4;
/** Longer than any change of clocks (Lord Howe: 30 min; the others: 1 h; Troll station: 2 h). */
const LONGEST_CHANGE_SECONDS = 3 * 3600;

/** Making a formatter costs about 100 µs, using it 2: one per zone is kept. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Throws RangeError for a zone that is not known; policies are checked for that when read. */
export function isInWindow(window: TimeWindow, at: EpochSeconds): boolean {
  const offset = zoneOffset(window.zone, at);
  if (holdsLocal(window, at + offset)) return true;
  const skipped = skippedLocal(window.zone, at, offset);
  return skipped !== undefined && holdsLocal(window, skipped);
}

/** Local seconds: those since 1970-01-01T00:00 by the zone's wall clock. */
function holdsLocal(window: TimeWindow, local: number): boolean {
  const day = Math.floor(local / DAY_SECONDS);
  const minute = Math.floor((local - day * DAY_SECONDS) / 60);
  const startsOn = (candidate: number): boolean => {
    const weekday = (((candidate + EPOCH_WEEKDAY - 1) % 7) + 7) % 7;
    return window.days.includes(weekday + 1);
  };
  const { startMinute, endMinute } = window;
  if (endMinute > startMinute) return startsOn(day) && minute >= startMinute && minute < endMinute;
  // It reaches into the next day: this may be its evening or its morning.
  return (startsOn(day) && minute >= startMinute) || (startsOn(day - 1) && minute < endMinute);
}

/** The skipped local time that this moment stands in for, shortly after clocks went forward. */
function skippedLocal(zone: string, at: EpochSeconds, offset: number): number | undefined {
  const before = zoneOffset(zone, at - LONGEST_CHANGE_SECONDS);
  const gap = offset - before;
  if (gap <= 0 || zoneOffset(zone, at - gap) !== before) return undefined;
  return at + before;
}

/** Seconds to add to UTC to get the zone's wall clock at that moment. */
function zoneOffset(zone: string, at: number): number {
  const whole = Math.floor(at);
  const parts = new Map(
    formatterOf(zone)
      .formatToParts(whole * 1000)
      .map((part) => [part.type, Number(part.value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
  const day = Date.UTC(part('year'), part('month') - 1, part('day'));
  const time = part('hour') * 3600 + part('minute') * 60 + part('second');
  return day / 1000 + time - whole;
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  const cached = formatters.get(zone);
  if (cached !== undefined) return cached;
  const made = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(zone, made);
  return made;
}

// Role: windows of local time, also on the days on which clocks change.
import { describe, expect, it } from 'vitest';

import type { TimeWindow } from '../../../src/domain/policy.ts';
import { isInWindow } from '../../../src/domain/time-window.ts';
import { epochSeconds } from '../../../src/domain/units.ts';

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

function window(zone: string, from: string, to: string, days = EVERY_DAY): TimeWindow {
  const minutes = (text: string): number => {
    const [hours = '', rest = ''] = text.split(':');
    return Number(hours) * 60 + Number(rest);
  };
  return { name: 'w', zone, days, startMinute: minutes(from), endMinute: minutes(to) };
}

function at(iso: string): ReturnType<typeof epochSeconds> {
  return epochSeconds(Date.parse(iso) / 1000);
}

/** The UTC times, in steps of 15 minutes, at which the window holds on that day. */
function held(of: TimeWindow, day: string, hours: readonly [number, number]): string[] {
  const out: string[] = [];
  for (let minute = hours[0] * 60; minute < hours[1] * 60; minute += 15) {
    const moment = new Date(Date.parse(`${day}T00:00:00Z`) + minute * 60_000);
    if (isInWindow(of, epochSeconds(moment.getTime() / 1000))) {
      out.push(moment.toISOString().slice(11, 16));
    }
  }
  return out;
}

describe('isInWindow', () => {
  it('holds from its start to just before its end, in its zone', () => {
    const berlin = window('Europe/Berlin', '09:00', '17:00');
    expect(isInWindow(berlin, at('2026-01-15T07:59:59Z'))).toBe(false);
    expect(isInWindow(berlin, at('2026-01-15T08:00:00Z'))).toBe(true);
    expect(isInWindow(berlin, at('2026-01-15T15:59:59.9Z'))).toBe(true);
    expect(isInWindow(berlin, at('2026-01-15T16:00:00Z'))).toBe(false);
    expect(isInWindow(berlin, at('2026-07-15T07:00:00Z'))).toBe(true);
  });

  it('asks for the weekday on which it starts', () => {
    const friday = window('Europe/Berlin', '22:00', '06:00', [5]);
    expect(isInWindow(friday, at('2026-11-20T21:30:00Z'))).toBe(true);
    expect(isInWindow(friday, at('2026-11-21T04:59:00Z'))).toBe(true);
    expect(isInWindow(friday, at('2026-11-21T05:00:00Z'))).toBe(false);
    expect(isInWindow(friday, at('2026-11-20T04:00:00Z'))).toBe(false);
    expect(isInWindow(friday, at('2026-11-21T21:30:00Z'))).toBe(false);
  });

  it('holds all day when it ends where it starts', () => {
    const always = window('UTC', '00:00', '00:00');
    expect(held(always, '2026-11-21', [0, 24])).toHaveLength(96);
    const sunday = window('UTC', '12:00', '12:00', [7]);
    expect(isInWindow(sunday, at('2026-11-22T12:00:00Z'))).toBe(true);
    expect(isInWindow(sunday, at('2026-11-23T11:59:00Z'))).toBe(true);
    expect(isInWindow(sunday, at('2026-11-23T12:00:00Z'))).toBe(false);
  });

  it('makes up for an hour that is skipped in spring', () => {
    // 2027-03-28 in Berlin: 02:00 CET (01:00 UTC) is followed by 03:00 CEST at once.
    const skipped = window('Europe/Berlin', '02:00', '03:00');
    expect(held(skipped, '2027-03-28', [0, 6])).toEqual(['01:00', '01:15', '01:30', '01:45']);
    const partly = window('Europe/Berlin', '01:30', '02:30');
    expect(held(partly, '2027-03-28', [0, 6])).toEqual(['00:30', '00:45', '01:00', '01:15']);
    const later = window('Europe/Berlin', '04:00', '04:30');
    expect(held(later, '2027-03-28', [0, 6])).toEqual(['02:00', '02:15']);
    expect(held(skipped, '2027-03-29', [0, 6])).toEqual(['00:00', '00:15', '00:30', '00:45']);
  });

  it('holds twice for an hour that is lived twice in autumn', () => {
    // 2026-10-25 in Berlin: 03:00 CEST (01:00 UTC) is followed by 02:00 CET.
    const twice = window('Europe/Berlin', '02:00', '03:00');
    expect(held(twice, '2026-10-25', [0, 4])).toHaveLength(8);
    const later = window('Europe/Berlin', '03:00', '03:30');
    expect(held(later, '2026-10-25', [0, 4])).toEqual(['02:00', '02:15']);
  });

  it('knows changes of other sizes, and of the southern summer', () => {
    // 2026-10-04 on Lord Howe Island: 02:00 (15:30 UTC) is followed by 02:30.
    const half = window('Australia/Lord_Howe', '02:00', '02:30');
    expect(held(half, '2026-10-03', [14, 18])).toEqual(['15:30', '15:45']);
    const night = window('America/New_York', '23:00', '01:00', [6]);
    expect(isInWindow(night, at('2026-11-22T05:30:00Z'))).toBe(true);
  });

  it('knows the first Thursday, and refuses a zone that nobody knows', () => {
    expect(isInWindow(window('UTC', '00:00', '01:00', [4]), epochSeconds(0))).toBe(true);
    expect(() => isInWindow(window('Mars/Base', '00:00', '01:00'), epochSeconds(0))).toThrow(
      RangeError,
    );
  });
});

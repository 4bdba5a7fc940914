/** Windows of time: `{ days: [mon], from: "22:00", to: "06:00", zone: Europe/Berlin }`. */

import { IANAZone } from 'luxon';
import type { TimeWindow } from '../domain/policy.ts';
import { fail, ok } from '../domain/result.ts';
import { type Field, choice, field, group, list, name } from './fields.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const CLOCK = /^([01]\d|2[0-4]):([0-5]\d)$/;

/** Minutes after midnight; 24:00 is the end of the day. */
function clockTime(): Field<number> {
  const schema = { type: 'string', pattern: CLOCK.source };
  return field('a time of day like "22:30"', schema, (input) => {
    const [, hours, minutes] = (typeof input === 'string' ? CLOCK.exec(input) : null) ?? [];
    const total = Number(hours) * 60 + Number(minutes);
    return total <= 1440 ? ok(total) : fail(`cannot read ${JSON.stringify(input)}`);
  });
}

function zone(): Field<string> {
  const expected = 'an IANA time zone like "Europe/Berlin"';
  return field(expected, { type: 'string' }, (input) => {
    const known = typeof input === 'string' && IANAZone.isValidZone(input);
    return known ? ok(input) : fail(`unknown time zone ${JSON.stringify(input)}`);
  });
}

export const timeWindow = group({
  name: name('a name').optional(),
  zone: zone(),
  days: list(choice(DAYS)).optional(),
  from: clockTime(),
  to: clockTime(),
}).transform((window): TimeWindow => {
  const days = new Set(window.days ?? DAYS);
  return {
    name: window.name ?? `${[...days].join(',')} ${window.zone}`,
    zone: window.zone,
    days: DAYS.flatMap((day, i) => (days.has(day) ? [i + 1] : [])),
    startMinute: window.from,
    endMinute: window.to,
  };
});

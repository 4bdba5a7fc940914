/**
 * What a host is to keep free: `{ memory: 64GiB, cpu: 8 }`, or as shares of its capacity,
 * `{ memory: 25%, cpu: 25% }`. A plain number is an amount; the form that fleet files are saved
 * in, `{ share: 0.25 }` or `{ amount: 8 }`, is read as well.
 */

import type { Room } from '../domain/placement.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import { ratio } from '../domain/units.ts';
import { type Field, field, group } from './fields.ts';
import { SHARE, SIZE } from './quantities.ts';

const isAmount = (value: number): boolean => Number.isFinite(value) && value > 0;

function amountOf(value: number): Result<Room, string> {
  return isAmount(value) ? ok({ amount: value }) : fail(`${value} is not more than 0`);
}

function shareOf(value: number): Result<Room, string> {
  return isAmount(value) && value <= 1
    ? ok({ share: ratio(value) })
    : fail(`${100 * value}% is not more than 0% and at most 100%`);
}

/** `unit`: what an amount with a unit is read as; without, it is a plain number. */
function room(expected: string, unit?: typeof SIZE): Field<Room> {
  const positive = { type: 'number', exclusiveMinimum: 0 };
  const saved = (key: string): Record<string, unknown> => ({
    type: 'object',
    properties: { [key]: positive },
    required: [key],
    additionalProperties: false,
  });
  const texts = unit === undefined ? [SHARE] : [unit, SHARE];
  const written = texts.map(({ pattern }) => ({ type: 'string', pattern }));
  const schema = { anyOf: [positive, ...written, saved('amount'), saved('share')] };
  return field(`${expected}, or a share like "25%"`, schema, (input) => {
    if (typeof input === 'number') return amountOf(input);
    if (typeof input === 'string') {
      const share = SHARE.parse(input);
      if (share.ok) return shareOf(share.value);
      const amount = unit?.parse(input) ?? share;
      return amount.ok ? amountOf(amount.value) : amount;
    }
    const [part, ...more] = Object.entries(input ?? {});
    if (part === undefined || more.length > 0) return fail(`cannot read ${JSON.stringify(input)}`);
    const [key, value] = part;
    if (key === 'amount' && typeof value === 'number') return amountOf(value);
    if (key === 'share' && typeof value === 'number') return shareOf(value);
    return fail(`cannot read ${JSON.stringify(input)}`);
  });
}

export const freeRoom = group({
  memory: room(SIZE.expected, SIZE).optional(),
  cpu: room('a number of hardware threads').optional(),
}).refine(({ memory, cpu }) => memory !== undefined || cpu !== undefined, {
  message: 'asks for nothing',
  params: { expected: 'memory, cpu or both', hint: 'e.g. free: { memory: 64GiB, cpu: 8 }' },
});

/** Amounts of resources of any unit: 8, "80GiB", "25Gbps". */

import type { ResourceUnit } from '../domain/resource.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import { type Field, field } from './fields.ts';
import { RATE, SIZE } from './quantities.ts';

/** An amount as written; `unit` where it says so itself. */
export interface Amount {
  readonly value: number;
  readonly unit: ResourceUnit | undefined;
}

const EXPECTED = 'an amount like 8, "80GiB" or "25Gbps"';

const FORMS = {
  anyOf: [
    { type: 'number', minimum: 0 },
    ...[SIZE, RATE].map(({ pattern }) => ({ type: 'string', pattern })),
  ],
};

export const amount: Field<Amount> = field(EXPECTED, FORMS, readAmount);

/** Where the unit is known from elsewhere, and not asked for. */
export const plainAmount: Field<number> = field(EXPECTED, FORMS, (input) => {
  const read = readAmount(input);
  return read.ok ? ok(read.value.value) : read;
});

function readAmount(input: unknown): Result<Amount, string> {
  const read = (value: number, unit: ResourceUnit | undefined): Result<Amount, string> =>
    Number.isFinite(value) && value >= 0 ? ok({ value, unit }) : fail(`${value} is no amount`);
  if (typeof input === 'number') return read(input, undefined);
  if (typeof input !== 'string') return fail(`cannot read ${JSON.stringify(input)}`);
  const size = SIZE.parse(input);
  if (size.ok) return read(size.value, 'bytes');
  const rate = RATE.parse(input);
  return rate.ok ? read(rate.value, 'bytes/s') : rate;
}

/**
 * The vocabulary of the schemas: every leaf says what it expects, in words (for messages and the
 * tables of the README) and as JSON Schema (for editors). Human forms are read here and nowhere
 * else.
 */

import { z } from 'zod';
import { isIdText } from '../domain/ids.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import {
  type Bytes,
  type BytesPerSecond,
  type Cores,
  type EpochSeconds,
  type Ratio,
  type Seconds,
  bytes,
  bytesPerSecond,
  cores,
  epochSeconds,
  ratio,
  seconds,
} from '../domain/units.ts';
import { nearest } from './problem.ts';
import { DURATION, type Quantity, RATE, SHARE, SIZE } from './quantities.ts';

export type Field<Value> = z.ZodType<Value, unknown>;

/** One leaf: what it expects, its JSON Schema, and how it is read. `undefined` never reaches it. */
export function field<Value>(
  expected: string,
  schema: Readonly<Record<string, unknown>>,
  read: (input: unknown) => Result<Value, string>,
): Field<Value> {
  const leaf = z
    .unknown()
    // A check may change the value, and does with one call what `transform` does with three.
    .check((payload) => {
      const { value: input } = payload;
      const outcome = input === undefined ? fail('is missing') : read(input);
      if (outcome.ok) payload.value = outcome.value;
      else payload.issues.push({ code: 'custom', message: outcome.error, input });
    })
    .meta({ ...schema, expected });
  // What the check leaves behind is what `read` returned; a check cannot say so by its type.
  return leaf as Field<Value>;
}

/** What was found instead, short enough for a message. */
function cannotRead(input: unknown): { readonly ok: false; readonly error: string } {
  const shown = typeof input === 'number' ? String(input) : (JSON.stringify(input) ?? 'nothing');
  return fail(`cannot read ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`);
}

/** Bounds of a number in code units; `above`: greater than, not equal. */
interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}

function bounded<Unit>(value: number, range: Range, brand: (value: number) => Unit) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, above } = range;
  if (!Number.isFinite(value)) return fail(`${value} is not a finite number`);
  if (value < min) return fail(`${value} is less than ${min}`);
  if (above !== undefined && value <= above) return fail(`${value} is not more than ${above}`);
  if (value > max) return fail(`${value} is more than ${max}`);
  return ok(brand(value));
}

function rangeSchema({ min = 0, max, above }: Range): Record<string, unknown> {
  return {
    type: 'number',
    ...(above === undefined ? { minimum: min } : { exclusiveMinimum: above }),
    ...(max === undefined ? {} : { maximum: max }),
  };
}

function quantity<Unit>(
  kind: Quantity,
  brand: (value: number) => Unit,
  range: Range = {},
): Field<Unit> {
  const schema = { anyOf: [rangeSchema(range), { type: 'string', pattern: kind.pattern }] };
  return field(kind.expected, schema, (input) => {
    if (typeof input === 'number') return bounded(input, range, brand);
    if (typeof input !== 'string') return cannotRead(input);
    const read = kind.parse(input);
    return read.ok ? bounded(read.value, range, brand) : read;
  });
}

export function size(range?: Range): Field<Bytes> {
  return quantity(SIZE, bytes, range);
}

export function rate(range?: Range): Field<BytesPerSecond> {
  return quantity(RATE, bytesPerSecond, range);
}

export function duration(range?: Range): Field<Seconds> {
  return quantity(DURATION, seconds, range);
}

/** 0..1 unless a range says otherwise. */
export function share(range: Range = { max: 1 }): Field<Ratio> {
  return quantity(SHARE, ratio, range);
}

export function number<Unit = number>(
  expected: string,
  range: Range = {},
  brand: (value: number) => Unit = (value) => value as Unit,
): Field<Unit> {
  return field(expected, rangeSchema(range), (input) =>
    typeof input === 'number' ? bounded(input, range, brand) : cannotRead(input),
  );
}

export function coreCount(range?: Range): Field<Cores> {
  return number('a number of hardware threads', range, cores);
}

export function whole(expected: string, range: Range = {}): Field<number> {
  const schema = { ...rangeSchema(range), type: 'integer' };
  return field(expected, schema, (input) => {
    if (typeof input !== 'number') return cannotRead(input);
    if (!Number.isInteger(input)) return fail(`${input} is not a whole number`);
    return bounded(input, range, (value) => value);
  });
}

export function flag(): Field<boolean> {
  return field('true or false', { type: 'boolean' }, (input) =>
    typeof input === 'boolean' ? ok(input) : cannotRead(input),
  );
}

/** What is either so, or not said. */
export function yes(): Field<true> {
  return field('true', { const: true }, (input) =>
    input === true ? ok(input) : cannotRead(input),
  );
}

export function text(expected: string): Field<string> {
  const schema = { type: 'string', minLength: 1 };
  return field(expected, schema, (input) =>
    typeof input === 'string' && input !== '' ? ok(input) : cannotRead(input),
  );
}

/** Never shown in a message, whatever was written. */
export function secretText(): Field<string> {
  const schema = { type: 'string', minLength: 1, writeOnly: true };
  return field('a secret as text', schema, (input) =>
    typeof input === 'string' && input !== '' ? ok(input) : fail('is not text'),
  );
}

/** Text that may be empty. */
export function anyText(): Field<string> {
  return field('text', { type: 'string' }, (input) =>
    typeof input === 'string' ? ok(input) : cannotRead(input),
  );
}

/** Text that may serve as an id or a name: 1 to 256 characters, no control characters. */
export function name<Id = string>(
  expected: string,
  brand: (value: string) => Id = (value) => value as Id,
): Field<Id> {
  const schema = { type: 'string', minLength: 1, maxLength: 256 };
  return field(expected, schema, (input) => {
    if (typeof input !== 'string') return cannotRead(input);
    return isIdText(input) ? ok(brand(input)) : fail(`${JSON.stringify(input)} is not a name`);
  });
}

export function choice<const Choice extends string>(choices: readonly Choice[]): Field<Choice> {
  const expected = choices.map((one) => `"${one}"`).join(', ');
  return field(`one of ${expected}`, { enum: choices }, (input) => {
    const found = choices.find((one) => one === input);
    if (found !== undefined) return ok(found);
    const near = typeof input === 'string' ? nearest(input, choices) : undefined;
    const read = cannotRead(input);
    return near === undefined ? read : fail(`${read.error}: did you mean "${near}"?`);
  });
}

/** Seconds since 1970, or a date and time as in ISO 8601 with a zone. */
export function moment(): Field<EpochSeconds> {
  const expected = 'a moment like "2026-11-21T20:00:00Z", or seconds since 1970';
  const schema = {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', format: 'date-time' },
    ],
  };
  return field(expected, schema, (input) => {
    if (typeof input === 'number') return bounded(input, {}, epochSeconds);
    const isDate = typeof input === 'string' && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(input);
    const at = isDate ? Date.parse(input) / 1000 : Number.NaN;
    return Number.isFinite(at) ? bounded(at, {}, epochSeconds) : cannotRead(input);
  });
}

/** An object with these keys and no others. */
export function group<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape);
}

export function list<Item extends z.ZodType>(item: Item): z.ZodArray<Item> {
  return z.array(item);
}

export function table<Value extends z.ZodType>(value: Value): z.ZodRecord<z.ZodString, Value> {
  return z.record(z.string(), value);
}

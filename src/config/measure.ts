/** Measurements in a fleet file: a plain value in the metric's unit, or a whole window as saved. */

import {
  MISSING_REASONS,
  type Measured,
  type MetricWindow,
  type MissingReason,
  STATISTICS,
  type Statistic,
  heldWindow,
  known,
  missing,
} from '../domain/measured.ts';
import type { MetricInfo } from '../domain/metrics.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import { seconds } from '../domain/units.ts';
import { type Field, field } from './fields.ts';
import { type Quantity, RATE, SHARE, SIZE } from './quantities.ts';

/** As written: one number for now, or everything that is known. */
export type Measure =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'window'; readonly window: MetricWindow };

const UNITS: Readonly<Partial<Record<MetricInfo['unit'], Quantity>>> = {
  bytes: SIZE,
  'bytes/s': RATE,
  ratio: SHARE,
};

/** @param assumeHeld whether a plain value is taken as having held for the whole window. */
export function windowOf(measure: Measure, assumeHeld: boolean): MetricWindow {
  if (measure.kind === 'window') return measure.window;
  if (assumeHeld) return heldWindow(measure.value, seconds(0));
  const gap = missing('too-few-samples');
  return { last: known(measure.value, seconds(0)), mean: gap, p95: gap, slope: gap };
}

export function measure(info: MetricInfo): Field<Measure> {
  const kind = UNITS[info.unit];
  const plain = kind?.expected ?? `a number of ${info.unit}`;
  const expected = `${plain}, or a window as drover saves it`;
  const forms = kind === undefined ? [] : [{ type: 'string', pattern: kind.pattern }];
  const schema = {
    description: `${info.doc} (${info.unit})`,
    anyOf: [{ type: 'number', minimum: 0 }, ...forms, { $ref: '#/$defs/window' }],
  };
  return field(expected, schema, (input): Result<Measure, string> => {
    if (typeof input === 'object') return readWindow(input);
    const read = typeof input === 'string' && kind !== undefined ? kind.parse(input) : ok(input);
    if (!read.ok) return read;
    const { value } = read;
    if (typeof value !== 'number') return fail(`cannot read ${JSON.stringify(input)}`);
    if (!Number.isFinite(value) || value < 0) return fail(`${value} is not a finite number >= 0`);
    return ok({ kind: 'value', value });
  });
}

/** Most of a large fleet file is windows: read without making anything beside the result. */
function readWindow(input: object | null): Result<Measure, string> {
  for (const key in input) {
    if (!isStatistic(key)) return fail(`unknown key "${key}" in a window`);
  }
  const parts: Partial<Record<Statistic, unknown>> = input ?? {};
  const last = readMeasured(parts.last);
  const mean = readMeasured(parts.mean);
  const p95 = readMeasured(parts.p95);
  const slope = readMeasured(parts.slope);
  if (last === undefined || mean === undefined || p95 === undefined || slope === undefined) {
    return fail(`a window has ${STATISTICS.join(', ')}, each known or missing`);
  }
  return ok({ kind: 'window', window: { last, mean, p95, slope } });
}

function isStatistic(key: string): key is Statistic {
  return STATISTICS.some((statistic) => statistic === key);
}

interface WrittenMeasured {
  readonly kind?: unknown;
  readonly value?: unknown;
  readonly ageSeconds?: unknown;
  readonly reason?: unknown;
}

const WRITTEN = ['kind', 'value', 'ageSeconds', 'reason'];

function readMeasured(input: unknown): Measured | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  for (const key in input) if (!WRITTEN.includes(key)) return undefined;
  const { kind, value, ageSeconds, reason }: WrittenMeasured = input;
  if (kind === 'missing') return isReason(reason) ? missing(reason) : undefined;
  const isKnown = kind === 'known' && typeof value === 'number' && Number.isFinite(value);
  if (!isKnown || typeof ageSeconds !== 'number' || !(ageSeconds >= 0)) return undefined;
  return Number.isFinite(ageSeconds) ? known(value, seconds(ageSeconds)) : undefined;
}

function isReason(reason: unknown): reason is MissingReason {
  return typeof reason === 'string' && Object.hasOwn(MISSING_REASONS, reason);
}

/** JSON Schema of a window, for `$defs`. */
export function windowJsonSchema(): Record<string, unknown> {
  const gap = {
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'reason'],
    properties: { kind: { const: 'missing' }, reason: { enum: Object.keys(MISSING_REASONS) } },
  };
  const value = {
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'value', 'ageSeconds'],
    properties: {
      kind: { const: 'known' },
      value: { type: 'number' },
      ageSeconds: { type: 'number', minimum: 0 },
    },
  };
  return {
    type: 'object',
    additionalProperties: false,
    required: [...STATISTICS],
    properties: Object.fromEntries(STATISTICS.map((name) => [name, { anyOf: [value, gap] }])),
  };
}

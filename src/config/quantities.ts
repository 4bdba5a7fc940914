/**
 * Human forms of quantities: "64GiB", "85%", "10Gbps", "5m". They exist in this room only; what
 * leaves it is a plain number in code units (bytes, bytes per second, ratio, seconds, cores).
 * A plain number is taken as being in code units already. What is ambiguous is refused.
 */

import { type Result, fail, ok } from '../domain/result.ts';
import { GIB, KIB, MIB } from '../domain/units.ts';

export interface Quantity {
  /** For messages: what to write. */
  readonly expected: string;
  /** Pattern of the written form, for the JSON Schema. */
  readonly pattern: string;
  parse(text: string): Result<number, string>;
}

const NUMBER = String.raw`(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)`;

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: KIB,
  MiB: MIB,
  GiB: GIB,
  TiB: 1024 * GIB,
  PiB: 1024 * 1024 * GIB,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
};

const BIT_RATES: Readonly<Record<string, number>> = {
  bps: 1 / 8,
  kbps: 1e3 / 8,
  Kbps: 1e3 / 8,
  Mbps: 1e6 / 8,
  Gbps: 1e9 / 8,
  Tbps: 1e12 / 8,
};

const RATE_UNITS: Readonly<Record<string, number>> = {
  ...BIT_RATES,
  ...Object.fromEntries(
    Object.entries(BYTE_UNITS).map(([unit, factor]) => [`${unit}/s`, factor] as const),
  ),
};

const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
};

function alternatives(units: Readonly<Record<string, number>>): string {
  return Object.keys(units).join('|');
}

/** One number with one of the units. */
function withUnit(expected: string, units: Readonly<Record<string, number>>): Quantity {
  const pattern = `^${NUMBER} ?(${alternatives(units)})$`;
  const form = new RegExp(pattern);
  return {
    expected,
    pattern,
    parse(text) {
      const [, digits, unit] = form.exec(text.trim()) ?? [];
      const value = Number(digits) * (units[unit ?? ''] ?? Number.NaN);
      return Number.isFinite(value) ? ok(value) : fail(`cannot read ${JSON.stringify(text)}`);
    },
  };
}

export const SIZE = withUnit('a size like "64GiB" or "512MiB", or a number of bytes', BYTE_UNITS);

export const RATE = withUnit(
  'a rate like "10Gbps" or "1.2GiB/s", or a number of bytes per second',
  RATE_UNITS,
);

/** Percent, divided as decimal text so that "85%" is exactly the number 0.85. */
export const SHARE: Quantity = {
  expected: 'a share like "85%" or 0.85',
  pattern: `^${NUMBER} ?%$`,
  parse(text) {
    const [, digits] = new RegExp(`^${NUMBER} ?%$`).exec(text.trim()) ?? [];
    const value = Number(digits) / 100;
    return Number.isFinite(value) ? ok(value) : fail(`cannot read ${JSON.stringify(text)}`);
  },
};

const TIME_PATTERN = `^(?:${NUMBER} ?(${alternatives(TIME_UNITS)}) ?)+$`;

/** One or more parts: "1h30m". */
export const DURATION: Quantity = {
  expected: 'a time like "5m", "90s" or "1h30m", or a number of seconds',
  pattern: TIME_PATTERN,
  parse(text) {
    const trimmed = text.trim();
    if (trimmed.length > 40 || !new RegExp(TIME_PATTERN).test(trimmed)) {
      return fail(`cannot read ${JSON.stringify(text)}`);
    }
    const part = new RegExp(`${NUMBER} ?(${alternatives(TIME_UNITS)})`, 'g');
    let total = 0;
    for (const [, digits, unit] of trimmed.matchAll(part)) {
      total += Number(digits) * (TIME_UNITS[unit ?? ''] ?? Number.NaN);
    }
    return Number.isFinite(total) ? ok(total) : fail(`cannot read ${JSON.stringify(text)}`);
  },
};

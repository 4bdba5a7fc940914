/**
 * Quantities with their unit in the type. Arithmetic on them gives plain numbers, which have to
 * be branded again where they are stored: that is the point at which a unit is claimed.
 * Human forms ("85%", "64GiB", "5m") exist only in the config room.
 */

import type { Brand } from './ids.ts';

/** Bytes, >= 0. */
export type Bytes = Brand<number, 'Bytes'>;
/** Bytes per second, >= 0. */
export type BytesPerSecond = Brand<number, 'BytesPerSecond'>;
/** CPU: 1.0 is one hardware thread busy; >= 0. */
export type Cores = Brand<number, 'Cores'>;
/** A length of time in seconds, >= 0. */
export type Seconds = Brand<number, 'Seconds'>;
/** A moment: seconds since 1970-01-01T00:00:00Z, with fraction. */
export type EpochSeconds = Brand<number, 'EpochSeconds'>;
/** A share. 0..1 unless its name says otherwise (overcommit ratios are >= 1). */
export type Ratio = Brand<number, 'Ratio'>;
/** Power in watts, >= 0. */
export type Watts = Brand<number, 'Watts'>;

/** The unit in which the objective counts power: what a small server draws when idle. */
export const POWER_UNIT_WATTS = 100;

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

function nonNegative<Name extends string>(unit: Name): (value: number) => Brand<number, Name> {
  return (value) => {
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`not ${unit}: ${value}`);
    return value as Brand<number, Name>;
  };
}

/** Constructors. Each throws RangeError on NaN, infinity and negative values. */
export const bytes = nonNegative('Bytes');
export const bytesPerSecond = nonNegative('BytesPerSecond');
export const cores = nonNegative('Cores');
export const seconds = nonNegative('Seconds');
export const epochSeconds = nonNegative('EpochSeconds');
export const ratio = nonNegative('Ratio');
export const watts = nonNegative('Watts');

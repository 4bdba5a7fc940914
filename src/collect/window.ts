/**
 * One series → MetricWindow. Decides whether the series may be used: a series that is stale,
 * repeating or whose newest sample was implausible is missing in every statistic, because a
 * window that hides its newest reading would pass yesterday's weather off as today's.
 */

import { known, type MetricWindow, missing, missingWindow } from '../domain/measured.ts';
import { type EpochSeconds, seconds } from '../domain/units.ts';
import type { Scratch, SeriesId, SeriesStore } from './series-store.ts';
import type { CollectorSettings } from './settings.ts';
import { percentile95, slopePerHour, timeWeightedMean } from './statistics.ts';

export interface WindowInput {
  readonly store: SeriesStore;
  readonly scratch: Scratch;
  readonly settings: CollectorSettings;
  readonly now: EpochSeconds;
  /** The source that feeds the series does not answer. */
  readonly sourceDown: boolean;
}

export function windowOf(series: SeriesId, input: WindowInput): MetricWindow {
  const { store, scratch, settings, now } = input;
  const newest = store.newestAt(series);
  if (store.suspect(series)) return missingWindow('implausible');
  if (newest === -Infinity) return missingWindow('never-seen');
  // A sample from just ahead of our clock is as fresh as can be.
  const age = seconds(Math.max(0, now - newest));
  if (age > settings.maxAgeSeconds) {
    return missingWindow(input.sourceDown ? 'source-down' : 'stale');
  }
  if (store.strikes(series) >= settings.repeatLimit) return missingWindow('repeating');

  const count = store.copy(series, now - settings.windowSeconds, scratch);
  const { at, value } = scratch;
  const last = known(value[count - 1] ?? Number.NaN, age);
  if (count < Math.max(2, settings.minSamples)) {
    const few = missing('too-few-samples');
    return { last, mean: few, p95: few, slope: few };
  }
  return {
    last,
    mean: known(timeWeightedMean(at, value, count), age),
    p95: known(percentile95(value, count), age),
    slope: known(slopePerHour(at, value, count), age),
  };
}

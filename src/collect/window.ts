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

/** `changedAt`: what came before tells of other guests (guests.ts). */
export function windowOf(
  series: SeriesId,
  input: WindowInput,
  changedAt?: EpochSeconds,
): MetricWindow {
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

  const copied = store.copy(series, now - settings.windowSeconds, scratch);
  const enough = Math.max(2, settings.minSamples);
  const few = missing('too-few-samples');
  const last = known(scratch.value[copied - 1] ?? Number.NaN, age);
  if (copied < enough) return { last, mean: few, p95: few, slope: few };
  const since = countSince(scratch, copied, changedAt);
  const count = Math.max(since, enough);
  const [at, value] = newestOf(scratch, copied, count);
  return {
    last,
    mean: known(timeWeightedMean(at, value, count), age),
    p95: known(percentile95(value, count), age),
    slope: since < enough ? few : known(slopePerHour(at, value, count), age),
  };
}

function newestOf({ at, value }: Scratch, copied: number, count: number) {
  if (count === copied) return [at, value] as const;
  return [at.subarray(copied - count, copied), value.subarray(copied - count, copied)] as const;
}

/** How many of the samples were taken after the change: a reading covers the time before it. */
function countSince(scratch: Scratch, count: number, changedAt: EpochSeconds | undefined): number {
  if (changedAt === undefined) return count;
  let since = 0;
  while (since < count && (scratch.at[count - 1 - since] ?? -Infinity) > changedAt) since += 1;
  return since;
}

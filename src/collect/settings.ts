/**
 * The collector's settings: how often, how long, how many, and what counts as implausible.
 * Every limit that bounds its memory or its patience is here, in seconds or counts.
 */

import type { Ratio, Seconds } from '../domain/units.ts';
import { ratio, seconds } from '../domain/units.ts';

export interface CollectorSettings {
  /** How often `poll` is called; only sizes the windows. */
  readonly pollSeconds: Seconds;
  /** Statistics are taken over this long. */
  readonly windowSeconds: Seconds;
  /** A sample older than this says nothing about now; a source silent for longer is down. */
  readonly maxAgeSeconds: Seconds;
  /** A source that has not answered by then has failed this poll. */
  readonly timeoutSeconds: Seconds;
  /** Mean, p95 and slope need at least this many samples in the window; >= 2. */
  readonly minSamples: number;
  /** The same time stamp in this many polls in a row: the source repeats itself. */
  readonly repeatLimit: number;
  /** A time stamp may be ahead of our clock by this much (clocks differ). */
  readonly futureToleranceSeconds: Seconds;
  /** A value may exceed its capacity by this share (rates are read at uneven moments). */
  readonly capacityTolerance: Ratio;
  /** Wait after the first failure; doubled with each further one. */
  readonly backoffSeconds: Seconds;
  /** The longest wait; taken at once after errors that asking again cannot cure. */
  readonly maxBackoffSeconds: Seconds;
  /** Hard cap over all sources: hosts x metrics + VMs x metrics. */
  readonly maxSeries: number;
}

/** For a poll every 30 s. 400,000 series are 2,000 hosts and 60,000 VMs with every metric. */
export const DEFAULT_COLLECTOR_SETTINGS: CollectorSettings = {
  pollSeconds: seconds(30),
  windowSeconds: seconds(300),
  maxAgeSeconds: seconds(180),
  timeoutSeconds: seconds(20),
  minSamples: 3,
  repeatLimit: 5,
  futureToleranceSeconds: seconds(30),
  capacityTolerance: ratio(0.05),
  backoffSeconds: seconds(15),
  maxBackoffSeconds: seconds(300),
  maxSeries: 400_000,
};

/**
 * How many samples a series has room for: the window at the poll interval, and two more, so that
 * a poll that comes early does not push out a sample that still belongs to the window.
 */
export function samplesPerSeries(settings: CollectorSettings): number {
  const samples = Math.ceil(settings.windowSeconds / settings.pollSeconds) + 2;
  return Math.min(Math.max(samples, settings.minSamples), MAX_SAMPLES);
}

/** A day at one sample a minute: keeps a slip in the settings from eating the memory. */
const MAX_SAMPLES = 1440;

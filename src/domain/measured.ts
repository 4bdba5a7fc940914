/**
 * A value that may not be known. Unknown is never zero: every reader has to say what it does
 * when a measurement is missing, because the compiler will not let it read `value` before.
 */

import type { EpochSeconds, Seconds } from './units.ts';
import type { HostId, SourceId, VmId } from './ids.ts';

/** Why a value is missing; reported beside the finding or refusal that could not be made. */
export const MISSING_REASONS = {
  'never-seen': 'no source has reported it yet',
  stale: 'the newest sample is older than the age limit',
  'source-down': 'the source that reports it does not answer',
  implausible: 'the sample was NaN, negative, above capacity or from the future',
  repeating: 'the source sends the same sample with the same time stamp again and again',
  'too-few-samples': 'the window does not hold enough samples for this statistic',
  unsupported: 'the source cannot report it',
} as const;
export type MissingReason = keyof typeof MISSING_REASONS;

export type Measured =
  | { readonly kind: 'known'; readonly value: number; readonly ageSeconds: Seconds }
  | { readonly kind: 'missing'; readonly reason: MissingReason };

/** One metric over the collector's window. Units are those of the metric (see metrics.ts). */
export interface MetricWindow {
  /** Newest sample. */
  readonly last: Measured;
  /** Time-weighted mean over the window. */
  readonly mean: Measured;
  /** 95th percentile over the window (nearest rank). */
  readonly p95: Measured;
  /** Least-squares slope, metric units per hour. */
  readonly slope: Measured;
}

/** The statistics of a {@link MetricWindow}, in the order in which the documentation lists them. */
export const STATISTICS = ['last', 'mean', 'p95', 'slope'] as const;
export type Statistic = (typeof STATISTICS)[number];

/** What one metric sample is about. */
export type Entity =
  | { readonly kind: 'host'; readonly host: HostId }
  | { readonly kind: 'vm'; readonly vm: VmId };

export interface Sample {
  readonly entity: Entity;
  /** A key of HOST_METRICS or VM_METRICS. */
  readonly metric: string;
  readonly value: number;
  /** When the source measured it, by the source's clock. */
  readonly at: EpochSeconds;
}

/** How a source does at the moment of the snapshot. */
export interface SourceStatus {
  readonly source: SourceId;
  readonly state: 'up' | 'late' | 'down';
  /** Last complete answer; undefined when there was none since start. */
  readonly lastAnswerAt: EpochSeconds | undefined;
  readonly consecutiveFailures: number;
  /** The last error, for the operator; empty when up. */
  readonly detail: string;
}

export function known(value: number, ageSeconds: Seconds): Measured {
  return { kind: 'known', value, ageSeconds };
}

export function missing(reason: MissingReason): Measured {
  return { kind: 'missing', reason };
}

/** A window in which every statistic is missing for the same reason. */
export function missingWindow(reason: MissingReason): MetricWindow {
  const gap = missing(reason);
  return { last: gap, mean: gap, p95: gap, slope: gap };
}

/** A window of a value taken as held for the whole window (fleet files; slope 0). */
export function heldWindow(value: number, ageSeconds: Seconds): MetricWindow {
  const held = known(value, ageSeconds);
  return { last: held, mean: held, p95: held, slope: known(0, ageSeconds) };
}

/**
 * Is a sample plausible? The only place that decides so. A sample that is not is counted and
 * reported; it never becomes a number that somebody computes with.
 */

import type { HostFacts, VmFacts } from '../ports/hypervisor.ts';
import type { MetricInfo } from '../domain/metrics.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { CollectorSettings } from './settings.ts';

/** Why nothing is computed from a sample; the keys of `samples-rejected` counts. */
export const REJECTIONS = {
  'not-a-number': 'the value is NaN or infinite',
  negative: 'the value is below zero',
  'above-capacity': 'the value is above what the host or VM has',
  'no-time-stamp': 'the time stamp is NaN, infinite or negative',
  future: 'the time stamp is ahead of our clock',
  backwards: 'the time stamp is before the one seen last: the clock went back',
  stale: 'the time stamp is older than the age limit; kept, but nothing is computed from it',
  repeating: 'the time stamp has not changed for many polls',
  'unknown-entity': 'the host or VM is in no inventory, or its name is not unique',
  'unknown-metric': 'no metric of that name exists for hosts or VMs',
  'too-many-series': 'the cap on series is reached (maxSeries)',
} as const;
export type Rejection = keyof typeof REJECTIONS;

/** What one metric of one host or VM is at most; Infinity where nothing bounds it. */
export function boundOf(info: MetricInfo, entity: HostFacts | VmFacts): number {
  if (info.bound === 'one') return 1;
  if ('vcpus' in entity) {
    if (info.bound === 'vm-vcpus') return entity.vcpus;
    return info.bound === 'vm-memory' ? entity.memoryBytes : Infinity;
  }
  if (info.bound === 'host-threads') return entity.cpu.threads;
  return info.bound === 'host-memory' ? entity.memory.totalBytes : Infinity;
}

/**
 * The value to keep, or why not. A value above the capacity by less than the tolerance is taken
 * as the capacity: rates over uneven intervals overshoot a little on a busy machine.
 */
export function judgeValue(value: number, bound: number, tolerance: number): number | Rejection {
  if (!Number.isFinite(value)) return 'not-a-number';
  if (value < 0) return 'negative';
  if (value <= bound) return value;
  return value <= bound * (1 + tolerance) ? bound : 'above-capacity';
}

/** Undefined when the time stamp is acceptable and newer than `newest`. */
export function judgeTime(
  at: number,
  newest: number,
  now: EpochSeconds,
  settings: CollectorSettings,
): Rejection | 'repeat' | undefined {
  if (!Number.isFinite(at) || at < 0) return 'no-time-stamp';
  if (at > now + settings.futureToleranceSeconds) return 'future';
  if (at === newest) return 'repeat';
  return at < newest ? 'backwards' : undefined;
}

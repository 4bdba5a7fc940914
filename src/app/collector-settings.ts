/** The collector's settings for a schedule: windows and age limits follow the poll interval. */

import { DEFAULT_COLLECTOR_SETTINGS, type CollectorSettings } from '../collect/settings.ts';
import type { DaemonConfig } from '../config/daemon.ts';
import { type Seconds, seconds } from '../domain/units.ts';

/** A sample may miss this many polls before it says nothing about now. */
const POLLS_UNTIL_STALE = 6;

/** A window without room for the samples that a mean needs would leave every host unknown. */
const POLLS_IN_WINDOW = DEFAULT_COLLECTOR_SETTINGS.minSamples + 1;

/** @param speed seconds of the clock per second of real time; the schedule counts real ones. */
export function collectorSettings(
  schedule: DaemonConfig['schedule'],
  speed = 1,
): CollectorSettings {
  const pollSeconds = seconds(schedule.collectEverySeconds * speed);
  return {
    ...DEFAULT_COLLECTOR_SETTINGS,
    pollSeconds,
    windowSeconds: seconds(Math.max(schedule.windowSeconds, POLLS_IN_WINDOW * pollSeconds)),
    maxAgeSeconds: seconds(
      Math.max(DEFAULT_COLLECTOR_SETTINGS.maxAgeSeconds, POLLS_UNTIL_STALE * pollSeconds),
    ),
    timeoutSeconds: seconds(DEFAULT_COLLECTOR_SETTINGS.timeoutSeconds * speed),
  };
}

/** Managers answer from what they keep: what is asked for a poll later is new enough. */
export function pollLag(schedule: DaemonConfig['schedule'], speed: number): Seconds {
  return seconds(schedule.collectEverySeconds * speed);
}

/** What all sources together tell of one host's health. */

import type { HealthSignal, Host, SilentSensor } from '../domain/host.ts';
import { compareText, type HostId } from '../domain/ids.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { PolledSource } from './polled-source.ts';
import { compareSignals } from './signal-order.ts';

export interface Hearing {
  readonly sources: readonly PolledSource[];
  readonly now: EpochSeconds;
  /** A judgement older than this is none. */
  readonly maxAgeSeconds: Seconds;
}

export function healthOf(
  host: HostId,
  { sources, now, maxAgeSeconds }: Hearing,
): Pick<Host, 'health' | 'silentSensors'> {
  const health: HealthSignal[] = [];
  const silent: SilentSensor[] = [];
  for (const { table, healthAt = -Infinity } of sources) {
    const speaking = now - healthAt > maxAgeSeconds ? [] : table.health(host);
    health.push(...speaking);
    silent.push(...table.silentSensors(host, speaking, now));
  }
  health.sort(compareSignals);
  if (silent.length === 0) return { health };
  return { health, silentSensors: silent.sort(compareSensors) };
}

function compareSensors(a: SilentSensor, b: SilentSensor): number {
  return compareText(a.component, b.component) || compareText(a.sensor, b.sensor);
}

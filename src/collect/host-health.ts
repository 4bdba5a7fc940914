/** What all sources together tell of one host's health. */

import type { HealthComponent, HealthSignal, Host } from '../domain/host.ts';
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
): Pick<Host, 'health' | 'silentComponents'> {
  const health: HealthSignal[] = [];
  const silent = new Set<HealthComponent>();
  for (const { table, healthAt = -Infinity } of sources) {
    const speaking = now - healthAt > maxAgeSeconds ? [] : table.health(host);
    health.push(...speaking);
    for (const component of table.silentComponents(host, speaking, now)) silent.add(component);
  }
  health.sort(compareSignals);
  if (silent.size === 0) return { health };
  return { health, silentComponents: [...silent].sort(compareText) };
}

/** The fleet as the sources show it now, without a daemon: for dry ticks and snapshots. */

import { Collector } from '../collect/collector.ts';
import type { DaemonConfig } from '../config/daemon.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { SourceStatus } from '../domain/measured.ts';
import { seconds } from '../domain/units.ts';
import { EventBus } from '../observe/event-bus.ts';
import type { Clock } from '../ports/clock.ts';
import { buildSources } from './build-sources.ts';
import { collectorSettings } from './collector-settings.ts';

/** Statistics need three samples, and rates the difference of two counters. */
const LOOKS = 4;
const BETWEEN_LOOKS = seconds(2);

export interface LiveFleet {
  readonly snapshot: Snapshot;
  readonly statuses: readonly SourceStatus[];
  readonly warnings: readonly string[];
}

export async function readFleet(
  config: DaemonConfig,
  clock: Clock,
  signal: AbortSignal,
): Promise<LiveFleet> {
  const sources = await buildSources(config, clock);
  const events = new EventBus();
  const warnings: string[] = [];
  events.on('warning', ({ text }) => warnings.push(text));
  try {
    const collector = new Collector({
      hypervisors: [...sources.hypervisors.values()],
      metricSources: sources.metricSources,
      clock,
      events,
      settings: { ...collectorSettings(config.schedule), pollSeconds: BETWEEN_LOOKS },
    });
    for (let look = 0; look < LOOKS; look++) {
      if (look > 0) await clock.sleep(BETWEEN_LOOKS, signal);
      await collector.poll(signal);
    }
    const statuses = collector.statuses();
    return { snapshot: collector.snapshot(NOTHING_KNOWN), statuses, warnings };
  } finally {
    for (const source of [...sources.hypervisors.values(), ...sources.metricSources])
      await source.close();
  }
}

const NOTHING_KNOWN = {
  hostStates: new Map(),
  alerts: new Map(),
  inFlight: [],
  reservations: [],
  lastMovedAt: new Map(),
};

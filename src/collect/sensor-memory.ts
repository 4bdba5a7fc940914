/**
 * Sensors that told of a fault and have fallen silent since. A broken disk takes its own exporter
 * down, a query is refused: that nobody complains any more does not make a host well. Such a
 * sensor is remembered for a day, or until it speaks again or Drover is started anew; then it was
 * taken out, or repaired. Each part of a host is a sensor of its own where its source tells them
 * apart: that the other disks are well says nothing of the one that is not there any more.
 */

import type { HealthSignal, SilentSensor } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { EpochSeconds } from '../domain/units.ts';

const REMEMBER_SECONDS = 86_400;
/** Of a host and source; what is beyond is not remembered. */
const MOST_SENSORS = 64;

interface BadSensor extends SilentSensor {
  /** When it last spoke, by Drover's clock. */
  readonly at: EpochSeconds;
}

export class SensorMemory {
  readonly #bad = new Map<HostId, Map<string, BadSensor>>();

  /** `signals`: all that the source tells of the host now. */
  note(host: HostId, signals: readonly HealthSignal[], now: EpochSeconds): void {
    const bad = this.#bad.get(host) ?? new Map<string, BadSensor>();
    for (const [key, { at }] of bad) if (now - at > REMEMBER_SECONDS) bad.delete(key);
    for (const signal of signals) bad.delete(keyOf(signal));
    for (const signal of signals) {
      if (signal.level === 'ok' || bad.size >= MOST_SENSORS) continue;
      const { component, sensor = '' } = signal;
      bad.set(keyOf(signal), { component, sensor, at: now });
    }
    if (bad.size === 0) this.#bad.delete(host);
    else this.#bad.set(host, bad);
  }

  /** The bad ones that are not among those that speak now. */
  silent(
    host: HostId,
    speaking: readonly HealthSignal[],
    now: EpochSeconds,
  ): readonly SilentSensor[] {
    const bad = this.#bad.get(host);
    if (bad === undefined) return [];
    const heard = new Set(speaking.map(keyOf));
    const silent = [...bad].filter(
      ([key, { at }]) => !heard.has(key) && now - at <= REMEMBER_SECONDS,
    );
    return silent.map(([, { component, sensor }]) => ({ component, sensor }));
  }

  /** Forgets the hosts for which `keep` says no. */
  forget(keep: (host: HostId) => boolean): void {
    for (const host of this.#bad.keys()) if (!keep(host)) this.#bad.delete(host);
  }
}

function keyOf({ component, sensor = '' }: HealthSignal): string {
  return `${component}\n${sensor}`;
}

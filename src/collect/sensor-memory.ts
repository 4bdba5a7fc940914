/**
 * Sensors that told of a fault and have fallen silent since. A broken disk takes its own exporter
 * down, a query is refused: that nobody complains any more does not make a host well. Such a
 * sensor is remembered for a day, or until it speaks again; then it was taken out, or repaired.
 */

import type { HealthComponent, HealthSignal } from '../domain/host.ts';
import { compareText, type HostId } from '../domain/ids.ts';
import type { EpochSeconds } from '../domain/units.ts';

const REMEMBER_SECONDS = 86_400;
/** Of a host and source; what is beyond is not remembered. */
const MOST_SENSORS = 64;

interface BadSensor {
  readonly component: HealthComponent;
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
      bad.set(keyOf(signal), { component: signal.component, at: now });
    }
    if (bad.size === 0) this.#bad.delete(host);
    else this.#bad.set(host, bad);
  }

  /** The components whose bad sensors are not among those that speak now, sorted. */
  silent(
    host: HostId,
    speaking: readonly HealthSignal[],
    now: EpochSeconds,
  ): readonly HealthComponent[] {
    const bad = this.#bad.get(host);
    if (bad === undefined) return [];
    const heard = new Set(speaking.map(keyOf));
    const silent = [...bad].filter(
      ([key, { at }]) => !heard.has(key) && now - at <= REMEMBER_SECONDS,
    );
    return [...new Set(silent.map(([, { component }]) => component))].sort(compareText);
  }

  /** Forgets the hosts for which `keep` says no. */
  forget(keep: (host: HostId) => boolean): void {
    for (const host of this.#bad.keys()) if (!keep(host)) this.#bad.delete(host);
  }
}

function keyOf({ component, sensor = '' }: HealthSignal): string {
  return `${component}\n${sensor}`;
}

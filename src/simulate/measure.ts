/**
 * What sensors and hypervisors of the simulated datacenter would measure at a moment: how the
 * guests share a host's CPU, what they get and what they miss (steal), temperatures, health. Pure
 * functions of what is told to them; corruption of samples comes last, as in reality.
 */

import { HEALTH_COMPONENTS, type HealthLevel, type HealthSignal } from '../domain/host.ts';
import type { Sample } from '../domain/measured.ts';
import type { HostMetric, VmMetric } from '../domain/metrics.ts';
import type { SourceId } from '../domain/ids.ts';
import { assertNever } from '../domain/result.ts';
import { epochSeconds, type EpochSeconds } from '../domain/units.ts';
import type { HostFacts } from '../ports/hypervisor.ts';
import type { Corruption, FaultOf } from './fault.ts';
import { chance } from './hash.ts';

/** What one guest wants and how it is held back, as shares and hardware threads of its host. */
export interface Wish {
  /** Threads that it would use if it were alone. */
  readonly threads: number;
  /** Part of that which a migration takes from it, 0..1. */
  readonly held: number;
}

export interface HostUse {
  /** Threads that each guest gets, in the order of the wishes. */
  readonly used: readonly number[];
  /** Threads that each guest was ready to use and did not get. */
  readonly steal: readonly number[];
  readonly busyThreads: number;
  /** What all of them want, over what there is: above 1 they wait. */
  readonly pressure: number;
}

/** Threads that the host's own system takes. */
const SYSTEM_THREADS = 0.6;

/** Divides the host's threads: everybody gets the same share of what it wants. */
export function shareCpu(
  host: HostFacts,
  wishes: readonly Wish[],
  migrationThreads: number,
): HostUse {
  const own = SYSTEM_THREADS + migrationThreads;
  const available = Math.max(0.1, host.cpu.threads - own);
  const wanted = wishes.reduce((sum, { threads, held }) => sum + threads * (1 - held), 0);
  const share = wanted > available ? available / wanted : 1;
  const used = wishes.map(({ threads, held }) => threads * (1 - held) * share);
  const steal = wishes.map(({ threads, held }) => threads * (1 - held) * (1 - share));
  const busy = Math.min(host.cpu.threads, own + used.reduce((sum, one) => sum + one, 0));
  return { used, steal, busyThreads: busy, pressure: (wanted + own) / host.cpu.threads };
}

/**
 * Share of time in which somebody waits for a CPU (PSI `some`). There is some waiting long before
 * the host is full: a random-arrival queue has none below half load and always some above it.
 */
export function cpuPressure(pressure: number): number {
  const over = Math.max(0, pressure - 0.6) / 0.7;
  return Math.min(0.98, over ** 2);
}

/** Degrees: an idle host, what full load adds, and the thresholds of its sensor. */
const IDLE_CELSIUS = 36;
const LOAD_CELSIUS = 32;
export const HOT_CELSIUS = 80;
export const CRITICAL_CELSIUS = 92;

export function temperatureOf(
  key: number,
  busyShare: number,
  heat: readonly { readonly fault: FaultOf<'overheat'>; readonly from: number }[],
  at: EpochSeconds,
): number {
  const noise = 2 * chance(key, 7, Math.floor(at / 30)) - 1;
  let celsius = IDLE_CELSIUS + LOAD_CELSIUS * busyShare + noise;
  for (const { fault, from } of heat) {
    const ramp = fault.rampSeconds > 0 ? Math.min(1, (at - from) / fault.rampSeconds) : 1;
    celsius += fault.celsius * ramp;
  }
  return celsius;
}

export function heatLevel(celsius: number): HealthLevel {
  if (celsius >= CRITICAL_CELSIUS) return 'critical';
  return celsius >= HOT_CELSIUS ? 'warning' : 'ok';
}

/** Watts: linear between idle and full, as a first approximation of every power model. */
export function wattsOf(host: HostFacts, busyShare: number): number | undefined {
  if (host.power === undefined) return undefined;
  return host.power.idle + (host.power.peak - host.power.idle) * busyShare;
}

export type HostValues = Readonly<Partial<Record<HostMetric, number>>>;
export type VmValues = Readonly<Partial<Record<VmMetric, number>>>;

/** What a host reports of its health, from its sensors and from the faults in force. */
export function healthOf(
  celsius: number,
  linkFactor: number,
  faults: readonly FaultOf<'health'>[],
  stamp: { readonly at: EpochSeconds; readonly source: SourceId },
): HealthSignal[] {
  const heat = heatLevel(celsius);
  const nic: HealthLevel = linkFactor >= 1 ? 'ok' : linkFactor > 0 ? 'warning' : 'critical';
  const signals: HealthSignal[] = [
    { component: 'temperature', level: heat, detail: `${celsius.toFixed(0)} °C`, ...stamp },
    {
      component: 'nic',
      level: nic,
      detail: nic === 'ok' ? 'link up' : `migration link at ${(100 * linkFactor).toFixed(0)} %`,
      ...stamp,
    },
  ];
  for (const component of HEALTH_COMPONENTS) {
    const isTold = component === 'temperature' || component === 'nic';
    if (!isTold && !faults.some((fault) => fault.component === component)) {
      signals.push({ component, level: 'ok', detail: 'no errors', ...stamp });
    }
  }
  for (const { component, level, detail } of faults) {
    signals.push({ component, level, detail, ...stamp });
  }
  return signals;
}

/** How old a stale sample is: older than any sensible age limit. */
const STALE_SECONDS = 3_600;

/** What a broken exporter makes of good samples. */
export function corrupt(
  samples: readonly Sample[],
  corruption: Exclude<Corruption, 'repeating'>,
): readonly Sample[] {
  switch (corruption) {
    case 'nan':
      return samples.map((sample) => ({ ...sample, value: NaN }));
    case 'negative':
      return samples.map((sample) => ({ ...sample, value: -1 - sample.value }));
    case 'absurd':
      return samples.map((sample) => ({ ...sample, value: 1e9 * (1 + sample.value) }));
    case 'stale':
      return samples.map((sample) => ({ ...sample, at: shifted(sample.at, -STALE_SECONDS) }));
    case 'absent':
      return [];
    default:
      return assertNever(corruption, 'corruption');
  }
}

/** The moment as a clock shows it that is off by `delta` seconds; there is none before 1970. */
export function shifted(at: EpochSeconds, delta: number): EpochSeconds {
  return epochSeconds(Math.max(0, at + delta));
}

/**
 * Statistics of one host and its guests as samples in the units of domain/metrics.ts. What libvirt
 * does not report is left out: a missing sample is not a zero.
 */

import type { DomainStats } from './calls/node.ts';
import type { LibvirtOptions } from './options.ts';
import { DIRTY_RATE_MEASURED, STATS } from './native/constants.ts';
import { numberIn, type TypedParams } from './native/typed-params.ts';
import type { Rates } from './rates.ts';
import { vmId, type HostId } from '../../src/domain/ids.ts';
import type { Entity, Sample } from '../../src/domain/measured.ts';
import type { HostMetric, VmMetric } from '../../src/domain/metrics.ts';
import { epochSeconds, MIB, type EpochSeconds } from '../../src/domain/units.ts';

export const METRIC_GROUPS =
  STATS.state |
  STATS.cpu |
  STATS.balloon |
  STATS.vcpu |
  STATS.interface |
  STATS.block |
  STATS.dirtyRate;

const NANOSECONDS = 1e9;

export interface RawReading {
  readonly host: HostId;
  readonly domains: readonly DomainStats[];
  /** CPU time of the machine by kind, nanoseconds. */
  readonly nodeCpu: Readonly<Record<string, number>>;
  /** Memory of the machine by kind, KiB. */
  readonly nodeMemory: Readonly<Record<string, number>>;
  /** What the host's own system is taken to use. */
  readonly reservedMemoryBytes: number;
  /** Wall clock, and a clock that never goes back, at the moment of the reading. */
  readonly at: EpochSeconds;
  readonly monotonicSeconds: number;
}

export class Sampler {
  readonly #rates: Rates;
  readonly #options: Pick<LibvirtOptions, 'cpuFrom' | 'memoryFrom'>;
  /** When the guest or libvirt last said something by itself, by guest and metric. */
  readonly #told = new Map<string, number>();

  constructor(rates: Rates, options: Pick<LibvirtOptions, 'cpuFrom' | 'memoryFrom'>) {
    this.#rates = rates;
    this.#options = options;
  }

  samples(reading: RawReading): Sample[] {
    const guests = reading.domains.flatMap((domain) => this.#guestSamples(reading, domain));
    const host: Entity = { kind: 'host', host: reading.host };
    const metrics: Partial<Record<HostMetric, number | undefined>> = {
      'cpu.used': this.#hostCpu(reading),
      'memory.used': this.#hostMemory(reading),
    };
    return [...toSamples(host, metrics, reading.at), ...guests];
  }

  #rate(reading: RawReading, counter: string, value: number | undefined): number | undefined {
    if (value === undefined) return undefined;
    return this.#rates.next(`${reading.host} ${counter}`, value, reading.monotonicSeconds);
  }

  #hostCpu(reading: RawReading): number | undefined {
    if (this.#options.cpuFrom === 'domains') {
      const rates = reading.domains.map(({ uuid, stats }) =>
        this.#rate(reading, `${uuid} host`, numberIn(stats, 'cpu.time')),
      );
      // A guest that was just found has no rate yet; without it the sum would be too low.
      return rates.includes(undefined) ? undefined : scaled(sum(rates), 1 / NANOSECONDS);
    }
    const { user, kernel } = reading.nodeCpu;
    if (user === undefined || kernel === undefined) return undefined;
    return scaled(this.#rate(reading, 'node', user + kernel), 1 / NANOSECONDS);
  }

  #hostMemory(reading: RawReading): number | undefined {
    if (this.#options.memoryFrom === 'domains') {
      const resident = reading.domains.map(({ stats }) => numberIn(stats, 'balloon.rss'));
      if (resident.includes(undefined)) return undefined;
      return reading.reservedMemoryBytes + sum(resident) * 1024;
    }
    const { total, free, buffers = 0, cached = 0 } = reading.nodeMemory;
    if (total === undefined || free === undefined) return undefined;
    return Math.max(0, total - free - buffers - cached) * 1024;
  }

  #guestSamples(reading: RawReading, { uuid, stats }: DomainStats): Sample[] {
    const vm: Entity = { kind: 'vm', vm: vmId(uuid) };
    const rate = (counter: string, value: number | undefined): number | undefined =>
      this.#rate(reading, `${uuid} ${counter}`, value);
    const vcpuTime = sumOf(stats, 'vcpu', ['time']) ?? numberIn(stats, 'cpu.time');
    const metrics: Partial<Record<VmMetric, number | undefined>> = {
      'cpu.used': scaled(rate('cpu', vcpuTime), 1 / NANOSECONDS),
      'cpu.steal': this.#waited(rate, stats),
      'network.used': rate('net', sumOf(stats, 'net', ['rx.bytes', 'tx.bytes'])),
      'disk.used': rate('block', sumOf(stats, 'block', ['rd.bytes', 'wr.bytes'])),
    };
    return [
      ...toSamples(vm, metrics, reading.at),
      ...[...balloonSamples(vm, stats), ...dirtySamples(vm, stats)].filter((sample) =>
        this.#isNews(`${uuid} ${sample.metric}`, sample.at),
      ),
    ];
  }

  /**
   * Time that a vCPU's thread waited for a processor. Of a host that shares its machine with others
   * it tells how busy the machine is, not how busy the host, and no move would shorten it.
   */
  #waited(
    rate: (counter: string, value: number | undefined) => number | undefined,
    stats: TypedParams,
  ): number | undefined {
    if (this.#options.cpuFrom === 'domains') return undefined;
    return scaled(rate('delay', sumOf(stats, 'vcpu', ['delay'])), 1 / NANOSECONDS);
  }

  /** Whether it was measured since the last poll: the same sample is not sent twice. */
  #isNews(key: string, at: EpochSeconds): boolean {
    if (this.#told.get(key) === at) return false;
    this.#told.set(key, at);
    return true;
  }
}

/** Sum of the named values over all members of a group; undefined where there is none. */
function sumOf(
  stats: TypedParams,
  group: 'vcpu' | 'net' | 'block',
  names: readonly string[],
): number | undefined {
  const count = numberIn(stats, group === 'vcpu' ? 'vcpu.maximum' : `${group}.count`) ?? 0;
  const values: number[] = [];
  for (let index = 0; index < count; index += 1) {
    for (const name of names) {
      const value = numberIn(stats, `${group}.${index}.${name}`);
      if (value !== undefined) values.push(value);
    }
  }
  return values.length === 0 ? undefined : sum(values);
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

/** The guest's own view of its memory, as its balloon driver last told it. */
function balloonSamples(entity: Entity, stats: TypedParams): Sample[] {
  const told = numberIn(stats, 'balloon.last-update') ?? 0;
  const available = numberIn(stats, 'balloon.available');
  const free = numberIn(stats, 'balloon.usable') ?? numberIn(stats, 'balloon.unused');
  if (told === 0 || available === undefined || free === undefined || free > available) return [];
  const metrics = { 'memory.used': (available - free) * 1024 };
  return toSamples(entity, metrics, epochSeconds(told));
}

function dirtySamples(entity: Entity, stats: TypedParams): Sample[] {
  const rate = numberIn(stats, 'dirtyrate.megabytes_per_second');
  const start = numberIn(stats, 'dirtyrate.calc_start_time');
  if (rate === undefined || start === undefined || rate < 0) return [];
  if (numberIn(stats, 'dirtyrate.calc_status') !== DIRTY_RATE_MEASURED) return [];
  const end = start + (numberIn(stats, 'dirtyrate.calc_period') ?? 0);
  return toSamples(entity, { 'memory.dirty': rate * MIB }, epochSeconds(end));
}

function toSamples(
  entity: Entity,
  metrics: Readonly<Record<string, number | undefined>>,
  at: EpochSeconds,
): Sample[] {
  return Object.entries(metrics).flatMap(([metric, value]) =>
    value === undefined ? [] : [{ entity, metric, value, at }],
  );
}

/**
 * What one source has reported: a row of series per host and per VM, and its health signals. Each
 * source has its own, so that two sources that report the same metric are never mixed within one
 * window. Rows of hosts and VMs that left the inventory are forgotten.
 */

import {
  HEALTH_LEVELS,
  type HealthComponent,
  type HealthSignal,
  type SilentSensor,
} from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { Sample } from '../domain/measured.ts';
import { HOST_METRICS, type MetricInfo, VM_METRICS } from '../domain/metrics.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { HostFacts, VmFacts } from '../ports/hypervisor.ts';
import type { HostHealth } from '../ports/metric-source.ts';
import type { Directory } from './fleet.ts';
import { boundOf, judgeTime, judgeValue, type Rejection } from './judge-sample.ts';
import { SensorMemory } from './sensor-memory.ts';
import type { SeriesId, SeriesStore } from './series-store.ts';
import type { CollectorSettings } from './settings.ts';

/** The metrics of hosts and of VMs by name, in the order of a row's series. */
export const METRICS = {
  host: indexed(HOST_METRICS),
  vm: indexed(VM_METRICS),
} as const;

interface MetricColumn {
  readonly column: number;
  readonly info: MetricInfo;
}

function indexed(table: Readonly<Record<string, MetricInfo>>): ReadonlyMap<string, MetricColumn> {
  return new Map(Object.entries(table).map(([name, info], column) => [name, { column, info }]));
}

/** No series yet. */
const NONE = -1;

/** A host has at most this many signals per source; of more those that tell of faults are kept. */
const MAX_SIGNALS = 64;
/** So many of one reading are looked at; the rest is dropped. */
const MAX_HEARD = 1024;

export interface Rejections {
  readonly counts: Partial<Record<Rejection, number>>;
  /** The first of them, for people; empty when there was none. */
  example: string;
}

export interface TakeContext {
  readonly directory: Directory;
  readonly now: EpochSeconds;
}

/** Samples between two looks at the time. */
const SLICE = 2000;

export class SourceTable {
  readonly #store: SeriesStore;
  readonly #settings: CollectorSettings;
  readonly #hosts = new Map<HostId, Int32Array>();
  readonly #vms = new Map<VmId, Int32Array>();
  #health = new Map<HostId, readonly HealthSignal[]>();
  readonly #sensors = new SensorMemory();

  constructor(store: SeriesStore, settings: CollectorSettings) {
    this.#store = store;
    this.#settings = settings;
  }

  /** Takes in what is plausible; returns what is not, undefined when everything was. */
  take(samples: readonly Sample[], context: TakeContext): Rejections | undefined {
    return inOneGo(this.takeInSlices(samples, context));
  }

  *takeInSlices(samples: readonly Sample[], context: TakeContext): Slices<Rejections | undefined> {
    const rejected: Rejections = { counts: {}, example: '' };
    for (const [index, sample] of samples.entries()) {
      if (index % SLICE === SLICE - 1) yield;
      const reason = this.#takeOne(sample, context);
      if (reason === undefined) continue;
      rejected.counts[reason] = (rejected.counts[reason] ?? 0) + 1;
      if (rejected.example === '') rejected.example = describe(sample, reason);
    }
    return rejected.example === '' ? undefined : rejected;
  }

  /** Replaces all signals: each reading of a source is complete. */
  takeHealth(health: readonly HostHealth[], { directory, now }: TakeContext): void {
    const signals = new Map<HostId, HealthSignal[]>();
    for (const entry of health) {
      const host = directory.findHost(entry.host);
      if (host === undefined) continue;
      const list = signals.get(host.id) ?? [];
      for (const signal of entry.signals) {
        if (list.length < MAX_HEARD) list.push(signal);
      }
      signals.set(host.id, list);
    }
    for (const [host, list] of signals) {
      this.#sensors.note(host, list, now);
      if (list.length > MAX_SIGNALS) signals.set(host, mostTelling(list));
    }
    this.#health = signals;
  }

  health(host: HostId): readonly HealthSignal[] {
    return this.#health.get(host) ?? [];
  }

  /** `speaking`: what of the host's signals is not too old. */
  silentSensors(
    host: HostId,
    speaking: readonly HealthSignal[],
    now: EpochSeconds,
  ): readonly SilentSensor[] {
    return this.#sensors.silent(host, speaking, now);
  }

  hostSeries(host: HostId, column: number): SeriesId | undefined {
    return seriesAt(this.#hosts.get(host), column);
  }

  vmSeries(vm: VmId, column: number): SeriesId | undefined {
    return seriesAt(this.#vms.get(vm), column);
  }

  /** Drops the rows for which `keep` says no. */
  forget(keep: (id: HostId | VmId) => boolean): void {
    for (const rows of [this.#hosts, this.#vms]) {
      for (const [id, row] of rows) {
        if (keep(id)) continue;
        for (const series of row) if (series !== NONE) this.#store.close(series);
        rows.delete(id as HostId & VmId); // the key came out of this very map
      }
    }
    for (const id of this.#health.keys()) if (!keep(id)) this.#health.delete(id);
    this.#sensors.forget(keep);
  }

  #takeOne(sample: Sample, context: TakeContext): Rejection | undefined {
    const metric = METRICS[sample.entity.kind].get(sample.metric);
    if (metric === undefined) return 'unknown-metric';
    const entity = findEntity(sample, context.directory);
    if (entity === undefined) return 'unknown-entity';
    const series = this.#seriesFor(sample.entity.kind, entity, metric.column);
    if (series === undefined) return 'too-many-series';

    const { now } = context;
    const time = judgeTime(sample.at, this.#store.newestAt(series), now, this.#settings);
    if (time === 'repeat') {
      return this.#struckOut(series) ? 'repeating' : undefined;
    }
    const bound = boundOf(metric.info, entity);
    const value = judgeValue(sample.value, bound, this.#settings.capacityTolerance);
    if (typeof value === 'string') {
      this.#store.markSuspect(series);
      return time ?? value;
    }
    if (time !== undefined) {
      this.#store.markSuspect(series);
      // A clock that stays back was set, and has to be believed some time: the series starts over.
      if (time !== 'backwards' || !this.#struckOut(series)) return time;
      this.#store.clear(series);
      this.#store.push(series, sample.at, value);
      return time;
    }
    this.#store.push(series, sample.at, value);
    return sample.at < now - this.#settings.maxAgeSeconds ? 'stale' : undefined;
  }

  /** One more poll without a newer time stamp; true when it was one too many. */
  #struckOut(series: SeriesId): boolean {
    this.#store.strike(series);
    return this.#store.strikes(series) >= this.#settings.repeatLimit;
  }

  #seriesFor(
    kind: 'host' | 'vm',
    entity: HostFacts | VmFacts,
    column: number,
  ): SeriesId | undefined {
    // The kind decides which id it is; the union of the two facts does not carry it.
    const row =
      kind === 'host'
        ? rowOf(this.#hosts, entity.id as HostId, METRICS.host.size)
        : rowOf(this.#vms, entity.id as VmId, METRICS.vm.size);
    const existing = seriesAt(row, column);
    if (existing !== undefined) return existing;
    const series = this.#store.open();
    if (series !== undefined) row[column] = series;
    return series;
  }
}

/** Faults first, then one of each component, so that of none nothing is told. */
function mostTelling(signals: readonly HealthSignal[]): HealthSignal[] {
  const components = new Set<HealthComponent>();
  const firsts = new Set<HealthSignal>();
  for (const signal of signals) {
    if (!components.has(signal.component)) firsts.add(signal);
    components.add(signal.component);
  }
  const rank = (signal: HealthSignal): number =>
    2 * HEALTH_LEVELS.indexOf(signal.level) + (firsts.has(signal) ? 1 : 0);
  return signals.toSorted((a, b) => rank(b) - rank(a)).slice(0, MAX_SIGNALS);
}

function findEntity(sample: Sample, directory: Directory): HostFacts | VmFacts | undefined {
  return sample.entity.kind === 'host'
    ? directory.findHost(sample.entity.host)
    : directory.findVm(sample.entity.vm);
}

function rowOf<Id>(rows: Map<Id, Int32Array>, id: Id, columns: number): Int32Array {
  const existing = rows.get(id);
  if (existing !== undefined) return existing;
  const row = new Int32Array(columns).fill(NONE);
  rows.set(id, row);
  return row;
}

function seriesAt(row: Int32Array | undefined, column: number): SeriesId | undefined {
  const series = row?.[column];
  return series === undefined || series === NONE ? undefined : series;
}

function describe(sample: Sample, reason: Rejection): string {
  const { entity } = sample;
  const name = entity.kind === 'host' ? `host ${entity.host}` : `VM ${entity.vm}`;
  return `${name}: ${sample.metric} = ${sample.value} at ${sample.at}: ${reason}`;
}

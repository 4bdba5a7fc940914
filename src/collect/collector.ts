/**
 * Polls all sources and keeps what they said; `snapshot` is a pure view of it. Data that is late,
 * wrong or absent becomes *missing* in the snapshot and an event, never zero and never an
 * exception. Memory is bounded by the inventory, the window and `maxSeries`. Decides nothing:
 * criticality, permission and placement come from the policies (rules/classify).
 */

import type { Host } from '../domain/host.ts';
import { compareText, type HostId, type VmId } from '../domain/ids.ts';
import { inOneGo, inSlices, mapInSlices, type Pause, type Slices } from '../domain/slices.ts';
import type { SourceStatus } from '../domain/measured.ts';
import { indexInSlices } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { Turns } from '../domain/turns.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import { WindowRows } from '../domain/window-rows.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { HostFacts, Hypervisor, Inventory, VmFacts } from '../ports/hypervisor.ts';
import type { MetricSource, Reading } from '../ports/metric-source.ts';
import { type SeriesReader, windowsOf } from './entity-windows.ts';
import {
  directoryOf,
  type Fleet,
  type Inventories,
  type MergedFleet,
  mergeInSlices,
  type SourceInventory,
} from './fleet.ts';
import { GuestWatch, isOfGuests, presentUse } from './guests.ts';
import { healthOf } from './host-health.ts';
import { LossWatch } from './lost-guests.ts';
import { type Scratch, type SeriesId, SeriesStore } from './series-store.ts';
import { type CollectorSettings, samplesPerSeries } from './settings.ts';
import { askedAtOf, type PolledSource, statusOf } from './polled-source.ts';
import type { SnapshotContext } from './snapshot-context.ts';
import { SourcePoll } from './source-poll.ts';
import { METRICS, SourceTable } from './source-table.ts';
import type { WindowInput } from './window.ts';

export interface CollectorOptions {
  /** In the order of preference: where two report the same, the first that answers is used. */
  readonly hypervisors: readonly Pick<Hypervisor, 'source' | 'inventory' | 'read'>[];
  readonly metricSources: readonly Pick<MetricSource, 'source' | 'read'>[];
  readonly clock: Clock;
  readonly events: EventSink;
  readonly settings: CollectorSettings;
  /** Undefined: everything in one go. */
  readonly pause?: Pause | undefined;
}

/** Hosts, VMs or samples between two looks at the time. */
const SLICE = 500;

/** More warnings of one kind than this in one poll help nobody. */
const MAX_WARNINGS = 20;

const CPU_COLUMN = {
  host: METRICS.host.get('cpu.used')?.column ?? Number.NaN,
  vm: METRICS.vm.get('cpu.used')?.column ?? Number.NaN,
};

export class Collector {
  readonly #sources: readonly PolledSource[];
  readonly #store: SeriesStore;
  readonly #scratch: Scratch;
  readonly #clock: Clock;
  readonly #events: EventSink;
  readonly #settings: CollectorSettings;
  /** When a host or VM was last in the inventory, for those that are not any more. */
  readonly #absentSince = new Map<HostId | VmId, EpochSeconds>();
  readonly #guests = new GuestWatch();
  /** Of the inventories there are; undefined: nobody has asked yet. */
  #fleet: MergedFleet | undefined;
  #conflicts: ReadonlySet<string> = new Set();
  /** What is taken in and what is told in slices do not mix. */
  readonly #turns = new Turns();
  readonly #pause: Pause | undefined;

  constructor(options: CollectorOptions) {
    this.#pause = options.pause;
    this.#clock = options.clock;
    this.#events = options.events;
    this.#settings = options.settings;
    this.#store = new SeriesStore(samplesPerSeries(options.settings), options.settings.maxSeries);
    this.#scratch = this.#store.scratch();
    this.#sources = [
      ...options.hypervisors.map((hypervisor) =>
        this.#polled(hypervisor, (signal) => hypervisor.inventory(signal)),
      ),
      ...options.metricSources.map((source) => this.#polled(source, undefined)),
    ];
  }

  /** Series in use and bytes allocated for samples. */
  get size(): { readonly series: number; readonly bytes: number } {
    return { series: this.#store.size, bytes: this.#store.bytes };
  }

  /**
   * One poll of all sources, concurrently. Resolves when each has answered or run into its
   * time-out; never rejects. What one source answered counts at once, however long others take.
   */
  async poll(signal?: AbortSignal): Promise<void> {
    const hypervisors: Promise<void>[] = [];
    const others: Promise<void>[] = [];
    for (const source of this.#sources) {
      if (source.inventoryPoll !== undefined) {
        hypervisors.push(this.#pollHypervisor(source, source.inventoryPoll, signal));
      }
    }
    const inventories = Promise.all(hypervisors);
    for (const source of this.#sources) {
      if (source.inventoryPoll === undefined) {
        others.push(this.#pollMetrics(source, inventories, signal));
      }
    }
    await Promise.all([inventories, ...others]);
    await this.#inTurn(this.#lookOver());
  }

  *#lookOver(): Slices<void> {
    yield* this.#watchGuests();
    this.#reportConflicts();
    yield;
    yield* this.#forget();
    this.#announce();
  }

  #inTurn<Value>(work: Slices<Value>): Promise<Value> {
    return this.#turns.take(() => inSlices(work, this.#pause));
  }

  statuses(): SourceStatus[] {
    return this.#sources
      .map((source) => statusOf(source))
      .sort((a, b) => compareText(a.source, b.source));
  }

  /** What is known now. Hosts of a source that is down are in it, disconnected. */
  snapshot(context: SnapshotContext): Snapshot {
    return inOneGo(this.#snapshot(context));
  }

  /** The same, with pauses; as of the moment at which its turn comes. */
  snapshotInSlices(context: SnapshotContext): Promise<Snapshot> {
    return this.#inTurn(this.#snapshot(context));
  }

  *#snapshot(context: SnapshotContext): Slices<Snapshot> {
    const fleet = this.#merged();
    const now = this.#clock.now();
    const lastMoved = [...context.lastMovedAt].sort(([a], [b]) => compareText(a, b));
    const down = new Set<PolledSource>();
    for (const source of this.#sources) {
      if (source.metricPoll.status().state === 'down') down.add(source);
    }
    const input = (source: PolledSource): WindowInput => ({
      store: this.#store,
      scratch: this.#scratch,
      settings: this.#settings,
      now,
      sourceDown: down.has(source),
    });
    const readers = this.#sources.map((source) => ({ source, input: input(source) }));
    const { maxAgeSeconds } = this.#settings;
    const hearing = { sources: this.#sources, now, maxAgeSeconds };
    yield;
    const rows = new WindowRows();
    const vms = yield* mapInSlices(fleet.vms, SLICE, (vm) => this.#vm(vm, readers, rows));
    const guests = yield* indexInSlices(vms);
    const hosts = yield* mapInSlices(fleet.hosts, SLICE / 10, (host) => ({
      ...host,
      state: context.hostStates.get(host.id) ?? 'healthy',
      metrics: this.#hostMetrics(host, guests.on(host.id), readers),
      ...healthOf(host.id, hearing),
      alerts: context.alerts.get(host.id) ?? [],
    }));
    return {
      takenAt: now,
      hosts,
      vms,
      ...(fleet.storages.length > 0 && { storages: fleet.storages }),
      placement: [],
      inFlight: context.inFlight,
      reservations: context.reservations,
      lastMovedAt: Object.fromEntries(lastMoved) as Record<VmId, EpochSeconds>, // typed by entries
      ...(context.recentMoves !== undefined && { recentMoves: context.recentMoves }),
      ...(context.breakers !== undefined && { breakers: context.breakers }),
      sources: this.statuses(),
      askedAt: askedAtOf(this.#sources),
    };
  }

  #polled(
    source: Pick<MetricSource, 'source' | 'read'>,
    inventory: ((signal: AbortSignal) => Promise<Inventory>) | undefined,
  ): PolledSource {
    const poll = <Answer>(ask: (signal: AbortSignal) => Promise<Answer>): SourcePoll<Answer> =>
      new SourcePoll(ask, this.#clock, this.#settings);
    return {
      source: source.source,
      inventoryPoll: inventory === undefined ? undefined : poll(inventory),
      metricPoll: poll((signal) => source.read(signal)),
      table: new SourceTable(this.#store, this.#settings),
      inventory: undefined,
      losses: new LossWatch(),
      askedAt: undefined,
      directory: undefined,
      healthAt: undefined,
      problems: new Set(),
      announced: undefined,
    };
  }

  async #pollHypervisor(
    source: PolledSource,
    inventoryPoll: SourcePoll<Inventory>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Asked at the same time; the inventory is taken in first, as the samples are about it.
    const askedAt = this.#clock.monotonic();
    const reading = source.metricPoll.poll(signal);
    const inventory = await inventoryPoll.poll(signal);
    if (inventory !== undefined) {
      await this.#inTurn(this.#setInventory(source, inventory, askedAt));
    }
    await this.#inTurn(this.#take(source, await reading));
  }

  async #pollMetrics(
    source: PolledSource,
    inventories: Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const reading = await source.metricPoll.poll(signal);
    // The very first time there is no fleet yet that the samples could be about.
    if (this.#merged().hosts.length === 0) await inventories;
    await this.#inTurn(this.#take(source, reading));
  }

  *#setInventory(source: PolledSource, told: Inventory, askedAt: Seconds): Slices<void> {
    const before = source.inventory?.problems ?? [];
    const { inventory, doubts } = yield* source.losses.judge(source.inventory, told);
    const directory = yield* directoryOf(inventory);
    this.#warn(source, new Set(), doubts);
    source.inventory = inventory;
    // What is kept from before may have been moved since it was asked for.
    if (doubts.length === 0) source.askedAt = askedAt;
    source.directory = directory;
    yield;
    this.#fleet = yield* mergeInSlices(this.#inventories());
    this.#warn(source, new Set(before), inventory.problems);
  }

  /** As of now: a source that fell silent since the last poll counts as down. */
  #merged(): Fleet {
    const now = this.#inventories();
    if (this.#fleet?.down !== now.down) this.#fleet = inOneGo(mergeInSlices(now));
    return this.#fleet.fleet;
  }

  #inventories(): Inventories {
    const inventories: SourceInventory[] = [];
    let down = '';
    for (const { source, inventory, inventoryPoll } of this.#sources) {
      if (inventory === undefined || inventoryPoll === undefined) continue;
      const isDown = inventoryPoll.status().state === 'down';
      inventories.push({ source, inventory, down: isDown });
      down += isDown ? 'd' : 'u';
    }
    return { inventories, down };
  }

  *#take(source: PolledSource, reading: Reading | undefined): Slices<void> {
    if (reading === undefined) return;
    const now = this.#clock.now();
    const directory = source.directory ?? this.#merged();
    const rejected = yield* source.table.takeInSlices(reading.samples, { directory, now });
    source.table.takeHealth(reading.health, { directory, now });
    const problems = source.problems;
    source.healthAt = now;
    source.problems = new Set(reading.problems);
    this.#warn(source, problems, reading.problems);
    if (rejected !== undefined) {
      this.#events.emit('samples-rejected', { source: source.source, ...rejected });
    }
  }

  /** Announces the problems that are new since the last time. */
  #warn(source: PolledSource, before: ReadonlySet<string>, problems: readonly string[]): void {
    const fresh = problems.filter((problem) => !before.has(problem)).slice(0, MAX_WARNINGS);
    for (const text of fresh) {
      const key = `source:${source.source}:${text}`;
      this.#events.emit('warning', { key, text: `${source.source}: ${text}` });
    }
  }

  #reportConflicts(): void {
    const { conflicts } = this.#merged();
    const fresh = conflicts.filter((conflict) => !this.#conflicts.has(conflict.key));
    for (const conflict of fresh.slice(0, MAX_WARNINGS)) this.#events.emit('warning', conflict);
    this.#conflicts = new Set(conflicts.map((conflict) => conflict.key));
  }

  #announce(): void {
    for (const source of this.#sources) {
      const status = statusOf(source);
      if (status.state === source.announced) continue;
      source.announced = status.state;
      this.#events.emit('source', status);
    }
  }

  /**
   * Forgets what has been out of the inventory for a whole window. Not at once: a VM in the middle
   * of a migration may be invisible for a moment, and its history is worth keeping.
   */
  *#forget(): Slices<void> {
    const now = this.#clock.now();
    const present = new Set<HostId | VmId>();
    const fleet = this.#merged();
    for (const host of fleet.hosts) present.add(host.id);
    for (const vm of fleet.vms) present.add(vm.id);
    for (const id of present) this.#absentSince.delete(id);
    const keep = (id: HostId | VmId): boolean => {
      if (present.has(id)) return true;
      const since = this.#absentSince.get(id) ?? now;
      this.#absentSince.set(id, since);
      return now - since < this.#settings.windowSeconds;
    };
    yield;
    for (const { table } of this.#sources) {
      table.forget(keep);
      yield;
    }
    for (const [id, since] of this.#absentSince) {
      if (now - since >= this.#settings.windowSeconds) this.#absentSince.delete(id);
    }
  }

  *#watchGuests(): Slices<void> {
    const now = this.#clock.now();
    const newest = (seriesOf: (table: SourceTable) => SeriesId | undefined) => {
      for (const { table } of this.#sources) {
        const series = seriesOf(table);
        if (series === undefined || this.#store.suspect(series)) continue;
        const age = now - this.#store.newestAt(series);
        if (age <= this.#settings.maxAgeSeconds) return this.#store.newestValue(series);
      }
      return undefined;
    };
    const { hosts, vms } = this.#merged();
    yield;
    yield* this.#guests.observeInSlices(hosts, vms, now, {
      ofHost: (id) => newest((table) => table.hostSeries(id, CPU_COLUMN.host)),
      ofVm: (id) => newest((table) => table.vmSeries(id, CPU_COLUMN.vm)),
    });
  }

  #hostMetrics(
    host: HostFacts,
    guests: readonly Vm[],
    readers: readonly Reader[],
  ): Host['metrics'] {
    const since = this.#guests.changedAt(host.id);
    const metrics: Host['metrics'] = windowsOf(METRICS.host, host.source, readers, {
      seriesOf: (table, column) => table.hostSeries(host.id, column),
      changedAt: (metric) => (isOfGuests(metric) ? since : undefined),
    });
    const used = metrics['cpu.used'];
    const isOver = since === undefined || this.#clock.now() - since > this.#settings.windowSeconds;
    if (isOver || used === undefined) return metrics;
    const age = used.last.kind === 'known' ? used.last.ageSeconds : 0;
    const isStraddling = this.#clock.now() - age <= since;
    const before = isStraddling ? this.#guests.beside(host.id) : undefined;
    return { ...metrics, 'cpu.used': presentUse(used, host, guests, before) };
  }

  #vm(vm: VmFacts, readers: readonly Reader[], rows: WindowRows): Vm {
    const metrics = windowsOf(METRICS.vm, vm.source, readers, {
      seriesOf: (table, column) => table.vmSeries(vm.id, column),
      changedAt: () => undefined,
    });
    return { ...vm, criticality: 'standard', permission: 'live', metrics: rows.add(metrics) };
  }
}

interface Reader extends SeriesReader {
  readonly source: PolledSource;
}

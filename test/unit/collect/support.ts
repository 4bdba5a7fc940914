// Role: sources that say what a test tells them to, and a sink that remembers the events.
import {
  DEFAULT_COLLECTOR_SETTINGS,
  type CollectorSettings,
} from '../../../src/collect/settings.ts';
import type { EventMap, EventName } from '../../../src/domain/events.ts';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { Sample } from '../../../src/domain/measured.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import type { EventSink } from '../../../src/ports/events.ts';
import type { HostFacts, Inventory, VmFacts } from '../../../src/ports/hypervisor.ts';
import type { Reading } from '../../../src/ports/metric-source.ts';
import { Collector } from '../../../src/collect/collector.ts';
import type { SnapshotContext } from '../../../src/collect/snapshot-context.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { aHost, aVm, type HostOptions, type VmOptions } from '../../support/fleet.ts';

export const NO_CONTEXT: SnapshotContext = {
  hostStates: new Map(),
  alerts: new Map(),
  inFlight: [],
  reservations: [],
  lastMovedAt: new Map(),
};

export const SETTINGS: CollectorSettings = {
  ...DEFAULT_COLLECTOR_SETTINGS,
  pollSeconds: seconds(60),
  windowSeconds: seconds(600),
};

export function hostFacts(options: HostOptions = {}): HostFacts {
  const {
    state: _state,
    metrics: _metrics,
    health: _health,
    alerts: _alerts,
    ...facts
  } = aHost(options);
  return facts;
}

export function vmFacts(options: VmOptions = {}): VmFacts {
  const { metrics: _metrics, criticality: _c, permission: _p, ...facts } = aVm(options);
  return facts;
}

export function anInventory(options: Partial<Inventory> = {}): Inventory {
  return { hosts: [hostFacts()], vms: [], storages: [], networks: [], problems: [], ...options };
}

export function aReading(samples: readonly Sample[] = [], rest: Partial<Reading> = {}): Reading {
  return { samples, health: [], problems: [], ...rest };
}

export function hostSample(host: string, metric: string, value: number, at: number): Sample {
  return { entity: { kind: 'host', host: hostId(host) }, metric, value, at: at as never };
}

export function vmSample(vm: string, metric: string, value: number, at: number): Sample {
  return { entity: { kind: 'vm', vm: vmId(vm) }, metric, value, at: epochSeconds(at) };
}

/** Answers what its fields say at the moment; a function in a field is called. */
export class ScriptedSource {
  readonly source;
  inventoryCalls = 0;
  readCalls = 0;
  onInventory: (signal: AbortSignal) => Promise<Inventory> = async () => anInventory();
  onRead: (signal: AbortSignal) => Promise<Reading> = async () => aReading();

  constructor(name: string) {
    this.source = sourceId(name);
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    this.inventoryCalls += 1;
    return this.onInventory(signal);
  }

  read(signal: AbortSignal): Promise<Reading> {
    this.readCalls += 1;
    return this.onRead(signal);
  }
}

type Recorded = { [Name in EventName]: { name: Name; event: EventMap[Name] } }[EventName];

export class RecordingSink implements EventSink {
  readonly all: Recorded[] = [];

  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    this.all.push({ name, event } as Recorded);
  }

  of<Name extends EventName>(name: Name): EventMap[Name][] {
    return this.all.filter((entry) => entry.name === name).map((entry) => entry.event as never);
  }
}

export function never<Value>(): Promise<Value> {
  return new Promise(() => {});
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const START = 1_800_000_000;

export function clockAtStart(): ManualClock {
  return manualClock(START);
}

export function setUp(options: {
  hypervisors: ScriptedSource[];
  metricSources?: ScriptedSource[];
  settings?: Partial<CollectorSettings>;
  /** Where the sources need it, too. */
  clock?: ManualClock;
}) {
  const { clock = clockAtStart() } = options;
  const events = new RecordingSink();
  const collector = new Collector({
    hypervisors: options.hypervisors,
    metricSources: options.metricSources ?? [],
    clock,
    events,
    settings: { ...SETTINGS, ...options.settings },
  });
  return { clock, events, collector };
}

/** A source that reports CPU 4 of host h1 as of now. */
export function steady(clock: ManualClock, name = 'lab'): ScriptedSource {
  const source = new ScriptedSource(name);
  source.onRead = async () => aReading([hostSample('h1', 'cpu.used', 4, clock.now())]);
  return source;
}

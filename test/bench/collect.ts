// Role: what collecting costs: CPU per poll and per snapshot, bytes per series, for a fleet of the
// given size in which every host and VM reports every metric. Times are CPU times of the process.
import { Collector } from '../../src/collect/collector.ts';
import { DEFAULT_COLLECTOR_SETTINGS } from '../../src/collect/settings.ts';
import { sourceId } from '../../src/domain/ids.ts';
import type { Sample } from '../../src/domain/measured.ts';
import { HOST_METRICS, VM_METRICS } from '../../src/domain/metrics.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import type { Inventory } from '../../src/ports/hypervisor.ts';
import { aHost, aVm } from '../support/fleet.ts';

const START = 1_800_000_000;

export interface CollectBench {
  readonly hosts: number;
  readonly vms: number;
  readonly polls: number;
}

export async function benchCollect(options: CollectBench): Promise<Record<string, number>> {
  const settings = { ...DEFAULT_COLLECTOR_SETTINGS, pollSeconds: seconds(60) };
  let now = START;
  const clock = {
    now: () => epochSeconds(now),
    monotonic: () => seconds(now - START),
    sleep: () => new Promise<void>(() => {}),
  };
  const inventory = makeInventory(options);
  // Made before the clock is looked at: that is the adapter's work, not the collector's.
  let samples: Sample[] = [];
  const collector = new Collector({
    hypervisors: [
      {
        source: sourceId('bench'),
        inventory: async () => inventory,
        read: async () => ({ samples, health: [], problems: [] }),
      },
    ],
    metricSources: [],
    clock,
    events: { emit: () => undefined },
    settings,
  });
  const context = {
    hostStates: new Map(),
    alerts: new Map(),
    inFlight: [],
    reservations: [],
    lastMovedAt: new Map(),
  };
  let pollCpu = 0;
  let snapshotCpu = 0;
  for (let poll = 0; poll < options.polls; poll += 1) {
    now += 60;
    samples = makeSamples(inventory, now, poll);
    pollCpu += await cpuMs(() => collector.poll());
    snapshotCpu += await cpuMs(async () => void collector.snapshot(context));
  }
  const { series, bytes } = collector.size;
  return {
    hosts: options.hosts,
    vms: options.vms,
    series,
    pollCpuMs: round(pollCpu / options.polls),
    snapshotCpuMs: round(snapshotCpu / options.polls),
    bytesPerSeries: Math.round(bytes / series),
    sampleMemoryMib: round(bytes / 2 ** 20),
    rssMib: Math.round(process.memoryUsage().rss / 2 ** 20),
  };
}

/** CPU time of the process while `work` runs, in milliseconds. */
async function cpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function makeInventory({ hosts, vms }: CollectBench): Inventory {
  return {
    hosts: Array.from({ length: hosts }, (_, index) => aHost({ id: `host-${index}` })),
    vms: Array.from({ length: vms }, (_, index) =>
      aVm({ id: `vm-${index}`, host: `host-${index % hosts}` }),
    ),
    storages: [],
    networks: [],
    problems: [],
  };
}

function makeSamples(inventory: Inventory, at: number, poll: number): Sample[] {
  const samples: Sample[] = [];
  const stamp = epochSeconds(at);
  for (const [index, { id }] of inventory.hosts.entries()) {
    for (const metric of Object.keys(HOST_METRICS)) {
      const value = ((index + poll) % 10) / 10;
      samples.push({ entity: { kind: 'host', host: id }, metric, value, at: stamp });
    }
  }
  for (const [index, { id }] of inventory.vms.entries()) {
    for (const metric of Object.keys(VM_METRICS)) {
      const value = ((index + poll) % 20) / 10;
      samples.push({ entity: { kind: 'vm', vm: id }, metric, value, at: stamp });
    }
  }
  return samples;
}

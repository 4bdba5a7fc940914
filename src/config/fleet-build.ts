/**
 * The entries of a fleet file → the Snapshot that they describe. What is not said is taken from
 * `defaults`, or is unknown; every assumption becomes a note. Nothing here can fail: references
 * have been checked before.
 */

import type { GuestCpu, HostCpu } from '../domain/cpu.ts';
import type { HostFailure } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import { type SourceId, compareText, sourceId } from '../domain/ids.ts';
import { type MetricWindow, heldWindow } from '../domain/measured.ts';
import type { VmMetric } from '../domain/metrics.ts';
import type { Order } from '../domain/order.ts';
import { PLACEMENT_FORM } from '../domain/placement-form.ts';
import type { PlacementRule } from '../domain/placement.ts';
import { assertNever } from '../domain/result.ts';
import type { RecentMove } from '../domain/recent-move.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import {
  type EpochSeconds,
  bytes,
  bytesPerSecond,
  epochSeconds,
  ratio,
  seconds,
} from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import type { CpuDefaults, FleetEntries, HostEntry, RuleEntry, VmEntry } from './fleet-schema.ts';
import { orderOf } from './fleet-orders.ts';
import { type Measure, windowOf } from './measure.ts';

export interface Fleet {
  readonly snapshot: Snapshot;
  /** What was assumed or is not known, one sentence each. */
  readonly notes: readonly string[];
  /** Open orders of the file, to be given to the rules. */
  readonly orders: readonly Order[];
}

/** 10 Gbit/s: what a migration link is taken to carry where the file does not say. */
const USUAL_BANDWIDTH = bytesPerSecond(1.25e9);
const USUAL_SOURCE = sourceId('fleet');

export function buildFleet(entries: FleetEntries, assumeHeld: boolean): Fleet {
  const takenAt = entries.takenAt ?? epochSeconds(0);
  const bare = entries.hosts.map((entry) => hostOf(entry, entries, assumeHeld));
  const byId = new Map(bare.map((host) => [host.id, host]));
  const vms = entries.vms
    .map((entry) => vmOf(entry, byId.get(entry.host), entries.defaults?.cpu, assumeHeld))
    .sort((a, b) => compareText(a.id, b.id));
  const derived = new Set(
    entries.hosts
      .filter((entry) => entry.metrics === undefined && entry.cpuUsed === undefined)
      .map((entry) => entry.id),
  );
  const loads = loadsOf(vms);
  const hosts = bare
    .map((host) => (derived.has(host.id) ? withLoad(host, loads.get(host.id), assumeHeld) : host))
    .sort((a, b) => compareText(a.id, b.id));
  const { inFlight = [], reservations = [], recentMoves, breakers, sources } = entries;
  return {
    snapshot: {
      takenAt,
      hosts,
      vms,
      ...(entries.storages !== undefined && {
        storages: entries.storages.toSorted((a, b) => compareText(a.id, b.id)),
      }),
      placement: (entries.placement?.rules ?? []).map(ruleOf),
      inFlight,
      reservations,
      lastMovedAt: entries.lastMovedAt ?? {},
      ...(recentMoves !== undefined && { recentMoves: recentMoves.map(recentMoveOf) }),
      ...(breakers !== undefined && { breakers }),
      sources: sources?.map(sourceOf) ?? sourcesOf(hosts, takenAt),
    },
    notes: notesOf(entries, { hosts, vms, derived: derived.size }, assumeHeld),
    orders: (entries.orders ?? []).map((order, i) => orderOf(order, i, { takenAt, vms })),
  };
}

function recentMoveOf({
  arrivedAt,
  ...move
}: NonNullable<FleetEntries['recentMoves']>[number]): RecentMove {
  return { ...move, arrivedAt };
}

function hostOf(entry: HostEntry, { defaults }: FleetEntries, assumeHeld: boolean): Host {
  const { cpuUsed, memoryUsed, memory } = entry;
  const short = { 'cpu.used': cpuUsed, 'memory.used': memoryUsed };
  return {
    id: entry.id,
    name: entry.name ?? entry.id,
    source: entry.source ?? USUAL_SOURCE,
    site: entry.site,
    cluster: entry.cluster,
    faultDomains: entry.faultDomains ?? {},
    state: entry.state ?? 'healthy',
    connection: entry.connection ?? 'connected',
    ...(entry.inMaintenanceMode !== undefined && { inMaintenanceMode: entry.inMaintenanceMode }),
    ...(entry.failure !== undefined && { failure: failureOf(entry.failure) }),
    cpu: hostCpuOf(entry, defaults?.cpu),
    memory: {
      totalBytes: memory.totalBytes,
      reservedBytes: memory.reservedBytes ?? bytes(0),
      hugePages: memory.hugePages ?? [],
    },
    networks: entry.networks ?? [],
    storages: entry.storages ?? [],
    ...(entry.copiesTo !== undefined && { copiesTo: entry.copiesTo }),
    migrationBandwidth: entry.migrationBandwidth ?? defaults?.migrationBandwidth ?? USUAL_BANDWIDTH,
    ...(entry.uplink !== undefined && { uplink: entry.uplink }),
    ...(entry.balancedBy !== undefined && { balancedBy: entry.balancedBy }),
    ...(entry.unlistedGuests !== undefined && { unlistedGuests: entry.unlistedGuests }),
    devices: entry.devices ?? [],
    hypervisor: {
      kind: entry.hypervisor?.kind ?? 'simulated',
      version: entry.hypervisor?.version ?? '1.0',
      machineTypes: entry.hypervisor?.machineTypes,
    },
    power: entry.power,
    health: entry.health ?? [],
    ...(entry.silentSensors !== undefined && { silentSensors: entry.silentSensors }),
    alerts: entry.alerts ?? [],
    labels: entry.labels ?? {},
    ...(entry.resources !== undefined && { resources: entry.resources }),
    metrics: windowsOf({ ...short, ...entry.metrics }, assumeHeld),
  };
}

function failureOf({
  powerOff,
  noRestart,
  ...rest
}: NonNullable<HostEntry['failure']>): HostFailure {
  return { ...rest, powerOff, noRestart };
}

function hostCpuOf(entry: HostEntry, defaults: CpuDefaults | undefined): HostCpu {
  const cpu = entry.cpu ?? {};
  const cores = cpu.cores ?? entry.cores ?? 1;
  // Another vendor's model and features would be wrong; those of none are not known.
  const fill = cpu.vendor === undefined || cpu.vendor === defaults?.vendor ? defaults : undefined;
  return {
    arch: cpu.arch ?? defaults?.arch ?? 'x86_64',
    vendor: cpu.vendor ?? fill?.vendor,
    model: cpu.model ?? fill?.model,
    level: cpu.level ?? fill?.level,
    features: sorted(cpu.features ?? (fill === undefined ? undefined : (fill.features ?? []))),
    sockets: cpu.sockets ?? 1,
    cores,
    threads: cpu.threads ?? entry.threads ?? cores,
    coreSpeed: cpu.coreSpeed ?? entry.coreSpeed ?? ratio(1),
    baseline: cpu.baseline,
  };
}

function vmOf(
  entry: VmEntry,
  host: Host | undefined,
  defaults: CpuDefaults | undefined,
  assumeHeld: boolean,
): Vm {
  const short = { 'cpu.used': entry.cpuUsed, 'memory.dirty': entry.dirtyRate };
  return {
    id: entry.id,
    name: entry.name ?? entry.id,
    source: entry.source ?? host?.source ?? USUAL_SOURCE,
    host: entry.host,
    vcpus: entry.vcpus,
    memoryBytes: entry.memoryBytes ?? entry.memory ?? bytes(0),
    overheadBytes: entry.overheadBytes ?? bytes(0),
    hugePageBytes: entry.hugePageBytes,
    cpu: guestCpuOf(entry, host?.cpu, defaults),
    machineType: entry.machineType,
    firmware: entry.firmware ?? { kind: 'bios', nvram: 'none', tpm: 'none' },
    confidential: entry.confidential ?? 'none',
    disks: entry.disks ?? [],
    ...(entry.media !== undefined && { media: entry.media }),
    networks: entry.networks ?? [],
    devices: entry.devices ?? [],
    powerState: entry.powerState ?? 'running',
    criticality: entry.criticality ?? 'standard',
    permission: entry.permission ?? 'live',
    ...(entry.own !== undefined && { own: entry.own }),
    labels: entry.labels ?? {},
    ...(entry.resources !== undefined && { resources: entry.resources }),
    managedBy: entry.managedBy,
    locked: entry.locked ?? false,
    metrics: windowsOf({ ...short, ...entry.metrics }, assumeHeld),
  };
}

/** With `defaults.cpu`, a guest that says nothing sees what is common where it runs. */
function guestCpuOf(
  entry: VmEntry,
  host: HostCpu | undefined,
  defaults: CpuDefaults | undefined,
): GuestCpu {
  const cpu = entry.cpu;
  const isFilled = cpu === undefined && defaults !== undefined;
  const isCommon = host === undefined || host.vendor === defaults?.vendor;
  const common = isCommon ? { ...defaults, features: defaults?.features ?? [] } : host;
  const fill = isFilled ? common : undefined;
  return {
    mode: cpu?.mode ?? (isFilled ? 'named' : 'unknown'),
    vendor: cpu?.vendor ?? fill?.vendor,
    model: cpu?.model ?? fill?.model,
    features: sorted(cpu?.features ?? fill?.features),
    baseline: cpu?.baseline,
    invariantTsc: cpu?.invariantTsc ?? false,
    nested: cpu?.nested ?? false,
  };
}

function sorted(features: readonly string[] | undefined): readonly string[] | undefined {
  return features?.toSorted(compareText);
}

function windowsOf<Metric extends string>(
  measures: Readonly<Partial<Record<Metric, Measure | undefined>>>,
  assumeHeld: boolean,
): Partial<Record<Metric, MetricWindow>> {
  const windows: Partial<Record<Metric, MetricWindow>> = {};
  for (const metric in measures) {
    const measure = measures[metric];
    if (measure !== undefined) windows[metric] = windowOf(measure, assumeHeld);
  }
  return windows;
}

/** CPU that the running guests of each host use now; undefined where one of them is unknown. */
function loadsOf(vms: readonly Vm[]): ReadonlyMap<string, number | undefined> {
  const loads = new Map<string, number | undefined>();
  for (const vm of vms) {
    if (vm.powerState === 'off') continue;
    const used = lastOf(vm, 'cpu.used');
    const before = loads.has(vm.host) ? loads.get(vm.host) : 0;
    loads.set(vm.host, before === undefined || used === undefined ? undefined : before + used);
  }
  return loads;
}

function lastOf(vm: Vm, metric: VmMetric): number | undefined {
  const last = vm.metrics[metric]?.last;
  return last?.kind === 'known' ? last.value : undefined;
}

/** A host without guests is idle; one with a guest of unknown load is unknown. */
function withLoad(host: Host, load: number | undefined, assumeHeld: boolean): Host {
  if (load === undefined) return host;
  const used = assumeHeld
    ? heldWindow(load, seconds(0))
    : windowOf({ kind: 'value', value: load }, false);
  return { ...host, metrics: { ...host.metrics, 'cpu.used': used } };
}

function ruleOf(entry: RuleEntry): PlacementRule {
  const common = {
    id: entry.id,
    strength: entry.strength ?? 'hard',
    hold: entry.hold ?? PLACEMENT_FORM[entry.kind].hold,
    origin: entry.origin ?? 'fleet file',
    vms: entry.vms ?? [],
  } as const;
  const { kind } = entry;
  switch (kind) {
    case 'affinity':
    case 'anti-affinity':
      return { ...common, kind, over: entry.over ?? 'host' };
    case 'pin':
    case 'avoid':
      return { ...common, kind, hosts: entry.hosts ?? [] };
    case 'spread':
      return { ...common, kind, over: entry.over ?? 'host', minimum: entry.minimum ?? 2 };
    case 'lonely':
      return { ...common, kind };
    case 'among':
      return { ...common, kind, sets: entry.sets ?? [] };
    case 'dependency':
      return { ...common, kind, on: entry.on ?? [], over: entry.over ?? 'host' };
    case 'licensed': {
      const { hosts, maximum = 1 } = entry;
      return { ...common, kind, ...(hosts && { hosts }), maximum };
    }
    case 'preserve': {
      const { hosts = [], free = {}, scope } = entry;
      return { ...common, kind, hosts, free, ...(scope && { scope }) };
    }
    case 'spare':
      return { ...common, kind, hosts: entry.hosts ?? [] };
    case 'failover-reserve':
      return { ...common, kind, hosts: entry.hosts ?? [], failures: entry.failures ?? 1 };
    default:
      return assertNever(kind, 'placement rule');
  }
}

type SourceEntry = NonNullable<FleetEntries['sources']>[number];

function sourceOf(entry: SourceEntry): Snapshot['sources'][number] {
  return { ...entry, lastAnswerAt: entry.lastAnswerAt };
}

function sourcesOf(hosts: readonly Host[], takenAt: EpochSeconds): Snapshot['sources'] {
  const names = new Set<SourceId>(hosts.map((host) => host.source));
  return [...names].sort(compareText).map((source) => ({
    source,
    state: 'up',
    lastAnswerAt: takenAt,
    consecutiveFailures: 0,
    detail: '',
  }));
}

function notesOf(
  { defaults, takenAt }: FleetEntries,
  fleet: { readonly hosts: readonly Host[]; readonly vms: readonly Vm[]; readonly derived: number },
  assumeHeld: boolean,
): string[] {
  const notes: string[] = [];
  const { hosts, vms, derived } = fleet;
  if (assumeHeld) notes.push('plain values are taken as held for every window');
  else notes.push('plain values are known as of now only: means and percentiles are missing');
  if (derived > 0)
    notes.push(`CPU in use on ${count(derived, 'host')} is taken as the sum of their VMs`);
  if (takenAt === undefined)
    notes.push('takenAt is not given: windows of time are judged as of 1970');
  if (defaults?.cpu !== undefined) {
    const { vendor, model } = defaults.cpu;
    const what = [vendor, model].filter((part) => part !== undefined).join(' ');
    notes.push(`where a host or VM names no CPU it is taken as ${what} (defaults.cpu)`);
  }
  const blindHosts = hosts.filter(
    ({ cpu }) => cpu.vendor === undefined || cpu.features === undefined,
  );
  const blindVms = vms.filter(({ cpu }) => cpu.vendor === undefined || cpu.features === undefined);
  const hint = 'nothing can move there or be moved live; see defaults.cpu';
  if (blindHosts.length > 0)
    notes.push(`the CPU of ${count(blindHosts.length, 'host')} is not known: ${hint}`);
  if (blindVms.length > 0)
    notes.push(`the CPU of ${count(blindVms.length, 'VM')} is not known: ${hint}`);
  const idle = vms.filter((vm) => vm.powerState !== 'off' && vm.metrics['cpu.used'] === undefined);
  if (idle.length > 0) notes.push(`the CPU demand of ${count(idle.length, 'VM')} is not known`);
  return notes;
}

/** With an s for all but one. */
function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

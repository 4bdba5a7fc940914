/**
 * A seeded, plausible datacenter: three clusters of two CPU vendors and several generations, four
 * racks, shared storage per cluster and a local one per host, guests of many sizes with roles,
 * criticalities and redundant groups. The first placement is legal (memory, groups, devices) and
 * uneven, as real ones are. The same options give the same fleet, to the last byte.
 */

import { clusterId, compareText, hostId, networkId, ruleId } from '../domain/ids.ts';
import { siteId, sourceId, storageId, vmId, type HostId, type SourceId } from '../domain/ids.ts';
import { seededRng, type Rng } from '../domain/rng.ts';
import type { Storage } from '../domain/storage.ts';
import { bytes, bytesPerSecond, GIB, MIB, ratio, watts } from '../domain/units.ts';
import type { GuestCpu } from '../domain/cpu.ts';
import type { Criticality } from '../domain/vm.ts';
import type { HostFacts, VmFacts } from '../ports/hypervisor.ts';
import { CPU_GENERATIONS, type CpuGeneration } from './cpu-catalogue.ts';
import type { FleetSpec, SimulatedGroup, SimulatedVmSpec } from './fleet-spec.ts';
import { LOAD_PROFILES, type LoadProfileName } from './load-curve.ts';
import { isLocal } from './objections.ts';

export interface FleetOptions {
  /** 1..10,000. */
  readonly hosts: number;
  /** 0..200,000; fewer are made if they do not fit. */
  readonly vms: number;
  readonly seed: number;
  readonly source?: SourceId;
}

/** Of a host's memory that first placement uses at most: room for the moves to come. */
const PACKING = 0.8;
const GIGABIT = 1e9 / 8;

interface Weighted<Value> {
  readonly weight: number;
  readonly value: Value;
}

/** Hosts as they are bought: threads, memory, migration link in Gbit/s. */
const HOST_SIZES: readonly Weighted<readonly [number, number, number]>[] = [
  { weight: 3, value: [32, 192, 10] },
  { weight: 4, value: [40, 256, 25] },
  { weight: 2, value: [48, 384, 25] },
];

/** vCPUs and memory in GiB; most guests are small. */
const VM_SIZES: readonly Weighted<readonly [number, number]>[] = [
  { weight: 20, value: [1, 2] },
  { weight: 28, value: [2, 4] },
  { weight: 16, value: [2, 8] },
  { weight: 12, value: [4, 8] },
  { weight: 12, value: [4, 16] },
  { weight: 8, value: [8, 32] },
  { weight: 3, value: [16, 64] },
];

interface Role {
  readonly app: string;
  readonly load: LoadProfileName;
  readonly criticality: Criticality;
  /** Guests that belong together and should not share a host; 1: none. */
  readonly replicas: number;
  /** MiB/s dirtied by each busy vCPU. */
  readonly dirty: number;
}

const ROLES: readonly Weighted<Role>[] = [
  { weight: 6, value: role('shop', 'web', 'mission-critical', 3, 12) },
  { weight: 3, value: role('payments', 'database', 'mission-critical', 2, 30) },
  { weight: 5, value: role('orders', 'database', 'business', 2, 25) },
  { weight: 8, value: role('api', 'application', 'business', 3, 15) },
  { weight: 4, value: role('mail', 'office', 'business', 1, 10) },
  { weight: 6, value: role('intranet', 'web', 'standard', 2, 8) },
  { weight: 6, value: role('cache', 'steady', 'standard', 2, 60) },
  { weight: 5, value: role('desktop', 'office', 'standard', 1, 10) },
  { weight: 6, value: role('ci', 'batch', 'best-effort', 1, 40) },
  { weight: 6, value: role('report', 'batch', 'best-effort', 1, 20) },
  { weight: 6, value: role('lab', 'idle', 'best-effort', 1, 3) },
];

export function buildFleet({ hosts, vms, seed, source }: FleetOptions): FleetSpec {
  checkCount('hosts', hosts, 1, 10_000);
  checkCount('vms', vms, 0, 200_000);
  const rng = seededRng(seed);
  const origin = source ?? sourceId('simulated');
  const made = Array.from({ length: hosts }, (_, index) => makeHost(index, hosts, origin, rng));
  const placed = new Placement(
    made.map(({ host }) => host),
    rng,
  );
  const specs: SimulatedVmSpec[] = [];
  const groups: SimulatedGroup[] = [];
  while (specs.length < vms) {
    const chosen = pick(ROLES, rng);
    const group = `${chosen.app}-${groups.length + 1}`;
    const count = Math.min(chosen.replicas, vms - specs.length);
    const members = makeGroup({ role: chosen, group, count }, specs.length + 1, placed, made, rng);
    if (members.length === 0) break; // the fleet is full
    specs.push(...members);
    groups.push({ id: ruleId(`group-${group}`), vms: members.map(({ facts }) => facts.id) });
  }
  return {
    seed,
    hosts: made.map(({ host }) => host).toSorted((a, b) => compareText(a.id, b.id)),
    vms: specs.toSorted((a, b) => compareText(a.facts.id, b.facts.id)),
    groups: groups.filter((group) => group.vms.length > 1),
    storages: storagesOf(made.map(({ host }) => host)),
  };
}

/** A disk of its own in each host, half full; arrays are taken to grow as they are needed. */
function storagesOf(hosts: readonly HostFacts[]): readonly Storage[] {
  const own = hosts.flatMap(({ storages }) => storages.filter(isLocal)).toSorted(compareText);
  return own.map((id) => ({
    id,
    capacityBytes: bytes(2048 * GIB),
    freeBytes: bytes(1024 * GIB),
  }));
}

interface MadeHost {
  readonly host: HostFacts;
  readonly generation: CpuGeneration;
  /** What the oldest machine of the cluster can do: the model that most guests are given. */
  readonly baseline: CpuGeneration;
}

/** Three clusters, 5 : 4 : 3; with few hosts there is one, with a few more there are two. */
function clusterOf(
  index: number,
  hosts: number,
): { name: string; vendor: 'intel' | 'amd'; from: 0 | 1 } {
  const share = index / hosts;
  if (hosts < 4 || share < 5 / 12) return { name: 'blue', vendor: 'intel', from: 0 };
  if (share >= 9 / 12) return { name: 'red', vendor: 'amd', from: 0 };
  return { name: 'green', vendor: 'intel', from: 1 };
}

function makeHost(index: number, hosts: number, source: SourceId, rng: Rng): MadeHost {
  const cluster = clusterOf(index, hosts);
  const generations = CPU_GENERATIONS[cluster.vendor];
  const baseline = generations[cluster.from];
  const generation = rng.next() < 0.5 ? baseline : (generations[cluster.from + 1] ?? baseline);
  const [threads, gib, gigabits] = pick(HOST_SIZES, rng);
  const id = hostId(`host-${String(index + 1).padStart(hosts > 99 ? 4 : 2, '0')}`);
  const host: HostFacts = {
    id,
    name: id,
    source,
    site: siteId('north'),
    cluster: clusterId(cluster.name),
    faultDomains: { rack: `r${(index % 4) + 1}`, power: index % 2 === 0 ? 'feed-a' : 'feed-b' },
    connection: 'connected',
    cpu: {
      arch: 'x86_64',
      vendor: generation.vendor,
      model: generation.model,
      level: generation.level,
      features: generation.features,
      sockets: 2,
      cores: threads / 2,
      threads,
      coreSpeed: ratio(generation.coreSpeed),
      baseline: undefined,
    },
    memory: { totalBytes: bytes(gib * GIB), reservedBytes: bytes(4 * GIB), hugePages: [] },
    networks: ['lan', 'backup', cluster.name].map(networkId),
    storages: [storageId(`san-${cluster.name}`), storageId(`local-${id}`)],
    migrationBandwidth: bytesPerSecond(gigabits * GIGABIT),
    devices: [],
    hypervisor: { kind: 'simulated', version: '1.0.0', machineTypes: ['sim-1'] },
    power: { idle: watts(80 + threads), peak: watts(160 + 5 * threads) },
    labels: { cluster: cluster.name },
  };
  return { host, generation, baseline };
}

interface GroupOrder {
  readonly role: Role;
  readonly group: string;
  readonly count: number;
}

// oxlint-disable-next-line max-params -- the builder's whole context, used in one place
function makeGroup(
  { role: chosen, group, count }: GroupOrder,
  firstNumber: number,
  placement: Placement,
  made: readonly MadeHost[],
  rng: Rng,
): SimulatedVmSpec[] {
  const members: SimulatedVmSpec[] = [];
  const [vcpus, gib] = pick(VM_SIZES, rng);
  const used = new Set<HostId>();
  let cluster: string | undefined;
  for (let index = 0; index < count; index += 1) {
    const need = gib * GIB + overheadOf(gib);
    const at = placement.place(need, used, cluster);
    const home = at === undefined ? undefined : made[at];
    if (home === undefined) break;
    cluster = home.host.cluster;
    used.add(home.host.id);
    const number = firstNumber + index;
    const facts = makeVm(
      { role: chosen, group, count: index + 1 },
      number,
      home,
      [vcpus, gib],
      rng,
    );
    members.push({
      facts,
      load: LOAD_PROFILES[chosen.load],
      touchedShare: 0.55 + 0.4 * rng.next(),
      workingSetShare: 0.02 + 0.06 * rng.next(),
      dirtyRateBusy: chosen.dirty * MIB * vcpus * (0.7 + 0.6 * rng.next()),
    });
  }
  return members;
}

// oxlint-disable-next-line max-params -- the builder's whole context, used in one place
function makeVm(
  { role: chosen, group, count }: GroupOrder,
  number: number,
  home: MadeHost,
  [vcpus, gib]: readonly [number, number],
  rng: Rng,
): VmFacts {
  const storage = home.host.storages[0] ?? storageId('none');
  const labels = { app: chosen.app, criticality: chosen.criticality };
  return {
    id: vmId(`vm-${String(number).padStart(4, '0')}`),
    name: `${group}-${String.fromCharCode(96 + count)}`,
    source: home.host.source,
    host: home.host.id,
    vcpus,
    memoryBytes: bytes(gib * GIB),
    overheadBytes: bytes(overheadOf(gib)),
    hugePageBytes: undefined,
    cpu: makeGuestCpu(home, rng),
    machineType: 'sim-1',
    firmware: { kind: 'uefi', nvram: 'shared', tpm: 'none' },
    confidential: 'none',
    disks: [{ storage, bytes: bytes(10 * GIB * (1 + Math.floor(rng.next() * 8))), shared: true }],
    networks: [networkId('lan'), ...(rng.next() < 0.2 ? [networkId('backup')] : [])],
    devices: [],
    powerState: 'running',
    labels: chosen.replicas > 1 ? { ...labels, group } : labels,
    managedBy: undefined,
    locked: false,
  };
}

/** Most guests get the cluster's baseline, some all that their first host has, a few the host. */
function makeGuestCpu({ generation, baseline }: MadeHost, rng: Rng): GuestCpu {
  const dice = rng.next();
  const given = dice < 0.8 ? baseline : generation;
  return {
    mode: dice < 0.8 ? 'named' : dice < 0.98 ? 'host-model' : 'passthrough',
    vendor: given.vendor,
    model: given.model,
    features: given.features,
    baseline: undefined,
    invariantTsc: false,
    nested: false,
  };
}

/** The hypervisor's own need: page tables and emulator; QEMU takes about this much. */
function overheadOf(gib: number): number {
  return 96 * MIB + gib * 4 * MIB;
}

/** Remembers what is full while guests are placed. */
class Placement {
  readonly #hosts: readonly HostFacts[];
  readonly #free: number[];
  readonly #rng: Rng;

  constructor(hosts: readonly HostFacts[], rng: Rng) {
    this.#hosts = hosts;
    this.#free = hosts.map(({ memory }) => PACKING * (memory.totalBytes - memory.reservedBytes));
    this.#rng = rng;
  }

  /** Index of a host with room that is not in `used`; undefined: there is none. */
  place(need: number, used: ReadonlySet<HostId>, cluster: string | undefined): number | undefined {
    const fits = (index: number): boolean => {
      const host = this.#hosts[index];
      if (host === undefined || used.has(host.id)) return false;
      return (
        (this.#free[index] ?? 0) >= need && (cluster === undefined || host.cluster === cluster)
      );
    };
    const start = Math.floor(this.#rng.next() * this.#hosts.length);
    // A random start and the better of two: uneven, yet seldom absurd.
    const candidates: number[] = [];
    for (let step = 0; step < this.#hosts.length && candidates.length < 2; step += 1) {
      const index = (start + step) % this.#hosts.length;
      if (fits(index)) candidates.push(index);
    }
    const [first, second] = candidates;
    if (first === undefined) return undefined;
    const isSecondRoomier = (this.#free[second ?? first] ?? 0) > (this.#free[first] ?? 0);
    const chosen = second !== undefined && isSecondRoomier ? second : first;
    this.#free[chosen] = (this.#free[chosen] ?? 0) - need;
    return chosen;
  }
}

function pick<Value>(table: readonly Weighted<Value>[], rng: Rng): Value {
  const total = table.reduce((sum, { weight }) => sum + weight, 0);
  let dice = rng.next() * total;
  for (const { weight, value } of table) {
    dice -= weight;
    if (dice < 0) return value;
  }
  throw new RangeError('an empty table');
}

function checkCount(what: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what}: expected a whole number from ${least} to ${most}, got ${value}`);
  }
}

// oxlint-disable-next-line max-params -- one row of the table above
function role(
  app: string,
  load: LoadProfileName,
  criticality: Criticality,
  replicas: number,
  dirty: number,
): Role {
  return { app, load, criticality, replicas, dirty };
}

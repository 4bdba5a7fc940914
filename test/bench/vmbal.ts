// Role: reads the neutral benchmark's fleets, `vmbal-snapshot/1`, into a Snapshot. Memory counts as
// configured, CPU as measured, one CPU baseline per vendor (generations are ignored, as its judge
// does), groups are hard anti-affinity.
import { z } from 'zod';

import type { CpuVendor, GuestCpu, HostCpu } from '../../src/domain/cpu.ts';
import type { Finding } from '../../src/domain/finding.ts';
import type { Host } from '../../src/domain/host.ts';
import type { HostId, VmId } from '../../src/domain/ids.ts';
import { findingId, hostId, ruleId, sourceId, vmId } from '../../src/domain/ids.ts';
import { heldWindow } from '../../src/domain/measured.ts';
import type { PlacementRule } from '../../src/domain/placement.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import {
  MIB,
  bytes,
  bytesPerSecond,
  epochSeconds,
  ratio,
  seconds,
} from '../../src/domain/units.ts';
import type { Criticality, Vm } from '../../src/domain/vm.ts';
import { stagesOf } from '../../src/plan/plan.ts';

const positive = z.number().positive();

const SNAPSHOT = z.object({
  format: z.literal('vmbal-snapshot/1'),
  name: z.string(),
  hosts: z.array(
    z.object({
      id: z.string().min(1),
      cpuCores: positive,
      memMiB: positive,
      memReservedMiB: z.number().nonnegative(),
      cpuVendor: z.enum(['intel', 'amd']),
      rack: z.string().optional(),
      netGbps: positive,
    }),
  ),
  vms: z.array(
    z.object({
      id: z.string().min(1),
      host: z.string().min(1),
      vcpus: positive,
      cpuUsedCores: z.number().nonnegative(),
      memMiB: positive,
      dirtyMiBps: z.number().nonnegative(),
      priority: z.number(),
    }),
  ),
  antiAffinity: z.array(z.object({ id: z.string(), hard: z.boolean(), vms: z.array(z.string()) })),
});
export type VmbalSnapshot = z.infer<typeof SNAPSHOT>;

/** Throws ZodError on anything that is not a `vmbal-snapshot/1`. */
export function parseVmbal(text: string): VmbalSnapshot {
  return SNAPSHOT.parse(JSON.parse(text));
}

const SOURCE = sourceId('bench');
/** Both ends of what a vendor's guests see: the judge compares vendors only. */
const BASELINE = ['baseline'];
const BITS_PER_BYTE = 8;
const FRESH = seconds(0);

export function toSnapshot(fleet: VmbalSnapshot): Snapshot {
  const vendors = new Map(fleet.hosts.map((host) => [host.id, host.cpuVendor]));
  const used = new Map<string, number>();
  for (const vm of fleet.vms) used.set(vm.host, (used.get(vm.host) ?? 0) + vm.cpuUsedCores);
  return {
    takenAt: epochSeconds(0),
    hosts: fleet.hosts.map((host) => toHost(host, used.get(host.id) ?? 0)),
    vms: fleet.vms.map((vm) => toVm(vm, vendors.get(vm.host) ?? 'intel')),
    placement: fleet.antiAffinity.map(toRule),
    inFlight: [],
    reservations: [],
    lastMovedAt: {},
    sources: [],
  };
}

function toHost(host: VmbalSnapshot['hosts'][number], cpuUsed: number): Host {
  const cpu: HostCpu = {
    arch: 'x86_64',
    vendor: host.cpuVendor,
    model: undefined,
    level: undefined,
    features: BASELINE,
    sockets: 1,
    cores: host.cpuCores,
    threads: host.cpuCores,
    coreSpeed: ratio(1),
    baseline: undefined,
  };
  return {
    id: hostId(host.id),
    name: host.id,
    source: SOURCE,
    site: undefined,
    cluster: undefined,
    faultDomains: host.rack === undefined ? {} : { rack: host.rack },
    state: 'healthy',
    connection: 'connected',
    cpu,
    memory: {
      totalBytes: bytes(host.memMiB * MIB),
      reservedBytes: bytes(host.memReservedMiB * MIB),
      hugePages: [],
    },
    networks: [],
    storages: [],
    migrationBandwidth: bytesPerSecond((host.netGbps * 1e9) / BITS_PER_BYTE),
    devices: [],
    hypervisor: { kind: 'simulated', version: '1', machineTypes: undefined },
    power: undefined,
    health: [],
    alerts: [],
    labels: {},
    metrics: { 'cpu.used': heldWindow(cpuUsed, FRESH) },
  };
}

function toVm(vm: VmbalSnapshot['vms'][number], vendor: CpuVendor): Vm {
  const cpu: GuestCpu = {
    mode: 'named',
    vendor,
    model: 'baseline',
    features: BASELINE,
    baseline: undefined,
    invariantTsc: false,
    nested: false,
  };
  return {
    id: vmId(vm.id),
    name: vm.id,
    source: SOURCE,
    host: hostId(vm.host),
    vcpus: vm.vcpus,
    memoryBytes: bytes(vm.memMiB * MIB),
    overheadBytes: bytes(0),
    hugePageBytes: undefined,
    cpu,
    machineType: undefined,
    firmware: { kind: 'bios', nvram: 'none', tpm: 'none' },
    confidential: 'none',
    disks: [],
    networks: [],
    devices: [],
    powerState: 'running',
    criticality: criticalityOf(vm.priority),
    permission: 'live',
    labels: {},
    managedBy: undefined,
    locked: false,
    metrics: {
      'cpu.used': heldWindow(vm.cpuUsedCores, FRESH),
      'memory.dirty': heldWindow(vm.dirtyMiBps * MIB, FRESH),
    },
  };
}

export function criticalityOf(priority: number): Criticality {
  if (priority <= 1) return 'mission-critical';
  return priority === 2 ? 'business' : 'standard';
}

function toRule(group: VmbalSnapshot['antiAffinity'][number]): PlacementRule {
  return {
    id: ruleId(group.id),
    kind: 'anti-affinity',
    strength: group.hard ? 'hard' : 'soft',
    hold: 'always',
    origin: 'benchmark',
    vms: group.vms.map(vmId),
    over: 'host',
  };
}

interface JudgedMove {
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
}

/** A plan as the benchmark's judge reads it: its moves stage by stage, and where each stage is. */
export function inStages(plan: Plan): {
  readonly moves: readonly JudgedMove[];
  readonly stages: readonly (readonly number[])[];
} {
  const moves: JudgedMove[] = [];
  const stages = stagesOf(plan).map((stage) =>
    stage.flatMap((index) => {
      const move = plan.moves[index];
      return move === undefined
        ? []
        : [moves.push({ vm: move.vm, from: move.from, to: move.to }) - 1];
    }),
  );
  return { moves, stages };
}

/** The fleet when these moves are done. */
export function carriedOut(
  fleet: VmbalSnapshot,
  moves: readonly { readonly vm: string; readonly to: string }[],
): VmbalSnapshot {
  const ends = new Map(moves.map(({ vm, to }) => [vm, to]));
  return { ...fleet, vms: fleet.vms.map((vm) => ({ ...vm, host: ends.get(vm.id) ?? vm.host })) };
}

export const GOALS = ['relieve', 'level', 'consolidate'] as const;
export type Goal = (typeof GOALS)[number];

export function isGoal(text: string): text is Goal {
  return GOALS.some((goal) => goal === text);
}

/**
 * What the benchmark's goal asks for: hosts above `over` relieved and broken groups mended, with
 * all levelled; or, alone (a cluster with hot hosts keeps all on), hosts emptied.
 */
export function findingsFor(snapshot: Snapshot, goal: Goal, over: number): Finding[] {
  if (goal === 'consolidate') {
    const text = 'hosts could be off';
    return [finding({ id: goal, subject: { kind: 'fleet' }, text, response: goal })];
  }
  const found: Finding[] = [];
  for (const host of snapshot.hosts) {
    const used = host.metrics['cpu.used']?.mean;
    if (used?.kind !== 'known' || used.value <= over * host.cpu.threads) continue;
    const share = ((100 * used.value) / host.cpu.threads).toFixed(1);
    const text = `host ${host.id}: CPU ${share} % > ${100 * over} %`;
    const subject = { kind: 'host', host: host.id } as const;
    found.push(finding({ id: `hot-${host.id}`, subject, text, response: 'relieve' }));
  }
  const places = new Map(snapshot.vms.map((vm) => [vm.id, vm.host]));
  for (const rule of snapshot.placement) {
    const hosts = rule.vms.map((vm) => places.get(vm));
    if (rule.strength !== 'hard' || new Set(hosts).size === hosts.length) continue;
    const text = `group ${rule.id}: members on one host`;
    const subject = { kind: 'fleet' } as const;
    found.push(
      finding({ id: `group-${rule.id}`, subject, text, response: 'repair', rule: rule.id }),
    );
  }
  if (goal === 'level') {
    const text = 'CPU is not level';
    found.push(finding({ id: 'level', subject: { kind: 'fleet' }, text, response: 'level' }));
  }
  return found;
}

interface Asked {
  readonly id: string;
  readonly subject: Finding['subject'];
  readonly text: string;
  readonly response: Goal | 'repair';
  readonly rule?: string;
}

const KINDS = {
  relieve: 'overloaded',
  repair: 'rule-broken',
  level: 'imbalanced',
  consolidate: 'underused',
} as const;

function finding({ id, subject, text, response, rule }: Asked): Finding {
  return {
    id: findingId(id),
    kind: KINDS[response],
    response,
    tier: response === 'repair' ? 'corrective' : 'optional',
    subject,
    trigger:
      rule === undefined
        ? { kind: 'rule', policy: 'default', rule: id }
        : { kind: 'placement', rule },
    since: epochSeconds(0),
    evidence: [],
    text,
    relieveBelow: undefined,
    deadline: undefined,
  };
}

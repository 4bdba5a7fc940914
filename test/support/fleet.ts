// Role: builders of test fleets. Everything has a sane default (one simulated cluster of like
// hosts on shared storage, every metric known), so that a test states only what it is about.
import type { GuestCpu, HostCpu } from '../../src/domain/cpu.ts';
import type { Finding, FindingKind, Response, Tier } from '../../src/domain/finding.ts';
import type { HostFailure, HostFailureState } from '../../src/domain/host-failure.ts';
import type { Host } from '../../src/domain/host.ts';
import {
  clusterId,
  compareText,
  findingId,
  hostId,
  networkId,
  ruleId,
  sourceId,
  storageId,
  vmId,
} from '../../src/domain/ids.ts';
import { type MetricWindow, heldWindow } from '../../src/domain/measured.ts';
import type { PlacementRule } from '../../src/domain/placement.ts';
import type {
  HostFailureSettings,
  Limits,
  MaintenanceSettings,
  MigrationSettings,
  PolicySet,
  Weights,
} from '../../src/domain/policy.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import {
  GIB,
  bytes,
  bytesPerSecond,
  epochSeconds,
  ratio,
  seconds,
} from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';

/** The moment at which test snapshots are taken. */
export const TEST_NOW = epochSeconds(1_800_000_000);

/** What every test host offers and every test guest sees. */
const FEATURES = ['aes', 'avx', 'avx2', 'sse4.2'] as const;

export function held(value: number): MetricWindow {
  return heldWindow(value, seconds(10));
}

export function aHostCpu(options: Partial<HostCpu> = {}): HostCpu {
  const threads = options.threads ?? options.cores ?? 16;
  return {
    arch: 'x86_64',
    vendor: 'intel',
    model: 'Icelake-Server',
    level: 'x86-64-v3',
    features: [...FEATURES, 'avx512f'].sort(compareText),
    sockets: 1,
    cores: threads,
    threads,
    coreSpeed: ratio(1),
    baseline: undefined,
    ...options,
  };
}

export function aGuestCpu(options: Partial<GuestCpu> = {}): GuestCpu {
  return {
    mode: 'named',
    vendor: 'intel',
    model: 'Haswell-noTSX',
    features: [...FEATURES].sort(compareText),
    baseline: undefined,
    invariantTsc: false,
    nested: false,
    ...options,
  };
}

/** Ids as plain text, and short forms for what tests vary most; the rest as in the domain. */
export type HostOptions = Omit<Partial<Host>, 'id' | 'cpu'> & {
  readonly id?: string;
  readonly cpu?: Partial<HostCpu>;
  /** Cores and threads; default 16. */
  readonly threads?: number;
  /** Total memory, none of it reserved; default 64. */
  readonly memoryGib?: number;
  /** Busy threads. Default: no metric here; aSnapshot then takes the sum over the host's VMs. */
  readonly cpuUsed?: number;
};

/** As of a host that fell silent two minutes ago; dead with its power seen off. */
export function aFailure(state: HostFailureState = 'dead'): HostFailure {
  const isSilent = state !== 'returned';
  return {
    state,
    since: TEST_NOW,
    signs: [{ kind: 'adapter', verdict: isSilent ? 'silent' : 'alive', detail: '' }],
    powerOff: state === 'dead' ? { at: TEST_NOW, how: 'fenced' } : undefined,
    noRestart: state === 'dead' ? undefined : 'its power is not confirmed off',
  };
}

export function aHost(options: HostOptions = {}): Host {
  const { id = 'h1', cpu, threads = 16, memoryGib = 64, cpuUsed, ...rest } = options;
  return {
    id: hostId(id),
    name: id,
    source: sourceId('lab'),
    site: undefined,
    cluster: clusterId('c1'),
    faultDomains: {},
    state: 'healthy',
    connection: 'connected',
    cpu: aHostCpu({ cores: threads, threads, ...cpu }),
    memory: { totalBytes: bytes(memoryGib * GIB), reservedBytes: bytes(0), hugePages: [] },
    networks: [networkId('lan')],
    storages: [storageId('san')],
    migrationBandwidth: bytesPerSecond(1.25e9),
    devices: [],
    hypervisor: { kind: 'simulated', version: '1.0', machineTypes: ['q35'] },
    power: undefined,
    health: [],
    alerts: [],
    labels: {},
    metrics: cpuUsed === undefined ? {} : { 'cpu.used': held(cpuUsed) },
    ...rest,
  };
}

export type VmOptions = Omit<Partial<Vm>, 'id' | 'host' | 'cpu'> & {
  readonly id?: string;
  readonly host?: string;
  readonly cpu?: Partial<GuestCpu>;
  /** Configured memory; default 4. */
  readonly memoryGib?: number;
  /** Busy threads; default 1. */
  readonly cpuUsed?: number;
  /** Bytes per second that the guest dirties; default 10 MB/s. */
  readonly dirtyRate?: number;
};

export function aVm(options: VmOptions = {}): Vm {
  const {
    id = 'v1',
    host = 'h1',
    cpu,
    memoryGib = 4,
    cpuUsed = 1,
    dirtyRate = 1e7,
    ...rest
  } = options;
  return {
    id: vmId(id),
    name: id,
    source: sourceId('lab'),
    host: hostId(host),
    vcpus: Math.max(2, Math.ceil(cpuUsed)),
    memoryBytes: bytes(memoryGib * GIB),
    overheadBytes: bytes(0),
    hugePageBytes: undefined,
    cpu: aGuestCpu(cpu),
    machineType: 'q35',
    firmware: { kind: 'bios', nvram: 'none', tpm: 'none' },
    confidential: 'none',
    disks: [{ storage: storageId('san'), bytes: bytes(10 * GIB), shared: true }],
    networks: [networkId('lan')],
    devices: [],
    powerState: 'running',
    criticality: 'standard',
    permission: 'live',
    labels: {},
    managedBy: undefined,
    locked: false,
    metrics: { 'cpu.used': held(cpuUsed), 'memory.dirty': held(dirtyRate) },
    ...rest,
  };
}

/**
 * A snapshot of these, sorted by id. A host without a `cpu.used` metric gets the sum over the VMs
 * that run on it; give a host `metrics: { 'cpu.used': missingWindow(...) }` to leave it unknown.
 */
export function aSnapshot(options: Partial<Snapshot> = {}): Snapshot {
  const vms = [...(options.vms ?? [])].sort((a, b) => compareText(a.id, b.id));
  const hosts = [...(options.hosts ?? [aHost()])].sort((a, b) => compareText(a.id, b.id));
  return {
    takenAt: TEST_NOW,
    placement: [],
    inFlight: [],
    reservations: [],
    lastMovedAt: {},
    sources: [],
    ...options,
    hosts: hosts.map((host) => withLoad(host, vms)),
    vms,
  };
}

function withLoad(host: Host, vms: readonly Vm[]): Host {
  if (host.metrics['cpu.used'] !== undefined) return host;
  let used = 0;
  for (const vm of vms) {
    const mean = vm.metrics['cpu.used']?.mean;
    if (vm.host === host.id && vm.powerState === 'running' && mean?.kind === 'known') {
      used += mean.value;
    }
  }
  return { ...host, metrics: { ...host.metrics, 'cpu.used': held(used) } };
}

export function anAntiAffinity(id: string, vms: readonly string[], over = 'host'): PlacementRule {
  return { ...ruleCommon(id), kind: 'anti-affinity', vms: vms.map(vmId), over };
}

export function anAffinity(id: string, vms: readonly string[], over = 'host'): PlacementRule {
  return { ...ruleCommon(id), kind: 'affinity', vms: vms.map(vmId), over };
}

export function aPin(id: string, vms: readonly string[], hosts: readonly string[]): PlacementRule {
  return { ...ruleCommon(id), kind: 'pin', vms: vms.map(vmId), hosts: hosts.map(hostId) };
}

export function anAvoid(
  id: string,
  vms: readonly string[],
  hosts: readonly string[],
): PlacementRule {
  return { ...ruleCommon(id), kind: 'avoid', vms: vms.map(vmId), hosts: hosts.map(hostId) };
}

function ruleCommon(id: string): Pick<PlacementRule, 'id' | 'strength' | 'hold' | 'origin'> {
  return { id: ruleId(id), strength: 'hard', hold: 'always', origin: 'test' };
}

/** What each response usually comes from, so that `aFinding` needs no more than the response. */
const USUAL: Readonly<Record<Response, { readonly kind: FindingKind; readonly tier: Tier }>> = {
  relieve: { kind: 'overloaded', tier: 'optional' },
  evacuate: { kind: 'evacuation-ordered', tier: 'mandatory' },
  restart: { kind: 'host-down', tier: 'mandatory' },
  quarantine: { kind: 'failing', tier: 'mandatory' },
  repair: { kind: 'rule-broken', tier: 'corrective' },
  level: { kind: 'imbalanced', tier: 'optional' },
  consolidate: { kind: 'underused', tier: 'optional' },
  return: { kind: 'return-home', tier: 'optional' },
  notify: { kind: 'notice', tier: 'optional' },
};

export type FindingOptions = Omit<Partial<Finding>, 'id' | 'subject'> & {
  readonly id?: string;
  /** The subject, one of the two; neither: the fleet. */
  readonly host?: string;
  readonly vm?: string;
};

export function aFinding(response: Response, options: FindingOptions = {}): Finding {
  const { id, host, vm, ...rest } = options;
  const about = host ?? vm ?? 'fleet';
  return {
    id: findingId(id ?? `${response}-${about}`),
    ...USUAL[response],
    response,
    subject: subjectOf(host, vm),
    trigger: { kind: 'rule', policy: 'test', rule: response },
    since: TEST_NOW,
    evidence: [],
    text: `${response} ${about}`,
    relieveBelow: undefined,
    deadline: undefined,
    ...rest,
  };
}

function subjectOf(host: string | undefined, vm: string | undefined): Finding['subject'] {
  if (host !== undefined) return { kind: 'host', host: hostId(host) };
  if (vm !== undefined) return { kind: 'vm', vm: vmId(vm) };
  return { kind: 'fleet' };
}

export function someLimits(options: Partial<Limits> = {}): Limits {
  return {
    safetyCapacity: { cpu: ratio(0.8), memory: ratio(1) },
    overcommit: { memory: ratio(1) },
    concurrency: { total: 8, perHostIn: 2, perHostOut: 2, perLink: 4 },
    reverseMoveSeconds: seconds(0),
    nativeBalancer: 'mandatory',
    cooldownSeconds: seconds(900),
    budgets: { movesPerHour: 100, movesPerVmPerDay: 10 },
    windows: [],
    blackouts: [],
    evacuatedShare: ratio(0.5),
    massFailureShare: ratio(0.5),
    repairsUnasked: 1000,
    gainMargin: ratio(0.01),
    consolidation: { fillTo: { cpu: ratio(0.7), memory: ratio(0.9) }, keepSpare: 1 },
    ...options,
  };
}

export function someMigration(options: Partial<MigrationSettings> = {}): MigrationSettings {
  return {
    ladder: {
      'mission-critical': ['pre-copy', 'auto-converge'],
      business: ['pre-copy', 'auto-converge'],
      standard: ['pre-copy', 'auto-converge'],
      'best-effort': ['pre-copy', 'auto-converge', 'cold'],
    },
    downtimeLimitSeconds: seconds(0.3),
    downtimeSteps: { 'mission-critical': [], business: [], standard: [], 'best-effort': [] },
    timeoutSecondsPerGib: seconds(60),
    bandwidth: undefined,
    coldCrossVendor: 'refuse',
    methods: ['pre-copy', 'cold'],
    ownWithoutStandby: 'leave',
    ...options,
  };
}

export function someWeights(options: Partial<Weights> = {}): Weights {
  return {
    overload: 100,
    imbalance: 1,
    softRules: 1,
    moveCost: 0.001,
    power: 1,
    perMoveBytes: bytes(2 * GIB),
    ...options,
  };
}

export function someMaintenance(options: Partial<MaintenanceSettings> = {}): MaintenanceSettings {
  return { canaries: 2, canarySeconds: seconds(300), onDeadline: 'keep-on', ...options };
}

/** Nothing is restarted and nothing fenced, as where nobody says otherwise. */
export function someHostFailure(options: Partial<HostFailureSettings> = {}): HostFailureSettings {
  return {
    restart: 'never',
    fence: 'never',
    suspectAfterSeconds: seconds(60),
    requireStorageLocks: true,
    storagesWithLocks: [],
    alerts: [],
    readmit: 'operator',
    ...options,
  };
}

export function aPolicy(options: Partial<PolicySet> = {}): PolicySet {
  return {
    revision: 'test',
    files: [],
    rules: [],
    criticality: [],
    permissions: [],
    own: [],
    costs: [],
    groupCosts: [],
    pathCosts: [],
    placement: [],
    resources: [],
    limits: someLimits(),
    migration: someMigration(),
    maintenance: someMaintenance(),
    hostFailure: someHostFailure(),
    mode: { default: 'automatic', clusters: {}, approve: [] },
    weights: someWeights(),
    ...options,
  };
}

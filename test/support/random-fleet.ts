// Role: random fleets with random rules and findings, for properties of the planner: unequal hosts,
// two vendors, missing metrics, moves in flight, VMs that are off or have an image in a drive,
// groups and pins, hosts that are hot, drained or gone. Initial states may break every rule: the
// world does.
import fc from 'fast-check';

import type { Finding } from '../../src/domain/finding.ts';
import type { Host } from '../../src/domain/host.ts';
import { moveId, storageId } from '../../src/domain/ids.ts';
import { missingWindow } from '../../src/domain/measured.ts';
import { isHostRule } from '../../src/domain/placement.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { GIB, bytes, bytesPerSecond, cores, epochSeconds, ratio } from '../../src/domain/units.ts';
import { CRITICALITIES, type Vm, type VmMedium } from '../../src/domain/vm.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';
import {
  TEST_NOW,
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  anAffinity,
  someLimits,
  someMigration,
  someWeights,
} from './fleet.ts';
import { RANDOM_RULE, type RandomRule, ruleOf } from './random-rules.ts';

interface RandomHost {
  readonly threads: number;
  readonly memoryGib: number;
  readonly amd: boolean;
  readonly rack: string | undefined;
  readonly state: Host['state'];
  readonly connected: boolean;
  readonly measured: boolean;
  readonly beside: number;
  readonly huge: boolean;
  readonly speed: number;
  /** Whether it reaches the storage on which images of CDs lie. */
  readonly images: boolean;
}

const HOST: fc.Arbitrary<RandomHost> = fc.record({
  threads: fc.constantFrom(4, 8, 16, 32),
  memoryGib: fc.constantFrom(16, 32, 64, 128),
  amd: often(false, true),
  rack: fc.constantFrom('r1', 'r2', 'r3', undefined),
  state: often<Host['state']>('healthy', 'warn', 'quarantined', 'returning', 'maintenance'),
  connected: often(true, false),
  measured: often(true, false),
  beside: often(0, 1, 3),
  huge: often(false, true),
  speed: often(1, 0.8, 1.25),
  images: often(true, false),
});

interface RandomVm {
  readonly host: number;
  readonly vcpus: number;
  readonly load: number;
  readonly memoryGib: number;
  readonly criticality: Vm['criticality'];
  readonly permission: Vm['permission'];
  readonly powerState: Vm['powerState'];
  readonly known: boolean;
  readonly rested: boolean;
  readonly huge: boolean;
  readonly flight: number | undefined;
  readonly reserved: number | undefined;
  /** An image in a drive, on the storage for images or on the host itself. */
  readonly medium: 'shared' | 'local' | undefined;
}

const VM: fc.Arbitrary<RandomVm> = fc.record({
  host: fc.nat(100),
  vcpus: fc.constantFrom(1, 2, 4, 8),
  load: loadUpTo(1),
  memoryGib: fc.constantFrom(1, 2, 4, 8, 16),
  criticality: fc.constantFrom(...CRITICALITIES),
  permission: often<Vm['permission']>('live', 'cold', 'observe'),
  powerState: often<Vm['powerState']>('running', 'off', 'paused'),
  known: often(true, false),
  rested: often(true, false),
  huge: often(false, false, true),
  flight: often<number | undefined>(undefined, 1, 2),
  reserved: often<number | undefined>(undefined, 3),
  medium: often<RandomVm['medium']>(undefined, 'shared', 'shared', 'local'),
});

/** The first nine times out of ten. */
function often<T>(usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

/** A whole request. `wild`: with everything that can be odd; else only healthy, measured hosts. */
export function planRequests(wild = true): fc.Arbitrary<PlanRequest> {
  const parts = fc.record({
    hosts: fc.array(HOST, { minLength: 1, maxLength: 8 }),
    vms: fc.array(VM, { maxLength: 40 }),
    rules: fc.array(RANDOM_RULE, { maxLength: 5 }),
    evacuated: fc.array(fc.nat(100), { maxLength: 2 }),
    quarantined: often(false, true),
    relieveBelow: often<number | undefined>(undefined, 0.5),
    seed: fc.nat(1000),
  });
  return parts.map((drawn) => assemble(drawn, wild));
}

/**
 * Requests with little room: like hosts, memory nearly full, one host to be emptied, pairs that are
 * to stay together in the end. Their plans make room, and wait for it.
 */
export function tightRequests(): fc.Arbitrary<PlanRequest> {
  const guest = fc.record({
    memoryGib: fc.constantFrom(4, 4, 8),
    load: loadUpTo(0.5),
  });
  const parts = fc.record({
    hosts: fc.array(fc.array(guest, { minLength: 3, maxLength: 7 }), {
      minLength: 3,
      maxLength: 6,
    }),
    pairs: fc.array(fc.nat(5), { maxLength: 2 }),
    relieved: fc.boolean(),
    seed: fc.nat(1000),
  });
  return parts.map(({ hosts, pairs, relieved, seed }) => {
    const vms = hosts.flatMap((guests, h) =>
      guests.map(({ memoryGib, load }, i) =>
        aVm({ id: `v${h}-${i}`, host: `h${h}`, vcpus: 8, memoryGib, cpuUsed: 8 * load }),
      ),
    );
    const machines = hosts.map((_guests, h) => aHost({ id: `h${h}`, threads: 16, memoryGib: 36 }));
    const placement = pairs.map((drawn) => {
      const h = drawn % hosts.length;
      return { ...anAffinity(`pair-${h}`, [`v${h}-0`, `v${h}-1`]), hold: 'finally' as const };
    });
    const unique = placement.filter(({ id }, at) => placement.findIndex((r) => r.id === id) === at);
    const snapshot = aSnapshot({ hosts: machines, vms, placement: unique });
    const drawn = { evacuated: relieved ? [] : [0], quarantined: false, relieveBelow: 0.6 };
    const findings = findingsOf(snapshot, relieved ? drawn : { ...drawn, relieveBelow: undefined });
    const settings = { limits: someLimits(), migration: someMigration(), weights: someWeights() };
    return { snapshot, findings, ...settings, seed };
  });
}

type Drawn = {
  readonly hosts: readonly RandomHost[];
  readonly vms: readonly RandomVm[];
  readonly rules: readonly RandomRule[];
  readonly evacuated: readonly number[];
  readonly quarantined: boolean;
  readonly relieveBelow: number | undefined;
  readonly seed: number;
};

function assemble(drawn: Drawn, wild: boolean): PlanRequest {
  const tame = { amd: false, state: 'healthy', connected: true, measured: true } as const;
  const hosts = drawn.hosts.map((host) => (wild ? host : { ...host, ...tame, beside: 0 }));
  const still = { flight: undefined, reserved: undefined, medium: undefined } as const;
  const plain = { known: true, rested: true, ...still } as const;
  const vms = drawn.vms.map((vm) =>
    wild ? vm : { ...vm, ...plain, powerState: 'running' as const },
  );
  const snapshot = snapshotOf(hosts, vms, drawn);
  return {
    snapshot,
    findings: findingsOf(snapshot, drawn),
    limits: someLimits(),
    migration: someMigration(),
    weights: someWeights(),
    seed: drawn.seed,
  };
}

function snapshotOf(
  hosts: readonly RandomHost[],
  vms: readonly RandomVm[],
  drawn: Drawn,
): Snapshot {
  const at = (index: number): string => `h${index % hosts.length}`;
  const guests = vms.map((vm, index) => guestOf(vm, index, hosts));
  const base = aSnapshot({ hosts: hosts.map(machineOf), vms: guests });
  const elsewhere = (vm: RandomVm, by: number): string => at((vm.host % hosts.length) + by);
  return {
    ...base,
    hosts: base.hosts.map((host) => measuredHost(host, hosts[Number(host.id.slice(1))])),
    placement: drawn.rules
      .map((rule, index) => ruleOf(rule, index, { guests, at }))
      .filter((rule) => isHostRule(rule) || rule.vms.length > 1),
    inFlight: vms.flatMap((vm, index) => {
      const guest = guests[index];
      if (vm.flight === undefined || guest === undefined) return [];
      const to = aHost({ id: elsewhere(vm, vm.flight) }).id;
      if (to === guest.host || guest.powerState !== 'running') return [];
      const move = moveId(`flight-${index}`);
      const startedAt = epochSeconds(TEST_NOW - 5);
      return [{ move, vm: guest.id, from: guest.host, to, method: 'pre-copy', startedAt } as const];
    }),
    reservations: vms.flatMap((vm, index) => {
      const guest = guests[index];
      if (vm.reserved === undefined || vm.flight !== undefined || guest === undefined) return [];
      const host = aHost({ id: elsewhere(vm, vm.reserved) }).id;
      if (host === guest.host) return [];
      const held = { memoryBytes: guest.memoryBytes, cpu: cores(vm.load * vm.vcpus) };
      return [{ move: moveId(`held-${index}`), vm: guest.id, host, ...held }];
    }),
    lastMovedAt: Object.fromEntries(
      vms.flatMap((vm, index) => (vm.rested ? [] : [[`v${index}`, TEST_NOW - 60]])),
    ) as Snapshot['lastMovedAt'], // keys are VM ids, values seconds, by construction
  };
}

const SAN = storageId('san');
const IMAGES = storageId('images');

function machineOf(host: RandomHost, index: number): Host {
  const huge = { pageBytes: bytes(GIB), totalBytes: bytes(8 * GIB) };
  return aHost({
    id: `h${index}`,
    threads: host.threads,
    state: host.state,
    connection: host.connected ? 'connected' : 'disconnected',
    cpu: { vendor: host.amd ? 'amd' : 'intel', coreSpeed: ratio(host.speed) },
    memory: {
      totalBytes: bytes(host.memoryGib * GIB),
      reservedBytes: bytes(GIB),
      hugePages: host.huge ? [huge] : [],
    },
    faultDomains: host.rack === undefined ? {} : { rack: host.rack },
    storages: host.images ? [SAN, IMAGES] : [SAN],
    ...(host.rack !== undefined && {
      uplink: { id: host.rack, bandwidth: bytesPerSecond(2e9) },
    }),
  });
}

function measuredHost(host: Host, drawn: RandomHost | undefined): Host {
  const used = host.metrics['cpu.used']?.mean;
  if (drawn === undefined || used?.kind !== 'known') return host;
  if (!drawn.measured) return { ...host, metrics: { 'cpu.used': missingWindow('stale') } };
  const total = Math.min(drawn.threads, used.value + drawn.beside);
  return { ...host, metrics: aHost({ cpuUsed: total }).metrics };
}

function guestOf(vm: RandomVm, index: number, hosts: readonly RandomHost[]): Vm {
  const host = vm.host % hosts.length;
  const guest = aVm({
    id: `v${index}`,
    host: `h${host}`,
    vcpus: vm.vcpus,
    cpuUsed: vm.load * vm.vcpus,
    memoryGib: vm.memoryGib,
    criticality: vm.criticality,
    permission: vm.permission,
    powerState: vm.powerState,
    hugePageBytes: vm.huge ? bytes(GIB) : undefined,
    cpu: { vendor: hosts[host]?.amd === true ? 'amd' : 'intel' },
    media: vm.medium === undefined ? undefined : [mediumOf(vm.medium)],
  });
  return vm.known ? guest : { ...guest, metrics: { 'cpu.used': missingWindow('stale') } };
}

function mediumOf(place: 'shared' | 'local'): VmMedium {
  return { kind: 'cdrom', name: 'x.iso', storage: IMAGES, shared: place === 'shared' };
}

/** Hot hosts are relieved, drawn ones evacuated, one perhaps quarantined; every rule mended. */
function findingsOf(
  snapshot: Snapshot,
  drawn: Pick<Drawn, 'evacuated' | 'quarantined' | 'relieveBelow'>,
): Finding[] {
  const { hosts } = snapshot;
  const found: Finding[] = [];
  const share = drawn.relieveBelow;
  for (const host of hosts) {
    const used = host.metrics['cpu.used']?.mean;
    if (used?.kind !== 'known' || used.value <= (share ?? 0.8) * host.cpu.threads) continue;
    const relieveBelow = share === undefined ? undefined : ratio(share);
    found.push(aFinding('relieve', { host: host.id, relieveBelow }));
  }
  for (const index of new Set(drawn.evacuated.map((drawnHost) => drawnHost % hosts.length))) {
    const host = hosts[index];
    if (host !== undefined) found.push(aFinding('evacuate', { host: host.id }));
  }
  if (drawn.quarantined && hosts[0] !== undefined) {
    found.push(aFinding('quarantine', { host: hosts[0].id }));
  }
  for (const { id, strength } of snapshot.placement) {
    const tier = strength === 'hard' ? 'corrective' : 'optional';
    const trigger = { kind: 'placement', rule: id } as const;
    found.push(aFinding('repair', { id: `repair-${id}`, tier, trigger }));
  }
  return found;
}

/** Not the least number above 0 that there is: nobody measures that. */
function loadUpTo(max: number): fc.Arbitrary<number> {
  return fc.double({ min: 0, max, noNaN: true }).map((load) => Math.round(load * 1e9) / 1e9);
}

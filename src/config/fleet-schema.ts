/**
 * The form of a fleet file. Names are those of the model; almost everything can be left out. What
 * Drover saves is the same form with everything in it.
 */

import { z } from 'zod';
import { CPU_LEVELS, CPU_VENDORS, GUEST_CPU_MODES } from '../domain/cpu.ts';
import { HOST_FAILURE_STATES, SIGN_KINDS } from '../domain/host-failure.ts';
import { HEALTH_COMPONENTS, HEALTH_LEVELS, HOST_STATES, HYPERVISOR_KINDS } from '../domain/host.ts';
import {
  clusterId,
  hostId,
  moveId,
  networkId,
  ruleId,
  siteId,
  sourceId,
  storageId,
  vmId,
} from '../domain/ids.ts';
import { HOST_METRICS, type HostMetric, VM_METRICS, type VmMetric } from '../domain/metrics.ts';
import { PLACEMENT_KINDS } from '../domain/placement.ts';
import { OWN_ROLES } from '../domain/own-vm.ts';
import { MOVE_METHODS } from '../domain/plan.ts';
import { ratio, watts } from '../domain/units.ts';
import { CRITICALITIES, MEDIUM_KINDS, PERMISSIONS, POWER_STATES } from '../domain/vm.ts';
import { plainAmount } from './amount.ts';
import {
  anyText,
  choice,
  coreCount,
  flag,
  group,
  list,
  moment,
  name,
  number,
  rate,
  size,
  table,
  text,
  whole,
  yes,
} from './fields.ts';
import { freeRoom } from './free-room.ts';
import { type Measure, measure } from './measure.ts';

const hosts = name('the id of a host', hostId);
const storages = name('the id of a storage', storageId);
const vms = name('the id of a VM', vmId);
const count = whole('a whole number of at least 1', { min: 1 });
const device = {
  kind: choice(['pci', 'usb', 'mdev', 'sriov', 'vdpa', 'other']),
  id: text('the id of a device'),
};
const maybe = <Value>(form: z.ZodType<Value, unknown>): z.ZodOptional<typeof form> =>
  form.optional();
const freeText = anyText();

const cpuFacts = {
  vendor: maybe(choice(CPU_VENDORS)),
  model: maybe(text('a CPU model')),
  features: maybe(list(text('a CPU feature'))),
};

const hostCpu = group({
  arch: maybe(text('an instruction set like "x86_64"')),
  ...cpuFacts,
  level: maybe(choice(CPU_LEVELS)),
  sockets: maybe(count),
  cores: maybe(count),
  threads: maybe(count),
  coreSpeed: maybe(number('a speed relative to the reference', { above: 0 }, ratio)),
  baseline: maybe(text('the name of a CPU baseline')),
});

/** A plain size is the total. */
const hostMemory = z.preprocess(
  (input) => (typeof input === 'object' ? input : { totalBytes: input }),
  group({
    totalBytes: size(),
    reservedBytes: maybe(size()),
    hugePages: maybe(list(group({ pageBytes: size({ above: 0 }), totalBytes: size() }))),
  }),
);

const hostMetrics = Object.fromEntries(
  Object.entries(HOST_METRICS).map(([metric, info]) => [metric, maybe(measure(info))]),
) as Record<HostMetric, z.ZodOptional<z.ZodType<Measure, unknown>>>;

const vmMetrics = Object.fromEntries(
  Object.entries(VM_METRICS).map(([metric, info]) => [metric, maybe(measure(info))]),
) as Record<VmMetric, z.ZodOptional<z.ZodType<Measure, unknown>>>;

const failure = group({
  state: choice(HOST_FAILURE_STATES),
  since: moment(),
  signs: list(
    group({
      kind: choice(SIGN_KINDS),
      verdict: choice(['alive', 'silent', 'unknown']),
      detail: freeText,
    }),
  ),
  powerOff: maybe(group({ at: moment(), how: choice(['fenced', 'found']) })),
  noRestart: maybe(freeText),
  wasDead: maybe(yes()),
});

const host = group({
  id: hosts,
  name: maybe(name('a name')),
  source: maybe(name('the name of a source', sourceId)),
  site: maybe(name('a site', siteId)),
  cluster: maybe(name('a cluster', clusterId)),
  faultDomains: maybe(table(text('the name of a fault domain'))),
  state: maybe(choice(HOST_STATES)),
  connection: maybe(choice(['connected', 'disconnected'])),
  cores: maybe(count),
  threads: maybe(count),
  coreSpeed: maybe(number('a speed relative to the reference', { above: 0 }, ratio)),
  cpu: maybe(hostCpu),
  memory: hostMemory,
  networks: maybe(list(name('a network', networkId))),
  storages: maybe(list(storages)),
  copiesTo: maybe(table(storages)),
  migrationBandwidth: maybe(rate()),
  balancedBy: maybe(text('the name of a balancer')),
  inMaintenanceMode: maybe(flag()),
  failure: maybe(failure),
  unlistedGuests: maybe(list(text('the name of a guest'))),
  uplink: maybe(group({ id: text('the name of an uplink'), bandwidth: rate() })),
  devices: maybe(list(group(device))),
  hypervisor: maybe(
    group({
      kind: choice(HYPERVISOR_KINDS),
      version: text('a version like "10.0.2"'),
      machineTypes: maybe(list(text('a machine type'))),
    }),
  ),
  power: maybe(group({ idle: number('watts', {}, watts), peak: number('watts', {}, watts) })),
  health: maybe(
    list(
      group({
        component: choice(HEALTH_COMPONENTS),
        sensor: maybe(freeText),
        level: choice(HEALTH_LEVELS),
        detail: freeText,
        at: moment(),
        source: name('the name of a source', sourceId),
      }),
    ),
  ),
  silentSensors: maybe(list(group({ component: choice(HEALTH_COMPONENTS), sensor: freeText }))),
  alerts: maybe(list(group({ name: text('a name'), labels: table(freeText), since: moment() }))),
  labels: maybe(table(freeText)),
  resources: maybe(table(plainAmount)),
  cpuUsed: maybe(measure(HOST_METRICS['cpu.used'])),
  memoryUsed: maybe(measure(HOST_METRICS['memory.used'])),
  metrics: maybe(group(hostMetrics)),
});

const vm = group({
  id: vms,
  name: maybe(name('a name')),
  source: maybe(name('the name of a source', sourceId)),
  host: hosts,
  vcpus: count,
  memory: maybe(size()),
  memoryBytes: maybe(size()),
  overheadBytes: maybe(size()),
  hugePageBytes: maybe(size({ above: 0 })),
  cpu: maybe(
    group({
      mode: maybe(choice(GUEST_CPU_MODES)),
      ...cpuFacts,
      baseline: maybe(text('the name of a CPU baseline')),
      invariantTsc: maybe(flag()),
      nested: maybe(flag()),
    }),
  ),
  machineType: maybe(text('a machine type')),
  firmware: maybe(
    group({
      kind: choice(['bios', 'uefi', 'unknown']),
      nvram: choice(['none', 'local', 'shared']),
      tpm: choice(['none', 'local', 'shared']),
    }),
  ),
  confidential: maybe(choice(['none', 'sev', 'tdx', 'other'])),
  disks: maybe(
    list(
      group({
        storage: storages,
        bytes: size(),
        shared: flag(),
        copyNames: maybe(list(text('a name that hosts have in copiesTo'))),
        copyBytes: maybe(size()),
      }),
    ),
  ),
  media: maybe(
    list(
      group({
        kind: choice(MEDIUM_KINDS),
        name: text('the file of an image, or the device of a drive'),
        storage: storages,
        shared: flag(),
      }),
    ),
  ),
  networks: maybe(list(name('a network', networkId))),
  devices: maybe(list(group({ ...device, migratable: flag() }))),
  powerState: maybe(choice(POWER_STATES)),
  criticality: maybe(choice(CRITICALITIES)),
  permission: maybe(choice(PERMISSIONS)),
  own: maybe(
    group({
      roles: list(choice(OWN_ROLES)),
      controller: maybe(text('the name of a controller')),
      acting: maybe(choice(['with-standby', 'alone'])),
    }),
  ),
  labels: maybe(table(freeText)),
  resources: maybe(table(plainAmount)),
  managedBy: maybe(text('what manages it')),
  locked: maybe(flag()),
  cpuUsed: maybe(measure(VM_METRICS['cpu.used'])),
  dirtyRate: maybe(measure(VM_METRICS['memory.dirty'])),
  metrics: maybe(group(vmMetrics)),
});

const rule = group({
  id: name('an id', ruleId),
  kind: choice(PLACEMENT_KINDS),
  strength: maybe(choice(['hard', 'soft'])),
  hold: maybe(choice(['always', 'finally'])),
  vms: maybe(list(vms)),
  on: maybe(list(vms)),
  hosts: maybe(list(hosts)),
  sets: maybe(list(list(hosts))),
  minimum: maybe(whole('a number of domains, at least 2', { min: 2 })),
  maximum: maybe(whole('a number of hosts, at least 1', { min: 1 })),
  scope: maybe(choice(['each', 'all'])),
  over: maybe(name('"host" or a kind of fault domain')),
  free: maybe(freeRoom),
  failures: maybe(whole('a number of hosts, at least 1', { min: 1 })),
  origin: maybe(text('where it was written')),
});

export const fleetSchema = group({
  $schema: maybe(text('the address of the schema')),
  apiVersion: choice(['drover/v1']),
  kind: choice(['Fleet']),
  takenAt: maybe(moment()),
  defaults: maybe(
    group({
      cpu: maybe(
        group({
          arch: maybe(text('an instruction set like "x86_64"')),
          ...cpuFacts,
          vendor: choice(CPU_VENDORS),
          level: maybe(choice(CPU_LEVELS)),
        }),
      ),
      migrationBandwidth: maybe(rate()),
    }),
  ),
  hosts: list(host),
  vms: list(vm),
  storages: maybe(
    list(
      group({
        id: storages,
        source: maybe(name('the name of a source', sourceId)),
        capacityBytes: maybe(size()),
        freeBytes: maybe(size()),
      }),
    ),
  ),
  placement: maybe(group({ rules: list(rule) })),
  orders: maybe(
    list(
      group({
        kind: choice(['evacuate', 'maintenance']),
        host: hosts,
        by: maybe(group({ kind: choice(['operator', 'alert']), name: freeText })),
        reason: maybe(freeText),
        createdAt: maybe(moment()),
        deadline: maybe(moment()),
        state: maybe(choice(['open', 'returning'])),
        area: maybe(text('a site or cluster that is emptied as a whole')),
        home: maybe(list(freeText)),
      }),
    ),
  ),
  inFlight: maybe(
    list(
      group({
        move: name('the id of a move', moveId),
        vm: vms,
        from: hosts,
        to: hosts,
        method: choice(MOVE_METHODS),
        startedAt: moment(),
      }),
    ),
  ),
  reservations: maybe(
    list(
      group({
        move: name('the id of a move', moveId),
        vm: vms,
        host: hosts,
        memoryBytes: size(),
        cpu: coreCount(),
      }),
    ),
  ),
  lastMovedAt: maybe(table(moment())),
  recentMoves: maybe(
    list(
      group({ vm: vms, from: hosts, to: hosts, openedAt: moment(), arrivedAt: maybe(moment()) }),
    ),
  ),
  breakers: maybe(
    list(
      group({
        subject: z.discriminatedUnion('kind', [
          group({ kind: z.literal('vm'), vm: vms }),
          group({ kind: z.literal('pair'), vm: vms, to: hosts }),
          group({ kind: z.literal('out'), host: hosts }),
          group({ kind: z.literal('into'), host: hosts }),
          group({ kind: z.literal('source'), source: name('the name of a source', sourceId) }),
        ]),
        state: choice(['open', 'half-open']),
        failures: whole('a number of failures', { min: 1 }),
        lastAt: moment(),
        until: moment(),
        remains: maybe(yes()),
      }),
    ),
  ),
  sources: maybe(
    list(
      group({
        source: name('the name of a source', sourceId),
        state: choice(['up', 'late', 'down']),
        lastAnswerAt: maybe(moment()),
        consecutiveFailures: whole('a whole number'),
        detail: freeText,
      }),
    ),
  ),
});

export type FleetEntries = z.output<typeof fleetSchema>;
export type HostEntry = FleetEntries['hosts'][number];
export type VmEntry = FleetEntries['vms'][number];
export type RuleEntry = NonNullable<FleetEntries['placement']>['rules'][number];
export type CpuDefaults = NonNullable<NonNullable<FleetEntries['defaults']>['cpu']>;

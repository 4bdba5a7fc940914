// Role: everything that a snapshot may say is in a saved fleet and comes back, also from a fleet in
// trouble. The types list what there is to say: with a new field these tests do not compile.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { formatFleet, parseFleet } from '../../src/config/fleet-file.ts';
import { formatProblem } from '../../src/config/problem.ts';
import type { Breaker } from '../../src/domain/breaker.ts';
import type { HostFailure } from '../../src/domain/host-failure.ts';
import type { HealthSignal, Host } from '../../src/domain/host.ts';
import {
  clusterId,
  hostId,
  moveId,
  orderId,
  siteId,
  sourceId,
  storageId,
  vmId,
} from '../../src/domain/ids.ts';
import type { Order } from '../../src/domain/order.ts';
import type { OwnVm } from '../../src/domain/own-vm.ts';
import type { RecentMove } from '../../src/domain/recent-move.ts';
import type { InFlightMove, Reservation, Snapshot } from '../../src/domain/snapshot.ts';
import type { Storage } from '../../src/domain/storage.ts';
import { bytes, bytesPerSecond, cores, epochSeconds, watts } from '../../src/domain/units.ts';
import type { Vm, VmDisk, VmMedium } from '../../src/domain/vm.ts';
import { aHost, anAntiAffinity, aSnapshot, aVm, held, TEST_NOW } from '../support/fleet.ts';

/** Nothing of it left out, and nothing unknown. */
type Whole<Thing> = { readonly [Key in keyof Thing]-?: Exclude<Thing[Key], undefined> };

const H1 = hostId('h1');
const H2 = hostId('h2');
const V1 = vmId('v1');
const SAN = storageId('san');
const LAB = sourceId('lab');
const LATER = epochSeconds(TEST_NOW + 60);

const failure: Whole<HostFailure> = {
  state: 'dead',
  since: TEST_NOW,
  signs: [{ kind: 'adapter', verdict: 'silent', detail: '' }],
  powerOff: { at: TEST_NOW, how: 'fenced' },
  noRestart: 'its power is not confirmed off',
  wasDead: true,
};

const signal: Whole<HealthSignal> = {
  component: 'nic',
  sensor: 'eth0',
  level: 'critical',
  detail: '',
  at: TEST_NOW,
  source: LAB,
};

/** What a policy says of it is not written; the second is only in what is planned. */
type HostOfFile = Omit<Host, 'margins' | 'actedOnElsewhere'>;

const host: Whole<HostOfFile> = {
  ...aHost({ id: 'h1' }),
  site: siteId('east'),
  cluster: clusterId('c1'),
  faultDomains: { rack: 'r1' },
  connection: 'disconnected',
  inMaintenanceMode: true,
  failure,
  copiesTo: { '*': SAN },
  uplink: { id: 'tor-1', bandwidth: bytesPerSecond(1e9) },
  balancedBy: 'DRS',
  unlistedGuests: ['ghost'],
  power: { idle: watts(100), peak: watts(300) },
  health: [signal],
  silentSensors: [{ component: 'disk', sensor: '' }],
  alerts: [{ name: 'HostDown', labels: { severity: 'critical' }, since: TEST_NOW }],
  resources: { licences: 3 },
};

const second = aHost({ id: 'h2' });

const own: Whole<OwnVm> = { roles: ['controller'], controller: 'ada', acting: 'alone' };
const disk: Whole<VmDisk> = {
  storage: SAN,
  bytes: bytes(7),
  shared: false,
  copyNames: ['pool:default'],
  copyBytes: bytes(9),
};
const medium: Whole<VmMedium> = { kind: 'cdrom', name: 'a.iso', storage: SAN, shared: true };

const vm: Whole<Omit<Vm, 'moveFactor' | 'noRestart' | 'unwatched'>> = {
  ...aVm({ id: 'v1', host: 'h1' }),
  hugePageBytes: bytes(2 ** 21),
  machineType: 'q35',
  disks: [disk],
  media: [medium],
  devices: [{ kind: 'pci', id: '0000:01:00.0', migratable: false }],
  own,
  resources: { licences: 1 },
  managedBy: 'HA',
  locked: true,
  metrics: { 'cpu.used': held(1) },
};

const storage: Whole<Storage> = {
  id: SAN,
  source: LAB,
  capacityBytes: bytes(9),
  freeBytes: bytes(2),
};
const inFlight: Whole<InFlightMove> = {
  move: moveId('m1'),
  vm: V1,
  from: H1,
  to: H2,
  method: 'pre-copy',
  startedAt: TEST_NOW,
};
const reservation: Whole<Reservation> = {
  move: moveId('m1'),
  vm: V1,
  host: H2,
  memoryBytes: bytes(5),
  cpu: cores(2),
};
const recent: Whole<RecentMove> = {
  vm: V1,
  from: H2,
  to: H1,
  openedAt: TEST_NOW,
  arrivedAt: LATER,
};
const breaker: Whole<Breaker> = {
  subject: { kind: 'into', host: H2 },
  state: 'open',
  failures: 3,
  lastAt: TEST_NOW,
  until: LATER,
  remains: true,
};

/** What a policy adds, and when the sources were asked, is not written. */
const whole: Whole<Omit<Snapshot, 'moveCosts' | 'resources' | 'askedAt'>> = {
  takenAt: TEST_NOW,
  hosts: [host, second],
  vms: [vm, aVm({ id: 'v2', host: 'h2' })],
  storages: [storage],
  placement: [anAntiAffinity('a', ['v1', 'v2'])],
  inFlight: [inFlight],
  reservations: [reservation],
  lastMovedAt: { [V1]: TEST_NOW },
  recentMoves: [recent, { ...recent, arrivedAt: undefined }],
  breakers: [
    breaker,
    { ...breaker, subject: { kind: 'pair', vm: V1, to: H2 } },
    { ...breaker, subject: { kind: 'vm', vm: V1 } },
    { ...breaker, subject: { kind: 'out', host: H1 } },
    { ...breaker, subject: { kind: 'source', source: LAB } },
  ],
  sources: [
    { source: LAB, state: 'late', lastAnswerAt: TEST_NOW, consecutiveFailures: 2, detail: 'x' },
  ],
};

function loaded(snapshot: Snapshot, orders: readonly Order[] = []) {
  const fleet = parseFleet(formatFleet(snapshot, orders), 'fleet.json');
  if (!fleet.ok) throw new Error(fleet.error.map(formatProblem).join('\n'));
  return fleet.value;
}

/** Without these. */
function less<Thing extends object>(thing: Thing, keys: readonly (keyof Thing)[]): Thing {
  const dropped = new Set<PropertyKey>(keys);
  const left = Object.entries(thing).filter(([key]) => !dropped.has(key));
  // Only optional ones are named below.
  return Object.fromEntries(left) as Thing;
}

type Optional<Thing> = {
  [Key in keyof Thing]-?: object extends Pick<Thing, Key> ? Key : never;
}[keyof Thing];

const OPTIONAL_OF_HOST: readonly Optional<HostOfFile>[] = [
  'inMaintenanceMode',
  'failure',
  'copiesTo',
  'uplink',
  'balancedBy',
  'unlistedGuests',
  'silentSensors',
  'resources',
];
const OPTIONAL_OF_ALL: readonly Optional<Omit<Snapshot, 'moveCosts' | 'resources' | 'askedAt'>>[] =
  ['storages', 'recentMoves', 'breakers'];

it('a snapshot with all there is to say loads as exactly what it was, and with any less', () => {
  expect(loaded(whole).snapshot).toStrictEqual(whole);
  fc.assert(
    fc.property(
      fc.subarray([...OPTIONAL_OF_HOST]),
      fc.subarray([...OPTIONAL_OF_ALL]),
      (ofHost, ofAll) => {
        const hosts = [less<HostOfFile>(host, ofHost), second];
        const snapshot = less<Snapshot>({ ...whole, hosts }, ofAll);
        expect(loaded(snapshot).snapshot).toStrictEqual(snapshot);
      },
    ),
  );
});

it('what a policy says is left to the policy', () => {
  const costly = { ...vm, moveFactor: 3, noRestart: 'san is not known to lock disks' };
  const planned = { ...host, actedOnElsewhere: true as const, margins: { safety: {} } };
  const snapshot = { ...whole, hosts: [planned, aHost({ id: 'h2' })], vms: [costly] };
  const file = { ...snapshot, placement: [] };
  expect(loaded(file).snapshot).toStrictEqual({
    ...file,
    hosts: [host, aHost({ id: 'h2' })],
    vms: [vm],
  });
});

it('moves and rooms of who is gone are left out, and the file can be read', () => {
  const snapshot = aSnapshot({
    hosts: [aHost({ id: 'h1' })],
    vms: [aVm({ id: 'v1', host: 'h1' })],
    inFlight: [inFlight, { ...inFlight, vm: vmId('gone'), to: H1 }],
    reservations: [reservation, { ...reservation, host: H1 }],
    breakers: [breaker],
    recentMoves: [recent],
  });
  const expected = { ...snapshot, inFlight: [], reservations: [{ ...reservation, host: H1 }] };
  expect(loaded(snapshot).snapshot).toStrictEqual(expected);
});

const order: Order = {
  id: orderId('o1'),
  kind: 'maintenance',
  host: H1,
  by: { kind: 'alert', name: 'HostDown' },
  reason: '',
  createdAt: TEST_NOW,
  deadline: LATER,
  state: 'open',
  dedupeKey: 'x',
  home: ['v1', 'gone'],
  area: 'site east',
};

it('orders ask for the same again, as far as they ask for something now', () => {
  const progress = { released: [V1], isTried: false };
  const back: Order = { ...order, state: 'returning', host: H2, progress };
  const others: readonly Order[] = [
    { ...order, state: 'waiting' },
    { ...order, state: 'closed' },
    { ...order, host: hostId('gone') },
  ];
  const { orders } = loaded(whole, [order, back, ...others]);
  const asked = { kind: order.kind, by: order.by, reason: '', createdAt: TEST_NOW };
  expect(orders).toMatchObject([
    { ...asked, host: 'h1', state: 'open', deadline: LATER, area: 'site east', home: order.home },
    { ...asked, host: 'h2', state: 'returning', home: ['v1'] },
  ]);
  expect(orders).toHaveLength(2);
});

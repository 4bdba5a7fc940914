// Role: the truth table of compatibility. Every row states one difference from a pair that goes
// together, and the codes that it must bring, so that no rule hides behind another.
import { describe, expect, it } from 'vitest';

import { isInService, isLive, staticRefusals, takesIn } from '../../../src/domain/compatibility.ts';
import { HOST_STATES, type HostState } from '../../../src/domain/host.ts';
import { networkId, sourceId, storageId } from '../../../src/domain/ids.ts';
import { MOVE_METHODS, type MoveMethod } from '../../../src/domain/plan.ts';
import { GIB, bytes } from '../../../src/domain/units.ts';
import { type HostOptions, type VmOptions, aFailure, aHost, aVm } from '../../support/fleet.ts';

interface Row {
  readonly what: string;
  readonly vm?: VmOptions;
  readonly from?: HostOptions;
  readonly to?: HostOptions;
  /** Codes by method; a method that is not named is allowed. */
  readonly refused: Partial<Record<MoveMethod, readonly string[]>>;
  readonly coldCrossVendor?: 'allow' | 'refuse';
  /** Of the policy; default: all. */
  readonly methods?: readonly MoveMethod[];
}

const EVERYTHING: VmOptions = { permission: 'restart' };

/** The same codes for every method. */
function always(...codes: string[]): Row['refused'] {
  return Object.fromEntries(MOVE_METHODS.map((method) => [method, codes]));
}

/** The same codes for every live method. */
function live(...codes: string[]): Row['refused'] {
  return { 'pre-copy': codes, 'post-copy': codes, storage: codes };
}

function started(...codes: string[]): Row['refused'] {
  return { cold: codes, restart: codes };
}

const UNSURE: Row['refused'] = { restart: ['not-fenced'] };
const NVRAM = { kind: 'uefi', nvram: 'local', tpm: 'none' } as const;
const GPU = { kind: 'pci', id: 'gpu0' } as const;
const ISO = { kind: 'cdrom', name: 'a.iso', storage: storageId('local'), shared: false } as const;
const LOCAL_DISK = { storage: storageId('local'), bytes: bytes(GIB), shared: false };

const ROWS: readonly Row[] = [
  { what: 'alike', refused: {} },
  { what: 'the same host', to: { id: 'h1' }, refused: always('same-host') },
  { what: 'another source', to: { source: sourceId('b') }, refused: always('other-source') },
  { what: 'target gone', to: { connection: 'disconnected' }, refused: always('disconnected') },
  {
    what: 'source gone',
    from: { connection: 'disconnected' },
    refused: { ...live('disconnected'), cold: ['disconnected'] },
  },
  { what: 'too few threads', to: { threads: 1 }, refused: always('vcpus') },
  { what: 'just enough threads', to: { threads: 2 }, refused: {} },
  { what: 'may only watch', vm: { permission: 'observe' }, refused: always('permission') },
  { what: 'may move live', vm: { permission: 'live' }, refused: started('permission') },
  { what: 'may move cold', vm: { permission: 'cold' }, refused: { restart: ['permission'] } },
  { what: 'owned', vm: { managedBy: 'HA' }, refused: always('managed-elsewhere') },
  { what: 'locked', vm: { locked: true }, refused: always('locked') },
  // Who was not up when its host died has nothing to be restarted.
  {
    what: 'powered off',
    vm: { powerState: 'off' },
    refused: always('power-state'),
  },
  {
    what: 'paused',
    vm: { powerState: 'paused' },
    refused: { ...live('power-state'), cold: ['power-state'] },
  },
  {
    what: 'power state unknown, as all is on a host that does not answer',
    vm: { powerState: 'unknown' },
    refused: { ...live('power-state'), cold: ['power-state'] },
  },
  { what: 'another architecture', to: { cpu: { arch: 'aarch64' } }, refused: always('arch') },
  {
    what: 'another hypervisor',
    to: { hypervisor: { kind: 'kvm', version: '1.0', machineTypes: ['q35'] } },
    refused: always('hypervisor-kind'),
  },
  {
    what: 'an older hypervisor',
    from: { hypervisor: { kind: 'kvm', version: '10.0', machineTypes: ['q35'] } },
    to: { hypervisor: { kind: 'kvm', version: '9.2', machineTypes: ['q35'] } },
    refused: live('hypervisor-version'),
  },
  {
    what: 'a newer hypervisor',
    from: { hypervisor: { kind: 'kvm', version: '9.2', machineTypes: ['q35'] } },
    to: { hypervisor: { kind: 'kvm', version: '10.0.1', machineTypes: ['q35'] } },
    refused: {},
  },
  {
    what: 'versions that cannot be compared',
    from: { hypervisor: { kind: 'kvm', version: 'git-a', machineTypes: ['q35'] } },
    to: { hypervisor: { kind: 'kvm', version: 'git-b', machineTypes: ['q35'] } },
    refused: live('hypervisor-version'),
  },
  {
    what: 'machine type not offered',
    vm: { machineType: 'q35-10.0' },
    refused: always('machine-type'),
  },
  { what: 'machine type unknown', vm: { machineType: undefined }, refused: always('machine-type') },
  {
    what: 'CPU mode unknown',
    vm: { cpu: { mode: 'unknown' } },
    refused: always('cpu-unknown'),
  },
  {
    what: 'guest vendor unknown',
    vm: { cpu: { vendor: undefined } },
    refused: always('cpu-unknown'),
  },
  {
    what: 'target vendor unknown',
    to: { cpu: { vendor: undefined } },
    refused: always('cpu-unknown'),
  },
  { what: 'another vendor', to: { cpu: { vendor: 'amd' } }, refused: always('cpu-vendor') },
  {
    what: 'another vendor, cold allowed',
    to: { cpu: { vendor: 'amd' } },
    coldCrossVendor: 'allow',
    refused: live('cpu-vendor'),
  },
  {
    what: 'a feature missing',
    to: { cpu: { features: ['aes', 'avx', 'sse4.2'] } },
    refused: always('cpu-features'),
  },
  {
    what: 'a feature missing that the shared baseline promises',
    vm: { cpu: { baseline: 'evc-1' } },
    to: { cpu: { features: ['aes'], baseline: 'evc-1' } },
    refused: {},
  },
  {
    what: 'features of the guest unknown',
    vm: { cpu: { features: undefined } },
    refused: always('cpu-unknown'),
  },
  {
    what: 'features of the target unknown',
    to: { cpu: { features: undefined } },
    refused: always('cpu-unknown'),
  },
  {
    what: 'host-model starts anew anywhere',
    vm: { cpu: { mode: 'host-model' } },
    to: { cpu: { features: ['aes'] } },
    refused: live('cpu-features'),
  },
  { what: 'passthrough, identical host', vm: { cpu: { mode: 'passthrough' } }, refused: {} },
  {
    what: 'passthrough, more features there',
    vm: { cpu: { mode: 'passthrough' } },
    to: { cpu: { features: ['aes', 'amx', 'avx', 'avx2', 'avx512f', 'sse4.2'] } },
    refused: live('cpu-passthrough'),
  },
  {
    what: 'passthrough, model unknown',
    vm: { cpu: { mode: 'passthrough' } },
    to: { cpu: { model: undefined } },
    refused: live('cpu-unknown'),
  },
  { what: 'invariant TSC', vm: { cpu: { invariantTsc: true } }, refused: live('tsc') },
  { what: 'nested', vm: { cpu: { nested: true } }, refused: live('nested') },
  { what: 'confidential', vm: { confidential: 'sev' }, refused: always('confidential') },
  {
    what: 'NVRAM is local',
    vm: { firmware: NVRAM },
    refused: { ...live('firmware'), restart: ['firmware'] },
  },
  { what: 'NVRAM is shared', vm: { firmware: { ...NVRAM, nvram: 'shared' } }, refused: {} },
  {
    what: 'firmware unknown',
    vm: { firmware: { kind: 'unknown', nvram: 'none', tpm: 'none' } },
    refused: { ...live('firmware'), restart: ['firmware'] },
  },
  {
    what: 'a passed-through device, one like it there',
    vm: { devices: [{ ...GPU, migratable: false }] },
    to: { devices: [GPU] },
    refused: live('device'),
  },
  {
    what: 'a device that migrates, none there',
    vm: { devices: [{ ...GPU, migratable: true }] },
    refused: always('device'),
  },
  { what: 'no such network', to: { networks: [] }, refused: always('network') },
  {
    what: 'a network too many',
    to: { networks: [networkId('lan'), networkId('dmz')] },
    refused: {},
  },
  {
    what: 'storage not reachable',
    to: { storages: [storageId('other')] },
    refused: { ...always('storage'), storage: [], cold: [] },
  },
  {
    what: 'a local disk, and a place of the same name',
    vm: { disks: [LOCAL_DISK] },
    to: { storages: [storageId('local')] },
    refused: { ...always('storage'), storage: [], cold: [] },
  },
  { what: 'a source that is well', from: { failure: undefined }, refused: UNSURE },
  { what: 'only suspected', from: { failure: aFailure('suspected-dead') }, refused: UNSURE },
  { what: 'only unreachable', from: { failure: aFailure('unreachable') }, refused: UNSURE },
  { what: 'back from the dead', from: { failure: aFailure('returned') }, refused: UNSURE },
  {
    what: 'dead, and the policy restarts nothing',
    from: { failure: { ...aFailure(), noRestart: 'hostFailure.restart is never' } },
    refused: UNSURE,
  },
  {
    what: 'no locks on its disks',
    vm: { noRestart: 'san is not known to lock disks' },
    refused: { restart: ['storage-locks'] },
  },
  {
    what: 'a disk that the policy does not let be copied',
    vm: { disks: [LOCAL_DISK] },
    methods: ['pre-copy', 'cold'],
    refused: always('storage'),
  },
  { what: 'nowhere to copy to', to: { storages: [] }, refused: always('storage') },
  {
    what: 'an image that the target sees',
    vm: { media: [{ ...ISO, storage: storageId('san'), shared: true }] },
    refused: {},
  },
  {
    what: 'an image of the source, although disks may be copied',
    vm: { media: [ISO] },
    to: { storages: [storageId('san'), storageId('local')] },
    refused: always('media'),
  },
];

function codesOf(row: Row, method: MoveMethod): string[] {
  const vm = aVm({ ...EVERYTHING, ...row.vm });
  // Only of a dead host anything is restarted; every other row is about something else.
  const dead = method === 'restart' ? { failure: aFailure() } : {};
  const from = aHost({ id: 'h1', ...dead, ...row.from });
  const to = aHost({ id: 'h2', ...row.to });
  const { coldCrossVendor = 'refuse', methods = MOVE_METHODS } = row;
  const settings = { coldCrossVendor, methods, ownWithoutStandby: 'leave' } as const;
  return staticRefusals(vm, from, to, method, settings).map(({ code }) => code);
}

describe('staticRefusals', () => {
  it.each(ROWS.map((row) => [row.what, row] as const))('%s', (_what, row) => {
    const found = MOVE_METHODS.map((method) => [method, codesOf(row, method)]);
    expect(found).toEqual(MOVE_METHODS.map((method) => [method, row.refused[method] ?? []]));
  });

  it('a target with a guest of which nobody knows what it needs', () => {
    const row = { what: '', to: { unlistedGuests: ['x'] }, refused: {} };
    for (const method of MOVE_METHODS) expect(codesOf(row, method)).toContain('resource-unknown');
  });

  for (const state of HOST_STATES) {
    it(`a target that is ${state}`, () => {
      const codes = codesOf({ what: '', to: { state }, refused: {} }, 'pre-copy');
      expect(codes).toEqual(takesIn(state) ? [] : ['quarantined']);
    });
  }

  it('a target that something else has put into the maintenance mode of its platform', () => {
    const codes = (state: HostState) =>
      codesOf({ what: '', to: { state, inMaintenanceMode: true }, refused: {} }, 'pre-copy');
    expect(codes('healthy')).toEqual(['quarantined']);
    expect(codes('warn')).toEqual(['quarantined']);
    // Drover takes it out of it, and has not looked since.
    expect(codes('returning')).toEqual([]);
    expect(isInService(aHost({ inMaintenanceMode: true }))).toBe(false);
    expect(isInService(aHost({ inMaintenanceMode: false }))).toBe(true);
  });

  it('is directional', () => {
    const guest = aVm({ cpu: { features: ['aes', 'avx', 'avx2', 'avx512f'] } });
    const small = aHost({ id: 'small', cpu: { features: ['aes', 'avx', 'avx2'] } });
    const large = aHost({ id: 'large' });
    const settings = {
      coldCrossVendor: 'refuse',
      methods: MOVE_METHODS,
      ownWithoutStandby: 'leave',
    } as const;
    expect(staticRefusals(guest, small, large, 'pre-copy', settings)).toEqual([]);
    expect(staticRefusals(guest, large, small, 'pre-copy', settings)).toEqual([
      { code: 'cpu-features', detail: 'missing avx512f' },
    ]);
  });

  it('keeps two methods apart: what runs on, and what starts anew', () => {
    expect(MOVE_METHODS.filter(isLive)).toEqual(['pre-copy', 'post-copy', 'storage']);
  });
});

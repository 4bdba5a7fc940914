// Role: the room for copies of disks in the planner: what it refuses and how that is told, who it
// is promised to, and what is said where nobody knows.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, sourceId, storageId, vmId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes, cores } from '../../../src/domain/units.ts';
import { check } from '../../../src/check/check.ts';
import { buildModel } from '../../../src/plan/model.ts';
import { StorageSpace } from '../../../src/plan/storage-space.ts';
import { explainPair, plan, type PlanRequest } from '../../../src/plan/plan.ts';
import { TEST_NOW, aFinding, aHost, aVm, someMigration } from '../../support/fleet.ts';
import { movesOf, request } from './support.ts';

const SSD = storageId('ssd');
const OUT = aFinding('evacuate', { host: 'h1' });

/** v1 to v3 have 10, 20 and 30 GiB on h1 alone; h2 and h3 put copies on one storage. */
function asked(freeGib: number | undefined, more: Partial<Snapshot> = {}): PlanRequest {
  const hosts = ['h1', 'h2', 'h3'].map((id) => {
    const storages = [storageId(`own-${id}`), ...(id === 'h1' ? [] : [SSD])];
    return aHost({ id, storages, copiesTo: { '*': storages.at(-1) ?? SSD } });
  });
  const vms = [1, 2, 3].map((size) => {
    const disk = { storage: storageId('own-h1'), bytes: bytes(10 * size * GIB), shared: false };
    return aVm({ id: `v${size}`, disks: [disk] });
  });
  const room = freeGib === undefined ? {} : { freeBytes: bytes(freeGib * GIB) };
  const migration = someMigration({ methods: ['pre-copy', 'storage'] });
  const storages = [{ id: SSD, ...room }];
  return { ...request({ hosts, vms, storages, ...more }, [OUT]), migration };
}

function against(freeGib: number, more: Partial<Snapshot> = {}, vm = 'v3'): string[] {
  const found = explainPair(asked(freeGib, more), vmId(vm), hostId('h2'));
  return found.map(({ code, detail }) => `${code}: ${detail}`);
}

describe('room for copies of disks', () => {
  it('refuses a host whose storage has not enough, with figures', () => {
    expect(against(30)).toEqual([]);
    expect(against(29)).toEqual(['storage-space: needs 30.0 GiB on ssd, 29.0 GiB free']);
  });

  it('is the storage’s: what is copied there by way of another host is taken, too', () => {
    const { report } = plan(asked(35));
    expect(movesOf(asked(35))).toHaveLength(2);
    expect(report.refusals['storage-space']).toBe(2);
    expect(report.unresolved).toMatchObject([{ code: 'storage-space' }]);
    expect(report.unresolved[0]?.pairs.map(({ detail }) => detail)).toEqual(
      ['h2', 'h3'].map(() => expect.stringMatching(/35\.0 GiB free, .* of it promised to v/)),
    );
  });

  it('is not given back by those who leave', () => {
    const own = storageId('own-h1');
    const there = aVm({
      id: 'v9',
      host: 'h2',
      disks: [{ storage: SSD, bytes: bytes(GIB), shared: false }],
    });
    const base = asked(0);
    const snapshot = { ...base.snapshot, vms: [...base.snapshot.vms, there] };
    const findings = [OUT, aFinding('evacuate', { host: 'h2' })];
    const storages = [...(snapshot.storages ?? []), { id: own, freeBytes: bytes(0) }];
    const { moves } = plan({ ...base, findings, snapshot: { ...snapshot, storages } }).plan;
    expect(moves).toEqual([]);
  });

  it('is promised to moves under way and to those about to begin, once', () => {
    const held = {
      move: moveId('m1'),
      vm: vmId('v1'),
      host: hostId('h3'),
      memoryBytes: bytes(0),
      cpu: cores(0),
    };
    const flight = {
      move: moveId('m1'),
      vm: vmId('v1'),
      from: hostId('h1'),
      to: hostId('h3'),
      method: 'storage' as const,
      startedAt: TEST_NOW,
    };
    const promised = [
      'storage-space: needs 30.0 GiB on ssd, 39.0 GiB free, 10.0 GiB of it promised to v1',
    ];
    expect(against(39, { reservations: [held] })).toEqual(promised);
    expect(against(39, { inFlight: [flight] })).toEqual(promised);
    expect(against(39, { inFlight: [flight], reservations: [held] })).toEqual(promised);
    expect(against(40, { inFlight: [flight], reservations: [held] })).toEqual([]);
  });

  it('is that of the source of the host, and not what another says of its own', () => {
    const of = (source: string, free: number) => ({
      id: SSD,
      source: sourceId(source),
      freeBytes: bytes(free * GIB),
    });
    expect(against(0, { storages: [of('lab', 30), of('other', 0)] })).toEqual([]);
    expect(against(0, { storages: [of('lab', 0), of('other', 30)] })).toHaveLength(1);
    expect(plan(asked(0, { storages: [of('other', 0)] })).plan.moves).toHaveLength(3);
  });

  it('is promised to one VM at two places, and one of them given up again', () => {
    const base = asked(100);
    const model = buildModel(base);
    const space = StorageSpace.of(model, base);
    const [v = -1, w = -1] = ['v2', 'v3'].map((id) => model.vmIndex.get(vmId(id)));
    const [h2 = -1, h3 = -1] = ['h2', 'h3'].map((id) => model.hostIndex.get(hostId(id)));
    space?.count(v, h2, 1);
    space?.count(v, h3, 1);
    space?.count(v, h3, -1);
    space?.count(w, h2, 1);
    space?.count(w, h2, 1);
    expect(space?.shortages(w, h2)).toEqual([
      'needs 30.0 GiB on ssd, 100.0 GiB free, 80.0 GiB of it promised to v2, v3',
    ]);
    space?.count(v, h2, -1);
    expect(space?.shortages(w, h2)).toEqual([]);
    // What the plan itself has promised it may give up: never hopeless.
    expect(space?.isHopeless(w, h2)).toBe(false);
  });

  it('is needed by no disk of unknown size, which is said', () => {
    const flight = { move: moveId('m1'), vm: vmId('v1'), from: hostId('h1'), to: hostId('h3') };
    const inFlight = [{ ...flight, method: 'storage' as const, startedAt: TEST_NOW }];
    // More is promised than there is.
    const { snapshot, ...rest } = asked(5, { inFlight });
    const [first, ...others] = snapshot.vms;
    const unsized = others.map((vm) => ({
      ...vm,
      disks: vm.disks.map((disk) => ({ ...disk, bytes: bytes(0) })),
    }));
    const vms = first === undefined ? unsized : [first, ...unsized];
    const blind = { ...rest, snapshot: { ...snapshot, vms } };
    const { plan: made, report } = plan(blind);
    expect(made.moves).toHaveLength(2);
    expect(report.notes).toContain(
      'nobody knows how large the disks of 2 moves are: the hypervisor decides on their room',
    );
    expect(check({ ...blind, plan: made })).toEqual([]);
    expect(plan(asked(100)).report.notes.join()).not.toContain('how large');
  });

  it('limits nothing where nobody knows it, and that is said', () => {
    const { plan: made, report } = plan(asked(undefined));
    expect(made.moves).toHaveLength(3);
    expect(report.notes).toContain(
      'nobody knows whether ssd has room for the disks of 3 moves: the hypervisor decides',
    );
    expect(plan(asked(100)).report.notes.join()).not.toContain('nobody knows');
  });

  it('is looked for where disks of that name go, and a host without a place is none', () => {
    const named = (names: readonly string[], copiesTo: Record<string, string>) => {
      const { snapshot, ...rest } = asked(0);
      const places = Object.entries(copiesTo).map(([name, id]) => [name, storageId(id)] as const);
      const hosts = snapshot.hosts.map((host) => ({
        ...host,
        copiesTo: Object.fromEntries(places),
      }));
      const vms = snapshot.vms.map((vm) => ({
        ...vm,
        disks: vm.disks.map((disk) => ({ ...disk, copyNames: names })),
      }));
      const found = explainPair(
        { ...rest, snapshot: { ...snapshot, hosts, vms } },
        vmId('v1'),
        hostId('h2'),
      );
      return found.map(({ code }) => code);
    };
    expect(named(['a', 'b'], { b: 'ssd' })).toEqual(['storage-space']);
    expect(named(['a', 'b'], { a: 'own-h2', b: 'ssd' })).toEqual([]);
    expect(named(['a'], { '*': 'ssd' })).toEqual(['storage-space']);
    expect(named(['a'], { b: 'own-h2' })).toEqual(['storage']);
    expect(named(['__proto__'], { b: 'own-h2' })).toEqual(['storage']);
  });

  it('is none for a disk that cannot be copied, whatever the host takes', () => {
    const { snapshot, ...rest } = asked(100);
    const vms = snapshot.vms.map((vm) => ({
      ...vm,
      disks: vm.disks.map((disk) => ({ ...disk, copyNames: [] })),
    }));
    const told = (hosts = snapshot.hosts) => {
      const made = { ...rest, snapshot: { ...snapshot, hosts, vms } };
      return explainPair(made, vmId('v1'), hostId('h2')).map(({ code }) => code);
    };
    expect(told()).toEqual(['storage']);
    const untold = snapshot.hosts.map((host) => ({ ...host, copiesTo: undefined }));
    expect(told(untold)).toEqual(['storage']);
  });

  it('is proven to lack for good only where what the plan itself takes would not help', () => {
    const proofOf = (freeGib: number) => plan(asked(freeGib)).report.unresolved[0]?.proof;
    expect(proofOf(9)).toMatchObject({ certain: true });
    expect(proofOf(35)).toMatchObject({ certain: false });
    expect(proofOf(9)?.causes).toMatchObject([{ code: 'storage-space', hosts: ['h2', 'h3'] }]);
  });
});

// Role: the room for copies of disks in the planner: what it refuses and how that is told, who it
// is promised to, and what is said where nobody knows.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, storageId, vmId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes, cores } from '../../../src/domain/units.ts';
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

  it('is proven to lack for good only where what the plan itself takes would not help', () => {
    const proofOf = (freeGib: number) => plan(asked(freeGib)).report.unresolved[0]?.proof;
    expect(proofOf(9)).toMatchObject({ certain: true });
    expect(proofOf(35)).toMatchObject({ certain: false });
    expect(proofOf(9)?.causes).toMatchObject([{ code: 'storage-space', hosts: ['h2', 'h3'] }]);
  });
});

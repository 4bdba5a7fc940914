// Role: what counts as free on a storage while copies are under way there and after.
import { describe, expect, it } from 'vitest';

import { HeldRooms } from '../../../src/collect/held-rooms.ts';
import { hostId, moveId, storageId, vmId } from '../../../src/domain/ids.ts';
import type { Storage } from '../../../src/domain/storage.ts';
import { bytes, GIB } from '../../../src/domain/units.ts';
import { TEST_NOW, aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const SSD = storageId('ssd');
const DISK = { storage: storageId('old'), bytes: bytes(30 * GIB), shared: false };
const HOSTS = [
  aHost({ id: 'h1', storages: [storageId('old')] }),
  aHost({ id: 'h2', storages: [SSD], copiesTo: { '*': SSD } }),
];

function reading(gib: number | undefined): Storage {
  return { id: SSD, ...(gib !== undefined && { freeBytes: bytes(gib * GIB) }) };
}

/** What counts, in GiB, with copies of 30 GiB under way for so many VMs. */
function counting(rooms: HeldRooms) {
  return (read: Storage, ...flying: readonly string[]): number | undefined => {
    const snapshot = aSnapshot({
      hosts: HOSTS,
      vms: ['a', 'b', 'c'].map((id) => aVm({ id, disks: [DISK] })),
      storages: [read],
      inFlight: flying.map((vm) => ({
        move: moveId(`m-${vm}`),
        vm: vmId(vm),
        from: hostId('h1'),
        to: hostId('h2'),
        method: 'storage' as const,
        startedAt: TEST_NOW,
      })),
    });
    const free = rooms.counted(snapshot).storages?.[0]?.freeBytes;
    return free === undefined ? undefined : free / GIB;
  };
}

describe('room on a storage that is copied to', () => {
  it('counts as before the first copy, however much of it is there already', () => {
    const count = counting(new HeldRooms());
    expect(count(reading(100))).toBe(100);
    expect(count(reading(80), 'a')).toBe(100);
    expect(count(reading(45), 'a', 'b')).toBe(100);
    // a has ended; what it took is in the readings that follow.
    expect(count(reading(42), 'b')).toBe(70);
    expect(count(reading(40))).toBe(40);
  });

  it('counts as it is read where that is more, and where nobody looked before', () => {
    const count = counting(new HeldRooms());
    expect(count(reading(50), 'a')).toBe(50);
    expect(count(reading(40))).toBe(40);
    // A person makes room while a copy is under way.
    expect(count(reading(200), 'b')).toBe(200);
    expect(count(reading(undefined), 'b')).toBe(undefined);
  });

  it('leaves what has ended since the reading to who saw it end', () => {
    const count = counting(new HeldRooms());
    count(reading(100));
    const last = reading(90);
    expect(count(last, 'a')).toBe(100);
    expect(count(last)).toBe(100);
    expect(count(last, 'b')).toBe(100);
    expect(count(reading(60), 'b')).toBe(70);
    expect(count(reading(40))).toBe(40);
    expect(count(reading(40), 'c')).toBe(40);
  });
});

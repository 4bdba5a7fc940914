// Role: what counts as free on a storage while copies are under way there and after.
import { describe, expect, it } from 'vitest';

import { HeldRooms } from '../../../src/collect/held-rooms.ts';
import { hostId, moveId, sourceId, storageId, vmId } from '../../../src/domain/ids.ts';
import { bytes, GIB, seconds } from '../../../src/domain/units.ts';
import { TEST_NOW, aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const LAB = sourceId('lab');
const SSD = storageId('ssd');
const DISK = { storage: storageId('old'), bytes: bytes(30 * GIB), shared: false };
const HOSTS = [
  aHost({ id: 'h1', storages: [storageId('old')] }),
  aHost({ id: 'h2', storages: [SSD], copiesTo: { '*': SSD } }),
];

interface Look {
  /** When the inventory was asked for; default: later than the last one. */
  readonly asked?: number;
  /** Whose copies of 30 GiB are under way, and who has arrived. */
  readonly flying?: string;
  readonly there?: string;
  /** Of the moves under way, each of which has an id of its own. */
  readonly attempt?: number;
}

/** What counts, in GiB, by what is read, in GiB. */
function counting() {
  const rooms = new HeldRooms();
  let clock = 0;
  return (gib: number | undefined, look: Look = {}): number | undefined => {
    const { asked = clock + 1, flying = '', there = '', attempt = 1 } = look;
    clock = asked;
    const snapshot = aSnapshot({
      hosts: HOSTS,
      vms: ['a', 'b', 'c'].map((id) =>
        aVm({ id, host: there.includes(id) ? 'h2' : 'h1', disks: [DISK] }),
      ),
      storages: [{ id: SSD, ...(gib !== undefined && { freeBytes: bytes(gib * GIB) }) }],
      inFlight: Array.from(flying, (vm) => ({
        move: moveId(`m-${vm}-${attempt}`),
        vm: vmId(vm),
        from: hostId('h1'),
        to: hostId('h2'),
        method: 'storage' as const,
        startedAt: TEST_NOW,
      })),
      askedAt: new Map([[LAB, seconds(asked)]]),
    });
    const free = rooms.counted(snapshot).storages?.[0]?.freeBytes;
    return free === undefined ? undefined : free / GIB;
  };
}

describe('room on a storage that is copied to', () => {
  it('counts as before the first copy, however much of it is there already', () => {
    const count = counting();
    expect(count(100)).toBe(100);
    expect(count(80, { flying: 'a' })).toBe(100);
    expect(count(45, { flying: 'ab' })).toBe(100);
    expect(count(42, { flying: 'b', there: 'a' })).toBe(70);
    expect(count(40, { there: 'ab' })).toBe(40);
    expect(count(35, { flying: 'c', there: 'ab' })).toBe(40);
  });

  it('counts as it is read where that is more, and where nobody tells', () => {
    const count = counting();
    expect(count(50, { flying: 'a' })).toBe(50);
    // A person makes room while a copy is under way.
    expect(count(200, { flying: 'a' })).toBe(200);
    expect(count(undefined, { flying: 'a' })).toBe(undefined);
  });

  it('counts what others write while a copy is under way', () => {
    const count = counting();
    expect(count(500)).toBe(500);
    expect(count(20, { flying: 'a' })).toBe(50);
    expect(count(0, { flying: 'ab' })).toBe(60);
  });

  it('gives back what copies took that failed and were removed, beside others', () => {
    const count = counting();
    expect(count(100)).toBe(100);
    for (const attempt of [1, 2, 3]) {
      expect(count(60, { flying: 'ab', attempt })).toBe(100);
      expect(count(85, { flying: 'b', attempt })).toBe(100);
      expect(count(85, { flying: 'b', attempt })).toBe(100);
    }
    // Nothing is left of a: what is lacking beyond b has been written by somebody else.
    expect(count(60, { flying: 'b' })).toBe(90);
  });

  it('leaves what has ended since the source was asked to who saw it end', () => {
    const count = counting();
    expect(count(100, { asked: 1 })).toBe(100);
    expect(count(90, { asked: 2, flying: 'a' })).toBe(100);
    // However often other sources answer meanwhile.
    for (let look = 0; look < 3; look += 1) expect(count(90, { asked: 2 })).toBe(100);
    expect(count(70, { asked: 3, there: 'a' })).toBe(70);
  });
});

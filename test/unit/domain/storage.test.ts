// Role: which room of a storage counts, of several readings and of several sources, and what
// copies take of it.
import { describe, expect, it } from 'vitest';

import { copiesUnderWay, roomTaken } from '../../../src/domain/copies.ts';
import { hostId, sourceId, storageId, vmId } from '../../../src/domain/ids.ts';
import { largestRooms, roomFinder } from '../../../src/domain/storage.ts';
import { bytes } from '../../../src/domain/units.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const SSD = storageId('ssd');
const [EAST, WEST] = [sourceId('east'), sourceId('west')];

describe('room on a storage', () => {
  it('is the most that any host reads: a look from long ago refuses nothing for ever', () => {
    const reads = [2, 700, undefined, 690].map((free) => ({
      id: SSD,
      ...(free !== undefined && { freeBytes: bytes(free) }),
    }));
    expect(largestRooms(reads)).toMatchObject([{ id: SSD, freeBytes: 700 }]);
    expect(largestRooms(reads.toReversed())).toMatchObject([{ id: SSD, freeBytes: 700 }]);
    expect(largestRooms([{ id: SSD }])).toEqual([]);
  });

  it('is that of the source of the host, else that which all have', () => {
    const own = { id: SSD, source: EAST, freeBytes: bytes(1) };
    const any = { id: SSD, freeBytes: bytes(2) };
    expect(roomFinder([own])({ source: EAST }, SSD)).toBe(own);
    expect(roomFinder([own])({ source: WEST }, SSD)).toBe(undefined);
    expect(roomFinder([own, any])({ source: WEST }, SSD)).toBe(any);
    expect(roomFinder([own, any])({ source: EAST }, SSD)).toBe(own);
  });
});

describe('copies under way', () => {
  const disk = { storage: storageId('own'), bytes: bytes(10), shared: false };
  const unsized = { ...disk, bytes: bytes(0) };
  const world = aSnapshot({
    hosts: [
      aHost({ id: 'h1' }),
      ...['h2', 'h3'].map((id) => aHost({ id, copiesTo: { '*': SSD } })),
    ],
    vms: [
      aVm({ id: 'a', disks: [disk, disk, unsized] }),
      aVm({ id: 'b', disks: [disk] }),
      aVm({ id: 'c', host: 'h2', disks: [disk] }),
    ],
  });
  const ways = ['a h2', 'a h2', 'b h2', 'b h3', 'c h2', 'gone h2', 'b gone'].map((text) => {
    const [vm = '', to = ''] = text.split(' ');
    return { vm: vmId(vm), to: hostId(to) };
  });

  it('are those of each VM once at each place where it is not yet', () => {
    const found = copiesUnderWay(world, ways).map(({ vm, to }) => `${vm.id} ${to.id}`);
    expect(found).toEqual(['a h2', 'b h2', 'b h3']);
  });

  it('take the room of all their disks together, by whichever host', () => {
    const room = { id: SSD };
    const taken = roomTaken(copiesUnderWay(world, ways), roomFinder([room]));
    expect([...taken]).toEqual([[room, 40]]);
  });
});

// Role: faults about the room for copies of disks, to be planted in the small fleet.
import { hostId, storageId, vmId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes } from '../../../src/domain/units.ts';
import { aHost, aVm, someMigration } from '../../support/fleet.ts';
import { aMove, flight } from '../../support/plans.ts';
import { fleet, type Planted, reservation } from './planted.ts';

const MIGRATION = someMigration({ methods: ['pre-copy', 'storage'] });

/** Each VM has 10 GiB on its own host; h2 and h3 put copies on one storage with so much free. */
function copying(freeGib: number, more: Partial<Snapshot> = {}): Snapshot {
  const own = (host: string) => storageId(`own-${host}`);
  const hosts = ['h1', 'h2', 'h3'].map((id) => {
    const place = id === 'h1' ? own(id) : storageId('ssd');
    return aHost({ id, storages: [own(id), place], copiesTo: { '*': place } });
  });
  const vms = [
    ['v1', 'h1'],
    ['v2', 'h1'],
    ['v3', 'h2'],
  ].map(([id = '', host = '']) => {
    const disk = { storage: own(host), bytes: bytes(10 * GIB), shared: false };
    return aVm({ id, host: hostId(host), disks: [disk] });
  });
  const storages = [{ id: storageId('ssd'), freeBytes: bytes(freeGib * GIB) }];
  return fleet({ hosts, vms, storages, ...more });
}

const COPY = aMove({ method: 'storage' });
const OTHER = aMove({ id: 'm2', vm: 'v2', to: 'h3', method: 'storage' });
const more = { migration: MIGRATION };

export const STORAGE_FAULTS: readonly Planted[] = [
  {
    what: 'a disk that is copied to where there is no room',
    code: 'storage-space',
    snapshot: copying(9),
    moves: [COPY],
    more,
  },
  {
    what: 'two disks that are copied to different hosts, and to one storage',
    code: 'storage-space',
    snapshot: copying(19),
    moves: [COPY, OTHER],
    more,
  },
  {
    what: 'room on a storage that a move under way takes',
    code: 'storage-space',
    snapshot: copying(19, { inFlight: [flight('v3', 'h2', 'h3')] }),
    moves: [COPY],
    more,
  },
  {
    what: 'room on a storage that a move is going to take',
    code: 'storage-space',
    snapshot: copying(19, {
      reservations: [{ ...reservation(0, 0), vm: vmId('v3'), host: hostId('h3') }],
    }),
    moves: [COPY],
    more,
  },
];

/** The same, with just enough room. */
export const STORAGE_KEPT: readonly Omit<Planted, 'code'>[] = [
  { what: 'a copy that just fits', snapshot: copying(10), moves: [COPY], more },
  { what: 'two copies that just fit', snapshot: copying(20), moves: [COPY, OTHER], more },
  {
    what: 'a copy beside one under way, whose room is counted once',
    snapshot: copying(20, {
      inFlight: [flight('v3', 'h2', 'h3')],
      reservations: [{ ...reservation(0, 0), vm: vmId('v3'), host: hostId('h3') }],
    }),
    moves: [COPY],
    more,
  },
];

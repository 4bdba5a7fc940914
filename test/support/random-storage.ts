// Role: random storages and disks, laid over a random fleet whose policy lets disks be copied: each
// host has a storage of its own, two share one, room is scarce, and sometimes nobody knows of it.
import fc from 'fast-check';

import { ANY_DISK } from '../../src/domain/host.ts';
import { storageId } from '../../src/domain/ids.ts';
import type { Storage } from '../../src/domain/storage.ts';
import { bytes, GIB } from '../../src/domain/units.ts';
import type { VmDisk } from '../../src/domain/vm.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';

const SHARED = storageId('nfs');

const HOST = fc.record({
  reachesShared: fc.boolean(),
  copies: fc.constantFrom('own', 'own', 'own', 'shared', 'nowhere', 'unknown'),
  freeGib: fc.constantFrom(0, 20, 40, 60, 100, undefined),
});
const DISKS = fc.array(
  fc.record({
    gib: fc.constantFrom(5, 10, 20, 40),
    more: fc.constantFrom(0, 0, 1),
    onShared: fc.boolean(),
  }),
  { minLength: 1, maxLength: 2 },
);

/** The request with disks that are taken along where they have to be. */
export function withStorages(requests: fc.Arbitrary<PlanRequest>): fc.Arbitrary<PlanRequest> {
  const drawn = fc.record({
    hosts: fc.array(HOST, { minLength: 8, maxLength: 8 }),
    disks: fc.array(DISKS, { minLength: 5, maxLength: 20 }),
    sharedGib: fc.constantFrom(10, 50, undefined),
  });
  return fc.tuple(requests, drawn).map(([request, { hosts, disks, sharedGib }]) => {
    const { snapshot, migration } = request;
    const own = (host: string) => storageId(`own-${host}`);
    const roomOf = (id: Storage['id'], gib: number | undefined): Storage => ({
      id,
      ...(gib !== undefined && { freeBytes: bytes(gib * GIB) }),
    });
    const diskOf = (host: string, { gib, more, onShared }: DrawnDisk): VmDisk => ({
      storage: onShared ? SHARED : own(host),
      bytes: bytes(gib * GIB),
      shared: onShared,
      ...(more > 0 && { copyBytes: bytes((gib + more) * GIB) }),
    });
    const placed = snapshot.hosts.map((host, index) => {
      const { reachesShared, copies, freeGib } = hosts[index % hosts.length] ?? fail();
      const place = { own: own(host.id), shared: SHARED }[copies as 'own'];
      return {
        room: roomOf(own(host.id), freeGib),
        host: {
          ...host,
          storages: [own(host.id), ...(reachesShared || copies === 'shared' ? [SHARED] : [])],
          ...(copies !== 'unknown' && {
            copiesTo: copies === 'nowhere' ? {} : { [ANY_DISK]: place },
          }),
        },
      };
    });
    return {
      ...request,
      migration: { ...migration, methods: ['pre-copy', 'storage', 'cold'] },
      snapshot: {
        ...snapshot,
        hosts: placed.map(({ host }) => host),
        vms: snapshot.vms.map((vm, index) => {
          const wanted = disks[index % disks.length] ?? [];
          return { ...vm, disks: wanted.map((one) => diskOf(vm.host, one)) };
        }),
        storages: [...placed.map(({ room }) => room), roomOf(SHARED, sharedGib)],
      },
    };
  });
}

type DrawnDisk = { readonly gib: number; readonly more: number; readonly onShared: boolean };

function fail(): never {
  throw new Error('nothing was drawn');
}

/** The request with room for everything on every storage. */
export function withAmpleRoom(request: PlanRequest): PlanRequest {
  const { storages = [] } = request.snapshot;
  const ample = storages.map(({ id }) => ({ id, freeBytes: bytes(1e18) }));
  return { ...request, snapshot: { ...request.snapshot, storages: ample } };
}

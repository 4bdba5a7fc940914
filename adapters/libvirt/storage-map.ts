/**
 * Gives every disk, and every file of a guest's firmware, the id of the storage it lies on, and
 * says whether other hosts see the same data there. What nobody declared shared, and no storage
 * pool shows to be, is local: a host's own file, unreachable from elsewhere.
 */

import { copyBytesOf, copyNamesOf, copyPools } from './disks/copy-place.ts';
import { imageOf } from './disks/image.ts';
import type { HostOptions, LibvirtOptions } from './options.ts';
import { mediumKind } from './medium.ts';
import type { BackingElement, DiskElement, SourceElement } from './xml/domain.ts';
import type { Pool } from './xml/reach.ts';
import { type StorageId, storageId } from '../../src/domain/ids.ts';
import type { Storage } from '../../src/domain/storage.ts';
import { bytes } from '../../src/domain/units.ts';
import type { VmDisk } from '../../src/domain/vm.ts';

export interface Place {
  readonly storage: string;
  readonly shared: boolean;
}

export interface StorageMap {
  /**
   * Undefined: the drive holds no medium. Of a disk that is a chain of images, where the first of
   * them lies that is not shared: it is reached only with all of them.
   */
  readonly placeOfDisk: (disk: DiskElement) => Place | undefined;
  readonly placeOfPath: (path: string) => Place;
  /** Everything that the host reaches, sorted by id. */
  readonly reach: readonly Place[];
  /** Of its pools, as of their last refresh; two that lie on one storage are listed twice. */
  readonly rooms: readonly Storage[];
  /** See `Host.copiesTo`. */
  readonly copiesTo: Readonly<Record<string, StorageId>>;
  /** See `VmDisk`; of one whose size is not told nobody knows the room of its copy. */
  readonly copyOf: (
    disk: DiskElement,
    size: number | undefined,
  ) => Pick<VmDisk, 'copyNames' | 'copyBytes'>;
}

export function mapStorage(
  host: string,
  options: Pick<LibvirtOptions, 'sharedStorages'> & Pick<HostOptions, 'storages' | 'diskPool'>,
  pools: readonly Pool[],
): StorageMap {
  const declared = options.sharedStorages.filter((one) => one.hosts?.includes(host) ?? true);
  const { local, placeOfPath, placeOfSource } = findPlaces(host, declared, pools);

  function placeOfDisk(disk: DiskElement): Place | undefined {
    const { source, backingStore } = disk;
    if (source === undefined) return undefined;
    const place = placeOfSource(source);
    // A disk of a kind that nobody here knows (nvme, vhostuser) is one that only this host has.
    if (place === undefined) return mediumKind(disk) === undefined ? local : undefined;
    return [place, ...backingPlaces(backingStore)].find((one) => !one.shared) ?? place;
  }

  function backingPlaces(backing: BackingElement | undefined): Place[] {
    if (backing?.['@type'] === undefined) return [];
    const place = backing.source && placeOfSource(backing.source);
    return [place ?? local, ...backingPlaces(backing.backingStore)];
  }

  const reach = [
    local,
    ...declared.map((one) => shared(one.id)),
    ...pools.map((pool) => placeOfPool(pool, host)),
    ...options.storages.map(shared),
  ];
  const storageOf = (pool: Pool): StorageId =>
    storageId((pool.path === undefined ? placeOfPool(pool, host) : placeOfPath(pool.path)).storage);
  const targets = [...copyPools(pools, options.diskPool)];
  return {
    placeOfDisk,
    placeOfPath,
    reach: distinct(reach),
    rooms: pools.map((pool) => roomOf(storageOf(pool), pool)),
    copiesTo: Object.fromEntries(targets.map(([name, pool]) => [name, storageOf(pool)])),
    copyOf(disk, size) {
      // One that is being copied, by a move of ours perhaps, still takes its room.
      const image = imageOf({ ...disk, mirror: undefined }, pools);
      if ('objection' in image) return { copyNames: [] };
      const copyNames = copyNamesOf(image.source);
      if (size === undefined) return { copyNames };
      return { copyNames, copyBytes: bytes(copyBytesOf(size, image.format)) };
    },
  };
}

interface PlaceFinder {
  readonly local: Place;
  readonly placeOfPath: (path: string) => Place;
  /** Undefined: it names nothing that is known here. */
  readonly placeOfSource: (source: SourceElement) => Place | undefined;
}

function findPlaces(
  host: string,
  declared: LibvirtOptions['sharedStorages'],
  pools: readonly Pool[],
): PlaceFinder {
  const local: Place = { storage: `local@${host}`, shared: false };
  const folders = [
    ...declared.flatMap((one) => one.paths.map((path) => [path, shared(one.id)] as const)),
    ...pools.flatMap((pool) =>
      pool.path === undefined ? [] : [[pool.path, placeOfPool(pool, host)] as const],
    ),
  ].sort(([a], [b]) => b.length - a.length);

  function placeOfPath(path: string): Place {
    const found = folders.find(([folder]) => isBelow(path, folder))?.[1];
    if (found !== undefined) return found;
    const pool = pools.find((one) => isLunOf(one, path));
    return pool === undefined ? local : placeOfPool(pool, host);
  }

  function placeOfSource(source: SourceElement): Place | undefined {
    const path = source['@file'] ?? source['@dev'] ?? source['@dir'];
    if (path !== undefined) return placeOfPath(path);
    if (source['@pool'] !== undefined) {
      const pool = pools.find((one) => one.name === source['@pool']);
      return pool === undefined ? local : placeOfPool(pool, host);
    }
    const { '@protocol': protocol, '@name': name = '' } = source;
    if (protocol === undefined) return undefined;
    const key = `${protocol}:${name}`;
    const known = declared.find((one) =>
      one.networkDisks.some((prefix) => key === prefix || key.startsWith(`${prefix}/`)),
    );
    return shared(known?.id ?? `${protocol}:${name.split('/', 1)[0] ?? ''}`);
  }

  return { local, placeOfPath, placeOfSource };
}

function roomOf(id: StorageId, { capacityBytes, availableBytes }: Pool): Storage {
  return {
    id,
    ...(capacityBytes !== undefined && { capacityBytes: bytes(capacityBytes) }),
    ...(availableBytes !== undefined && { freeBytes: bytes(availableBytes) }),
  };
}

function shared(storage: string): Place {
  return { storage, shared: true };
}

/** A pool of the same name on another host is the same storage only where its data is the same. */
function placeOfPool({ name, origin }: Pool, host: string): Place {
  return origin === undefined
    ? { storage: `pool:${name}@${host}`, shared: false }
    : shared(`pool:${name}=${origin}`);
}

/** As udev names it: `/dev/disk/by-path/ip-PORTAL-iscsi-TARGET-lun-NUMBER`, or a part of it. */
function isLunOf({ iscsiTarget }: Pool, path: string): boolean {
  const [name = ''] = /^\/dev\/disk\/by-path\/ip-[^/]+$/.exec(path) ?? [];
  const lun = `-iscsi-${iscsiTarget ?? ''}-lun-`;
  return iscsiTarget !== undefined && /^\d+(-part\d+)?$/.test(name.split(lun)[1] ?? '');
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function distinct(places: readonly Place[]): Place[] {
  const byId = new Map(places.map((place) => [place.storage, place]));
  return [...byId.keys()].sort().flatMap((storage) => byId.get(storage) ?? []);
}

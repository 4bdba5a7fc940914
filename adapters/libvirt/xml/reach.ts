/** The documents that say what storage and which networks a host reaches. */

import { z } from 'zod';

import { attribute, many, maybe, one, readDocument, size, text } from './document.ts';

const poolSource = z.object({
  host: many(z.object({ '@name': attribute, '@port': attribute })),
  name: maybe(text),
  dir: maybe(z.object({ '@path': attribute })),
  device: many(z.object({ '@path': attribute })),
});
const pool = z.object({
  pool: one(
    z.object({
      '@type': z.string(),
      name: one(text),
      capacity: maybe(size),
      available: maybe(size),
      source: maybe(poolSource),
      target: maybe(z.object({ path: maybe(text) })),
    }),
  ),
});

export interface Pool {
  readonly name: string;
  /** Where its data lies outside the host; undefined: on it, or nobody knows. */
  readonly origin: string | undefined;
  /** Folder below which its volumes lie, and nothing else; undefined: they have none. */
  readonly path: string | undefined;
  /** The worldwide name of the iSCSI target that its block devices belong to. */
  readonly iscsiTarget: string | undefined;
  /** Its volumes are image files of that folder. */
  readonly holdsFiles: boolean;
  /** As of its last refresh; undefined: not told. */
  readonly capacityBytes: number | undefined;
  /** Free space as of then. */
  readonly availableBytes: number | undefined;
}

/**
 * Types whose data lies outside the host, at what their source names. Source: libvirt's "Storage
 * pool capabilities". Not so scsi and mpath: what is behind a host's own adapters nobody is told.
 */
const OUTSIDE_POOL_TYPES = new Set([
  'netfs',
  'iscsi',
  'iscsi-direct',
  'rbd',
  'sheepdog',
  'gluster',
  'vstorage',
]);

/** Types whose volumes are plain files in one folder. */
const FILE_POOL_TYPES = new Set(['dir', 'fs', 'netfs']);

/** Types that find their block devices in a folder of the system, beside all others (/dev/…). */
const SYSTEM_FOLDER_POOL_TYPES = new Set(['disk', 'iscsi', 'mpath', 'scsi']);

export function readPool(xml: string): Pool {
  const { pool: told } = readDocument('storage pool', xml, pool);
  const { '@type': type, name, capacity, available, source, target } = told;
  return {
    name,
    origin: source && OUTSIDE_POOL_TYPES.has(type) ? originOf(source) : undefined,
    path: SYSTEM_FOLDER_POOL_TYPES.has(type) ? undefined : target?.path,
    iscsiTarget: type === 'iscsi' ? source?.device.at(0)?.['@path'] : undefined,
    holdsFiles: FILE_POOL_TYPES.has(type) && target?.path !== undefined,
    // Of types that do not tell, libvirt says 0 of both.
    capacityBytes: capacity === 0 ? undefined : capacity,
    availableBytes: capacity === 0 ? undefined : available,
  };
}

const LOOPBACK = /^(localhost|127\..*|\[?::1\]?)$/i;

/** Servers, and what of theirs: nfs1:/srv/vms. Undefined: it names nothing. */
function originOf({ host, name, dir, device }: z.output<typeof poolSource>): string | undefined {
  const servers = host.map(({ '@name': server = '', '@port': port }) =>
    port === undefined ? server : `${server}:${port}`,
  );
  // What a host serves itself is its own, whatever another one serves under that name.
  if (host.some(({ '@name': server = '' }) => LOOPBACK.test(server))) return undefined;
  const what = [name, dir?.['@path'], ...device.map((one) => one['@path'])];
  const parts = [servers.toSorted().join(','), ...what].filter((part) => (part ?? '') !== '');
  return parts.length === 0 ? undefined : parts.join(':');
}

const bridge = z.object({ '@name': attribute });
const network = z.object({
  network: one(z.object({ name: one(text), bridge: maybe(bridge) })),
});

/** Ids of a virtual network and of the bridge behind it. */
export function readNetwork(xml: string): string[] {
  const { name, bridge: behind } = readDocument('network', xml, network).network;
  const bridgeName = behind?.['@name'];
  return [`network:${name}`, ...(bridgeName === undefined ? [] : [`bridge:${bridgeName}`])];
}

const hostInterface = z.object({
  interface: one(z.object({ '@type': z.string(), '@name': z.string() })),
});

/** Id of a host interface as guests use it: a bridge to join, or a device to sit on. */
export function readInterface(xml: string): string {
  const { '@type': type, '@name': name } = readDocument('interface', xml, hostInterface).interface;
  return type === 'bridge' ? `bridge:${name}` : `direct:${name}`;
}

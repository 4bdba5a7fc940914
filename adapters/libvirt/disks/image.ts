/**
 * What a disk is, as a guest's document tells it: an image file that can be copied as it stands, or
 * something else, and then why not. Pure.
 */

import type { DiskElement } from '../xml/domain.ts';
import type { Pool } from '../xml/reach.ts';
import { IMAGE_FORMATS, type ImageFormat, type Volume } from '../xml/volume.ts';

export interface DiskImage {
  /** Target name (vda). */
  readonly dev: string;
  readonly format: ImageFormat;
  readonly source: DiskSource;
}

export interface DiskSource {
  /** As the guest's document has it ({@link Relocation}). */
  readonly from: string;
  readonly folder: string;
  readonly name: string;
  /** The pool that has it as a volume; undefined: none. */
  readonly pool: string | undefined;
}

/** For people. */
export interface Objection {
  readonly objection: string;
}

export function imageOf(disk: DiskElement, pools: readonly Pool[]): DiskImage | Objection {
  const dev = disk.target?.['@dev'] ?? '';
  const source = sourceOf(disk, pools);
  if (source === undefined) {
    return { objection: `${dev} is no image file: only those are copied to another host` };
  }
  const why = whyNot(disk);
  if (why !== undefined) return { objection: `${dev} ${why}` };
  const format = formatOf(disk);
  if (format === undefined) {
    const known = IMAGE_FORMATS.join(' and ');
    return { objection: `${dev} is ${disk.driver?.['@type'] ?? ''}: only ${known} are copied` };
  }
  return { dev, format, source };
}

/** What would be lost, or shared with others, if the disk were copied as a plain image. */
function whyNot(disk: DiskElement): string | undefined {
  if (disk.backingStore?.['@type'] !== undefined) {
    return CHAIN;
  }
  if (disk.mirror !== undefined) return 'is being copied already';
  if (disk.encryption !== undefined || disk.source?.encryption !== undefined) return 'is encrypted';
  if (disk.shareable !== undefined) return 'is shared with other guests (shareable)';
  if (disk.readonly !== undefined) return 'is read-only: libvirt copies none of those';
  if (disk.transient !== undefined) return 'is transient';
  return undefined;
}

/**
 * The disks of a stored definition, with what their images build upon where the guest runs with the
 * same ones: libvirt adds that only then.
 */
export function withChains(
  stored: readonly DiskElement[],
  running: readonly DiskElement[],
): readonly DiskElement[] {
  return stored.map((disk) => {
    const { backingStore = running.find((one) => isSameImage(one, disk))?.backingStore } = disk;
    return { ...disk, backingStore };
  });
}

const PLACE = ['@file', '@dev', '@dir', '@pool', '@volume', '@protocol', '@name'] as const;

function isSameImage({ source: a }: DiskElement, { source: b }: DiskElement): boolean {
  return a !== undefined && b !== undefined && PLACE.every((name) => a[name] === b[name]);
}

/**
 * What its volume tells: a definition need not name what an image builds upon, and libvirt adds it
 * only while the guest runs.
 */
export function chainObjection(
  { dev, format }: Pick<DiskImage, 'dev' | 'format'>,
  { backingPath }: Volume,
): Objection | undefined {
  // In a raw image such a header is the guest's own data.
  if (format === 'raw' || backingPath === undefined) return undefined;
  return { objection: `${dev} ${CHAIN}` };
}

const CHAIN = 'builds upon a backing file: merge it first (virsh blockpull), chains are not copied';

/** Undefined: one that is not copied. */
export function formatOf({ driver }: DiskElement): ImageFormat | undefined {
  const format = driver?.['@type'] ?? 'raw';
  return IMAGE_FORMATS.find((known) => known === format);
}

/** Undefined: it is no image file. */
export function sourceOf(disk: DiskElement, pools: readonly Pool[]): DiskSource | undefined {
  const { '@file': file, '@pool': poolName, '@volume': name } = disk.source ?? {};
  if (file !== undefined) {
    const cut = file.lastIndexOf('/');
    const folder = file.slice(0, cut);
    const pool = pools.find((one) => one.holdsFiles && one.path === folder)?.name;
    return { from: file, folder, name: file.slice(cut + 1), pool };
  }
  const pool = pools.find((one) => one.holdsFiles && one.name === poolName);
  if (pool?.path === undefined || name === undefined) return undefined;
  return { from: `${pool.name}/${name}`, folder: pool.path, name, pool: pool.name };
}

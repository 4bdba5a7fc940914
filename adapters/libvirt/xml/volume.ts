/** The documents of storage volumes. */

import { z } from 'zod';

import { attribute, escapeXml, maybe, one, readDocument, size, text } from './document.ts';

/** Formats of image files that are copied: those that QEMU itself keeps guests' disks in. */
export const IMAGE_FORMATS = ['raw', 'qcow2'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

export interface NewVolume {
  readonly name: string;
  /** What the guest sees. */
  readonly bytes: number;
  readonly format: ImageFormat;
}

/** A volume that takes room only as it is written. */
export function newVolumeXml({ name, bytes, format }: NewVolume): string {
  const sizes = `<capacity unit='bytes'>${bytes}</capacity><allocation unit='bytes'>0</allocation>`;
  const target = `<target><format type='${format}'/></target>`;
  return `<volume><name>${escapeXml(name)}</name>${sizes}${target}</volume>`;
}

const volume = z.object({
  volume: one(
    z.object({
      capacity: one(size),
      allocation: maybe(size),
      target: one(
        z.object({
          format: maybe(z.object({ '@type': attribute })),
          timestamps: maybe(z.object({ mtime: maybe(text) })),
        }),
      ),
      backingStore: maybe(z.object({ path: maybe(text) })),
    }),
  ),
});

export interface Volume {
  readonly bytes: number;
  /** The room that it takes in its pool; undefined: libvirt did not say. */
  readonly allocatedBytes: number | undefined;
  readonly format: string | undefined;
  /** The image that it builds upon; undefined: it stands alone. */
  readonly backingPath: string | undefined;
  /** When it was written to last, as libvirt spells it; undefined: it did not say. */
  readonly modified: string | undefined;
}

export function readVolume(xml: string): Volume {
  const { capacity, allocation, target, backingStore } = readDocument('volume', xml, volume).volume;
  return {
    bytes: capacity,
    allocatedBytes: allocation,
    format: target.format?.['@type'],
    backingPath: backingStore?.path,
    modified: target.timestamps?.mtime,
  };
}

// Role: the image files of a lab's hosts as they lie on this machine's own disk: what a move has
// made, kept and removed, seen without libvirt.
import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { hostDir, type HostNumber } from './paths.ts';

const IMAGES = 'var/lib/libvirt/images';

function folder(lab: string, host: HostNumber): string {
  return join(hostDir(lab, host), IMAGES);
}

/** Sorted. */
export async function imagesOn(lab: string, host: HostNumber): Promise<string[]> {
  return (await readdir(folder(lab, host))).sort();
}

export async function digestOf(lab: string, host: HostNumber, image: string): Promise<string> {
  const content = await readFile(join(folder(lab, host), image));
  return createHash('sha256').update(content).digest('hex');
}

/** Bytes that it takes on the disk: less than its size where it has holes. */
export async function bytesTaken(lab: string, host: HostNumber, image: string): Promise<number> {
  return (await stat(join(folder(lab, host), image))).blocks * 512;
}

export interface Region {
  readonly image: string;
  readonly at: number;
  readonly length: number;
}

export async function readRegion(
  lab: string,
  host: HostNumber,
  { image, at, length }: Region,
): Promise<Buffer> {
  const file = await open(join(folder(lab, host), image), 'r');
  try {
    const content = Buffer.alloc(length);
    await file.read(content, 0, length, at);
    return content;
  } finally {
    await file.close();
  }
}

/** Writes past the guest, into a part of its disk that it does not use. */
export async function writeRegion(
  lab: string,
  host: HostNumber,
  { image, at, content }: { readonly image: string; readonly at: number; readonly content: Buffer },
): Promise<void> {
  const file = await open(join(folder(lab, host), image), 'r+');
  try {
    await file.write(content, 0, content.length, at);
    await file.sync();
  } finally {
    await file.close();
  }
}

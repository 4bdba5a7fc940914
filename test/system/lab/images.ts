// Role: the image files of a lab's hosts as they lie on this machine's own disk: what a move has
// made, kept and removed, seen without libvirt.
import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Guest } from './guest.ts';
import { hostDir, type HostNumber } from './paths.ts';
import { run } from './shell.ts';

const IMAGES = 'var/lib/libvirt/images';
const MIB = 1024 * 1024;

function pathOf(lab: string, host: HostNumber, image: string): string {
  return join(hostDir(lab, host), IMAGES, image);
}

/** Sorted. */
export async function imagesOn(lab: string, host: HostNumber): Promise<string[]> {
  return (await readdir(pathOf(lab, host, '.'))).sort();
}

/** Of the file as it lies there. */
export async function digestOf(lab: string, host: HostNumber, image: string): Promise<string> {
  return sha256(pathOf(lab, host, image));
}

/** Of what the guest sees in it, whatever its format; also while a guest runs on it. */
export async function contentOf(lab: string, host: HostNumber, image: string): Promise<string> {
  const file = pathOf(lab, host, image);
  const plain = `${file}.plain`;
  try {
    await run('qemu-img', ['convert', '-U', '-O', 'raw', file, plain]);
    return await sha256(plain);
  } finally {
    await rm(plain, { force: true });
  }
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** Bytes that it takes on the disk: less than its size where it has holes. */
export async function bytesTaken(lab: string, host: HostNumber, image: string): Promise<number> {
  return (await stat(pathOf(lab, host, image))).blocks * 512;
}

/** The random bytes of a raw image that its guest leaves alone ({@link GuestSpec.diskMarkMiB}). */
export async function markOf(
  lab: string,
  host: HostNumber,
  { image, guest }: { readonly image: string; readonly guest: Guest },
): Promise<Buffer> {
  const file = await open(pathOf(lab, host, image), 'r');
  try {
    const content = Buffer.alloc(guest.diskMarkMiB * MIB);
    await file.read(content, 0, content.length, (guest.diskMiB - guest.diskMarkMiB) * MIB);
    return content;
  } finally {
    await file.close();
  }
}

/** The disk of a guest before its first start. */
export async function makeImage(path: string, guest: Guest): Promise<void> {
  const { diskFormat, diskMiB, diskMarkMiB } = guest;
  const plain = diskFormat === 'raw' ? path : `${path}.plain`;
  const file = await open(plain, 'w');
  try {
    await file.truncate(diskMiB * MIB);
    const mark = randomBytes(diskMarkMiB * MIB);
    await file.write(mark, 0, mark.length, (diskMiB - diskMarkMiB) * MIB);
  } finally {
    await file.close();
  }
  if (plain === path) return;
  await run('qemu-img', ['convert', '-f', 'raw', '-O', diskFormat, plain, path]);
  await rm(plain);
}

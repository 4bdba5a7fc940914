// Role: a token that a controller has noted outlives a power failure: the file, and its name.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished, vi } from 'vitest';

import { ControllerFile } from '../../../src/app/controller-file.ts';
import { clusterId } from '../../../src/domain/ids.ts';

const disk = vi.hoisted(() => ({ told: [] as string[], fails: { open: '', flush: '' } }));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const fail = (code: string): void => {
    if (code !== '') throw Object.assign(new Error(code), { code });
  };
  return {
    ...real,
    openSync: (name: string, flags: string, mode?: number) => {
      if (flags === 'r') fail(disk.fails.open);
      return real.openSync(name, flags, mode);
    },
    fsyncSync: (handle: number) => {
      const isFolder = real.fstatSync(handle).isDirectory();
      disk.told.push(isFolder ? 'folder' : 'file');
      if (isFolder) fail(disk.fails.flush);
      real.fsyncSync(handle);
    },
    renameSync: (from: string, to: string) => {
      disk.told.push('rename');
      real.renameSync(from, to);
    },
  };
});

const C1 = clusterId('c1');

async function aFile(): Promise<ControllerFile> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-controller-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  disk.fails = { open: '', flush: '' };
  const file = ControllerFile.open(join(folder, 'controller.json'), () => 'id-1');
  disk.told.length = 0;
  return file;
}

it.each(['', 'EINVAL', 'EBADF', 'ENOTSUP', 'ENOSYS'])(
  'the file, its name, the folder (what the disk says of folders: "%s")',
  async (flush) => {
    const file = await aFile();
    disk.fails = { open: '', flush };
    file.remember(C1, 7);
    expect(disk.told).toEqual(['file', 'rename', 'folder']);
    expect(file.highest(C1)).toBe(7);
  },
);

it.each(['EACCES', 'EISDIR'])('where folders cannot be opened (%s): the file', async (open) => {
  const file = await aFile();
  disk.fails = { open, flush: '' };
  file.remember(C1, 7);
  expect(disk.told).toEqual(['file', 'rename']);
  expect(file.highest(C1)).toBe(7);
});

it('a disk that fails is told of', async () => {
  const file = await aFile();
  disk.fails = { open: '', flush: 'EIO' };
  expect(() => file.remember(C1, 7)).toThrow('EIO');
  expect(file.highest(C1)).toBe(0);
});

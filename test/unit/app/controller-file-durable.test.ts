// Role: a token that a controller has noted outlives a power failure: the file, and its name.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished, vi } from 'vitest';

import { ControllerFile } from '../../../src/app/controller-file.ts';
import { clusterId } from '../../../src/domain/ids.ts';

const disk = vi.hoisted(() => ({ told: [] as string[], knowsFolders: true }));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return {
    ...real,
    fsyncSync: (handle: number) => {
      const isFolder = real.fstatSync(handle).isDirectory();
      disk.told.push(isFolder ? 'folder' : 'file');
      if (isFolder && !disk.knowsFolders) throw Object.assign(new Error('no'), { code: 'EINVAL' });
      real.fsyncSync(handle);
    },
    renameSync: (from: string, to: string) => {
      disk.told.push('rename');
      real.renameSync(from, to);
    },
  };
});

it.each([true, false])('the file, its name, the folder (known to the disk: %s)', async (knows) => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-controller-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  disk.knowsFolders = knows;
  const file = ControllerFile.open(join(folder, 'controller.json'), () => 'id-1');
  disk.told.length = 0;
  file.remember(clusterId('c1'), 7);
  expect(disk.told).toEqual(['file', 'rename', 'folder']);
  expect(file.highest(clusterId('c1'))).toBe(7);
});

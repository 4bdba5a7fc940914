/**
 * Where a host puts copies of disks, and how much room each has to find there: what a move does
 * (disk-plan.ts) and what the planner is told beforehand (host-survey.ts, vm-survey.ts) are the
 * same answer. Pure.
 */

import type { Pool } from '../xml/reach.ts';
import type { ImageFormat } from '../xml/volume.ts';
import type { DiskSource } from './image.ts';
import { ANY_DISK } from '../../../src/domain/host.ts';
import { MIB } from '../../../src/domain/units.ts';

/** The names that a disk goes by, best first: hosts have their pools under the same ones. */
export function copyNamesOf({ folder, pool }: Pick<DiskSource, 'folder' | 'pool'>): string[] {
  return [folderName(folder), ...(pool === undefined ? [] : [poolName(pool)])];
}

/** The host's pools by those names; where its operator named one (`diskPool`), that one for all. */
export function copyPools(
  pools: readonly Pool[],
  diskPool: string | undefined,
): ReadonlyMap<string, Pool> {
  const usable = pools.filter(({ holdsFiles }) => holdsFiles);
  if (diskPool !== undefined) {
    const named = usable.filter(({ name }) => name === diskPool);
    return new Map(named.map((pool) => [ANY_DISK, pool]));
  }
  // Of several under one name the first.
  const entries = usable.flatMap((pool) =>
    copyNamesOf({ folder: pool.path ?? '', pool: pool.name }).map((name) => [name, pool] as const),
  );
  return new Map(entries.toReversed());
}

/** Undefined: the host has no pool for such a disk. */
export function poolFor(
  source: Pick<DiskSource, 'folder' | 'pool'>,
  pools: readonly Pool[],
  diskPool: string | undefined,
): Pool | undefined {
  const byName = copyPools(pools, diskPool);
  const found = [...copyNamesOf(source), ANY_DISK].map((name) => byName.get(name));
  return found.find((pool) => pool !== undefined);
}

/**
 * Counted as if it were full: a thin disk may fill up as soon as its guest runs there. With its
 * tables: qcow2 keeps 8 + 2 bytes for each cluster of 64 KiB, and some to begin with.
 */
export function copyBytesOf(bytes: number, format: ImageFormat): number {
  return format === 'raw' ? bytes : Math.ceil(bytes * (1 + 1 / 4096)) + MIB;
}

function folderName(folder: string): string {
  return `folder:${folder}`;
}

function poolName(name: string): string {
  return `pool:${name}`;
}

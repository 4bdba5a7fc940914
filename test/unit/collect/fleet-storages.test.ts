// Role: the storages of the whole fleet: each source's own, and none of what a silent one said.
import { expect, it } from 'vitest';

import { mergeInSlices, type SourceInventory } from '../../../src/collect/fleet.ts';
import { sourceId, storageId } from '../../../src/domain/ids.ts';
import { inOneGo } from '../../../src/domain/slices.ts';
import { bytes } from '../../../src/domain/units.ts';

function told(source: string, free: number | undefined, down = false): SourceInventory {
  const room = free === undefined ? {} : { freeBytes: bytes(free) };
  const storages = [{ id: storageId('nfs'), shared: true, ...room }];
  const rest = { hosts: [], vms: [], networks: [], problems: [] };
  return { source: sourceId(source), inventory: { ...rest, storages }, down };
}

function merged(...inventories: readonly SourceInventory[]): string[] {
  const { fleet } = inOneGo(mergeInSlices({ inventories, down: '' }));
  return fleet.storages.map(({ id, source, freeBytes }) => `${id} of ${source}: ${freeBytes}`);
}

it('are those that each source tells something of, by themselves', () => {
  expect(merged(told('east', 1), told('west', 5000))).toEqual([
    'nfs of east: 1',
    'nfs of west: 5000',
  ]);
  expect(merged(told('east', undefined))).toEqual([]);
});

it('are none of a source that does not answer', () => {
  expect(merged(told('east', 1, true), told('west', 5000))).toEqual(['nfs of west: 5000']);
});

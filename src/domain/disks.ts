/**
 * The disks that a move takes along. Live (`storage`) or cold, what the target reaches on shared
 * storage stays where it is; everything else is copied to a storage of the target.
 */

import type { Host } from './host.ts';
import type { StorageId } from './ids.ts';
import type { MoveMethod } from './plan.ts';
import type { MigrationSettings } from './policy.ts';
import { copyPlace } from './storage.ts';
import type { Vm, VmDisk } from './vm.ts';

/** Methods during which disks can be copied; a restart finds only what is shared. */
export function takesDisksAlong(method: MoveMethod): boolean {
  return method === 'storage' || method === 'cold';
}

/** Whether the policy lets disks be copied: that may take hours, and fills the target's storage. */
export function mayCopyDisks({ methods }: Pick<MigrationSettings, 'methods'>): boolean {
  return methods.includes('storage');
}

/** Whether the host sees the very same disk or medium. */
export function isReached(
  { shared, storage }: Pick<VmDisk, 'shared' | 'storage'>,
  to: Pick<Host, 'storages'>,
): boolean {
  return shared && to.storages.includes(storage);
}

/** Those that the method would have to copy to get the VM there. */
export function copiedDisks(
  vm: Pick<Vm, 'disks'>,
  to: Pick<Host, 'storages'>,
  method: MoveMethod,
): readonly VmDisk[] {
  return takesDisksAlong(method) ? vm.disks.filter((disk) => !isReached(disk, to)) : [];
}

/**
 * The room that the VM's copies take there, by storage. Whether any are made does not depend on the
 * method: one that copies none is refused where a disk is not reached. Empty: none, or nobody knows
 * where, or of how much.
 */
export function roomForCopies(
  vm: Pick<Vm, 'disks'>,
  to: Pick<Host, 'storages' | 'copiesTo'>,
): ReadonlyMap<StorageId, number> {
  const room = new Map<StorageId, number>();
  for (const disk of vm.disks) {
    const place = isReached(disk, to) ? undefined : copyPlace(disk, to);
    const needed = copySize(disk);
    if (place === undefined || needed === undefined) continue;
    room.set(place, (room.get(place) ?? 0) + needed);
  }
  return room;
}

/** The room that a copy of the disk has to find; undefined: nobody says how large it is. */
export function copySize({
  bytes,
  copyBytes = bytes,
}: Pick<VmDisk, 'bytes' | 'copyBytes'>): number | undefined {
  return copyBytes > 0 ? copyBytes : undefined;
}

export function bytesOf(disks: readonly VmDisk[]): number {
  return disks.reduce((sum, { bytes }) => sum + bytes, 0);
}

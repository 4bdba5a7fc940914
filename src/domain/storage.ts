/**
 * Storages, and the room that moves take on them which copy disks (disks.ts says which disks).
 *
 * Room belongs to the storage and not to the host: whoever reaches it copies into the same room.
 * It is only ever taken. The old disks of a VM stay where they are until a person removes them, so
 * that a move gives no room back to anybody; nothing has to wait for room, and any order of moves
 * that fit together fits. A copy is counted in full from the moment its move is promised a place,
 * though thin disks take less at first and a reading may show part of it already: rather too much.
 *
 * No copy goes from one source to another: a storage that two of them list has two rooms.
 *
 * Which storage takes a copy is the adapter's doing; `Host.copiesTo` and `VmDisk.copyNames` say
 * beforehand what it is going to do. Where nobody says how much is free, nobody counts: the move
 * may be planned, and the hypervisor's own check right before it decides.
 */

import { ANY_DISK, type Host } from './host.ts';
import { compareText, type SourceId, type StorageId } from './ids.ts';
import { own } from './own.ts';
import type { Bytes } from './units.ts';
import type { VmDisk } from './vm.ts';

export interface Storage {
  readonly id: StorageId;
  /** Whose hosts copy into this room; absent: all. */
  readonly source?: SourceId | undefined;
  /** Absent: nobody says. */
  readonly capacityBytes?: Bytes | undefined;
  /** What new disks can be given, copies under way not taken off; absent: nobody says. */
  readonly freeBytes?: Bytes | undefined;
}

/**
 * Each storage once, by id. Each of several hosts tells what it saw at its own last look, of
 * whatever age: the most that any of them says. Too much is found out by the look right before a
 * copy; for too little, which no look would ever correct, nothing would be copied there again.
 */
export function largestRooms(readings: Iterable<Storage>): readonly Storage[] {
  const rooms = new Map<StorageId, Storage>();
  for (const { id, capacityBytes, freeBytes } of readings) {
    if (capacityBytes === undefined && freeBytes === undefined) continue;
    const first = rooms.get(id);
    rooms.set(id, {
      id,
      capacityBytes: largest(first?.capacityBytes, capacityBytes),
      freeBytes: largest(first?.freeBytes, freeBytes),
    });
  }
  return [...rooms.values()].sort((a, b) => compareText(a.id, b.id));
}

function largest(a: Bytes | undefined, b: Bytes | undefined): Bytes | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

/** Finds the room that copies to a host take; undefined: nothing is known of it. */
export type RoomFinder<Room> = (to: Pick<Host, 'source'>, id: StorageId) => Room | undefined;

export function roomFinder<Room extends Pick<Storage, 'id' | 'source'>>(
  storages: readonly Room[],
): RoomFinder<Room> {
  // Where no disk is copied, nobody asks, and a fleet may have a thousand of them.
  let rooms: ReadonlyMap<string, Room> | undefined;
  return ({ source }, id) => {
    rooms ??= new Map(storages.map((room) => [roomKey(room), room]));
    return rooms.get(roomKey({ source, id })) ?? rooms.get(roomKey({ id }));
  };
}

/** The same for the same room in every snapshot. */
export function roomKey({ id, source }: Pick<Storage, 'id' | 'source'>): string {
  return JSON.stringify([id, source]);
}

/** Where the host puts a copy of the disk; undefined: nobody says, or nowhere. */
export function copyPlace(
  { storage, copyNames = [storage] }: Pick<VmDisk, 'storage' | 'copyNames'>,
  { copiesTo = {} }: Pick<Host, 'copiesTo'>,
): StorageId | undefined {
  if (!isCopyable({ copyNames })) return undefined;
  for (const name of [...copyNames, ANY_DISK]) {
    const place = own(copiesTo, name);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** False where it is known that nobody can make a copy of the disk. */
function isCopyable({ copyNames }: Pick<VmDisk, 'copyNames'>): boolean {
  return copyNames?.length !== 0;
}

/** False where the host is known to put copies of such disks nowhere. */
export function mayHoldCopy(
  disk: Pick<VmDisk, 'storage' | 'copyNames'>,
  to: Pick<Host, 'copiesTo'>,
): boolean {
  if (to.copiesTo === undefined) return isCopyable(disk);
  return copyPlace(disk, to) !== undefined;
}

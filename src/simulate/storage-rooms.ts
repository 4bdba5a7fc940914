/**
 * The room on the storages of a simulated datacenter. A copy takes what the disks have, in full,
 * when it begins, as preallocated volumes do; it gives that back only when it is removed. What a
 * guest has left behind on its old storage stays there. A storage of which the fleet says nothing
 * has room for everything, and nobody is told how much.
 */

import type { HostId, StorageId, VmId } from '../domain/ids.ts';
import type { Storage } from '../domain/storage.ts';
import { bytes } from '../domain/units.ts';

/** What the copies of one guest's disks take on one storage. */
export interface CopyRoom {
  readonly storage: StorageId;
  readonly bytes: number;
}

export class StorageRooms {
  readonly #storages: ReadonlyMap<StorageId, Storage>;
  /** What copies take that are guests' disks by now. */
  readonly #settled = new Map<StorageId, number>();
  /** What others take that are not, by guest and host. */
  readonly #copies = new Map<string, CopyRoom>();

  constructor(storages: readonly Storage[]) {
    this.#storages = new Map(storages.map((storage) => [storage.id, storage]));
  }

  /** Undefined: nobody knows, and it never runs out. */
  freeBytes(storage: StorageId): number | undefined {
    const free = this.#storages.get(storage)?.freeBytes;
    if (free === undefined) return undefined;
    let taken = this.#settled.get(storage) ?? 0;
    for (const copy of this.#copies.values()) if (copy.storage === storage) taken += copy.bytes;
    return free - taken;
  }

  /** As an inventory shows it. */
  shown(id: StorageId): Storage {
    const free = this.freeBytes(id);
    return {
      ...this.#storages.get(id),
      id,
      ...(free !== undefined && { freeBytes: bytes(Math.max(0, free)) }),
    };
  }

  /** A copy begins; false: it finds no room. What an earlier one left there is written over. */
  take(vm: VmId, host: HostId, room: CopyRoom): boolean {
    this.remove(vm, host);
    const free = this.freeBytes(room.storage);
    if (free !== undefined && free < room.bytes) return false;
    this.#copies.set(keyOf(vm, host), room);
    return true;
  }

  /** The copy is the guest's disk now. */
  settle(vm: VmId, host: HostId): void {
    const copy = this.#copies.get(keyOf(vm, host));
    if (copy === undefined) return;
    this.remove(vm, host);
    this.#settled.set(copy.storage, (this.#settled.get(copy.storage) ?? 0) + copy.bytes);
  }

  /** What a move that came to nothing has left there. */
  remove(vm: VmId, host: HostId): void {
    this.#copies.delete(keyOf(vm, host));
  }
}

function keyOf(vm: VmId, host: HostId): string {
  return JSON.stringify([vm, host]);
}

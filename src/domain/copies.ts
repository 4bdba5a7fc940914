/**
 * Copies of disks that are under way or about to begin, and the room that they take together
 * (storage.ts has the rules).
 */

import { roomForCopies } from './disks.ts';
import type { Host } from './host.ts';
import type { HostId, VmId } from './ids.ts';
import { hostOf, vmOf } from './snapshot-index.ts';
import type { Snapshot } from './snapshot.ts';
import type { RoomFinder } from './storage.ts';
import type { Vm } from './vm.ts';

/** Where a move takes a VM. */
export interface Way {
  readonly vm: VmId;
  readonly to: HostId;
}

export interface Copying {
  readonly vm: Vm;
  readonly to: Host;
}

/**
 * Each VM once at each place, however many ways lead there. One that has arrived copies nothing
 * any more, and of VMs and hosts that are not in the snapshot nobody knows what they copy.
 */
export function copiesUnderWay(
  snapshot: Pick<Snapshot, 'hosts' | 'vms'>,
  ways: Iterable<Way>,
): readonly Copying[] {
  const distinct = new Map([...ways].map((way) => [wayKey(way), way]));
  return [...distinct.values()].flatMap((way) => {
    const [vm, to] = [vmOf(snapshot, way.vm), hostOf(snapshot, way.to)];
    return vm === undefined || to === undefined || vm.host === to.id ? [] : [{ vm, to }];
  });
}

/** The same for the same way in every snapshot. */
export function wayKey({ vm, to }: Way): string {
  return JSON.stringify([vm, to]);
}

/** In bytes, by room; of rooms that are not found nothing is counted. */
export function roomTaken<Room>(
  copies: Iterable<Copying>,
  find: RoomFinder<Room>,
): ReadonlyMap<Room, number> {
  const taken = new Map<Room, number>();
  for (const { vm, to } of copies) {
    for (const [id, needed] of roomForCopies(vm, to)) {
      const room = find(to, id);
      if (room !== undefined) taken.set(room, (taken.get(room) ?? 0) + needed);
    }
  }
  return taken;
}

/**
 * Whether the storages that a move copies disks to still have the room, as the world is now. Pure.
 * What moves under way have been promised there is taken off in full: of a copy that has begun the
 * free room may show a part already, and rather too much is kept than too little.
 */

import { copiesUnderWay, roomTaken } from '../domain/copies.ts';
import { roomForCopies } from '../domain/disks.ts';
import type { Host } from '../domain/host.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { roomFinder } from '../domain/storage.ts';
import { GIB } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

/** The first storage against the move; undefined: there is none, or nobody knows its room. */
export function storageMisfit(
  vm: Vm,
  to: Host,
  snapshot: Snapshot,
): { readonly code: RefusalCode; readonly detail: string } | undefined {
  const needs = roomForCopies(vm, to);
  if (needs.size === 0) return undefined;
  const find = roomFinder(snapshot.storages ?? []);
  const others = copiesUnderWay(snapshot, snapshot.inFlight).filter((one) => one.vm.id !== vm.id);
  const taken = roomTaken(others, find);
  for (const [id, bytes] of needs) {
    const room = find(to, id);
    const free = room?.freeBytes;
    if (room === undefined || free === undefined) continue;
    const promised = taken.get(room) ?? 0;
    if (bytes <= free - promised) continue;
    const beside = promised > 0 ? `, ${gib(promised)} of it promised to moves under way` : '';
    return {
      code: 'storage-space',
      detail: `needs ${gib(bytes)} on ${id}, ${gib(free)} free${beside}`,
    };
  }
  return undefined;
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

/**
 * Whether the storages that a move copies disks to still have the room, as the world is now. Pure.
 * What moves under way have been promised there is taken off in full: of a copy that has begun the
 * free room may show a part already, and rather too much is kept than too little.
 */

import { roomForCopies } from '../domain/disks.ts';
import type { Host } from '../domain/host.ts';
import type { StorageId } from '../domain/ids.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { GIB } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

/** The first storage against the move; undefined: there is none, or nobody knows its room. */
export function storageMisfit(
  vm: Vm,
  to: Host,
  snapshot: Snapshot,
): { readonly code: RefusalCode; readonly detail: string } | undefined {
  for (const [id, bytes] of roomForCopies(vm, to)) {
    const free = snapshot.storages?.find((storage) => storage.id === id)?.freeBytes;
    if (free === undefined) continue;
    const promised = promisedOn(id, vm, snapshot);
    if (bytes <= free - promised) continue;
    const others = promised > 0 ? `, ${gib(promised)} of it promised to moves under way` : '';
    return {
      code: 'storage-space',
      detail: `needs ${gib(bytes)} on ${id}, ${gib(free)} free${others}`,
    };
  }
  return undefined;
}

/** Each VM once, where it has not arrived yet. */
function promisedOn(storage: StorageId, except: Vm, snapshot: Snapshot): number {
  const ways = snapshot.inFlight.map((flight) => [`${flight.vm} ${flight.to}`, flight] as const);
  let promised = 0;
  for (const flight of new Map(ways).values()) {
    const [vm, to] = [vmOf(snapshot, flight.vm), hostOf(snapshot, flight.to)];
    if (vm === undefined || to === undefined || vm.id === except.id || vm.host === to.id) continue;
    promised += roomForCopies(vm, to).get(storage) ?? 0;
  }
  return promised;
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

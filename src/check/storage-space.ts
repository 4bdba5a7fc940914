/**
 * Is there room for every disk that a plan copies? Copies only add up: no move gives room back, and
 * all that were begun may be there at once. So the moves are counted in list order, whatever runs
 * beside what; first comes what is promised to moves under way, and to those about to begin.
 *
 * Where nobody says how much is free, or where a host puts its copies, nothing can be held against
 * a move.
 */

import type { Host } from '../domain/host.ts';
import { copyPlace, roomFinder, type RoomFinder, type Storage } from '../domain/storage.ts';
import { GIB } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';
import { type Step, type World, against } from './world.ts';

/** What is left of it, in bytes: less with each copy. */
type Room = Pick<Storage, 'id' | 'source'> & { left: number };

export function checkStorageSpace(world: World, steps: readonly Step[]): Violation[] {
  const known: Room[] = (world.snapshot.storages ?? []).flatMap(({ id, source, freeBytes }) =>
    freeBytes === undefined ? [] : [{ id, source, left: freeBytes }],
  );
  if (known.length === 0) return [];
  const rooms = roomFinder(known);
  for (const { vm, to } of promisedCopies(world)) takeRoom(rooms, vm, to);
  return steps.flatMap((step) => {
    const short = takeRoom(rooms, step.vm, step.to);
    if (short === undefined) return [];
    const over = (-short.left / GIB).toFixed(1);
    return [against(step, 'storage-space', `${short.id} would lack ${over} GiB for its disks`)];
  });
}

/** What is on its way before the plan, each VM once at each place. */
function promisedCopies(world: World): { readonly vm: Vm; readonly to: Host }[] {
  const { inFlight, reservations } = world.snapshot;
  const own = new Set(world.moves.map(({ id }) => id));
  const held = reservations.filter(({ move }) => !own.has(move));
  const ways = [...inFlight, ...held.map(({ vm, host }) => ({ vm, to: host }))];
  const distinct = new Map(ways.map((way) => [JSON.stringify([way.vm, way.to]), way]));
  return [...distinct.values()].flatMap((way) => {
    const [vm, to] = [world.vms.get(way.vm), world.hosts.get(way.to)];
    return vm === undefined || to === undefined || vm.host === to.id ? [] : [{ vm, to }];
  });
}

/** Takes what the VM's copies need there; the storage that has less than nothing left then. */
function takeRoom(rooms: RoomFinder<Room>, vm: Vm, to: Host): Room | undefined {
  let short: Room | undefined;
  for (const disk of vm.disks) {
    if (disk.shared && to.storages.includes(disk.storage)) continue;
    const place = copyPlace(disk, to);
    const room = place === undefined ? undefined : rooms(to, place);
    const needed = disk.copyBytes ?? disk.bytes;
    // What takes nothing, or nobody knows how much, is held against no move.
    if (room === undefined || needed === 0) continue;
    room.left -= needed;
    // Written so that what is not a number is too little.
    if (!(room.left >= 0)) short = room;
  }
  return short;
}

/**
 * Is there room for every disk that a plan copies? Copies only add up: no move gives room back, and
 * all that were begun may be there at once. So the moves are counted in list order, whatever runs
 * beside what; first comes what is promised to moves under way, and to those about to begin.
 *
 * Where nobody says how much is free, or where a host puts its copies, nothing can be held against
 * a move.
 */

import type { Host } from '../domain/host.ts';
import type { StorageId } from '../domain/ids.ts';
import { copyPlace } from '../domain/storage.ts';
import { GIB } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';
import { type Step, type World, against } from './world.ts';

export function checkStorageSpace(world: World, steps: readonly Step[]): Violation[] {
  const left = new Map<StorageId, number>();
  for (const { id, freeBytes } of world.snapshot.storages ?? []) {
    if (freeBytes !== undefined) left.set(id, freeBytes);
  }
  if (left.size === 0) return [];
  for (const { vm, to } of promisedCopies(world)) takeRoom(left, vm, to);
  return steps.flatMap((step) => {
    const short = takeRoom(left, step.vm, step.to);
    if (short === undefined) return [];
    const over = (-(left.get(short) ?? 0) / GIB).toFixed(1);
    return [against(step, 'storage-space', `${short} would lack ${over} GiB for its disks`)];
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
function takeRoom(left: Map<StorageId, number>, vm: Vm, to: Host): StorageId | undefined {
  let short: StorageId | undefined;
  for (const disk of vm.disks) {
    if (disk.shared && to.storages.includes(disk.storage)) continue;
    const place = copyPlace(disk, to);
    const room = place === undefined ? undefined : left.get(place);
    if (place === undefined || room === undefined) continue;
    const after = room - (disk.copyBytes ?? disk.bytes);
    left.set(place, after);
    // Written so that what is not a number is too little.
    if (!(after >= 0)) short = place;
  }
  return short;
}

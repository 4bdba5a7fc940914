/**
 * What counts as free on a storage while disks are copied there. A copy under way is counted in
 * full by whoever plans (domain/storage.ts), and a reading shows a part of it as well: both
 * together would refuse moves that fit. So the storage counts as it was before the first of the
 * copies, less those that have ended since, where that is more than the reading. What others take
 * meanwhile is seen when the copies are over; until then the hypervisor's own check tells.
 */

import { roomForCopies } from '../domain/disks.ts';
import type { MoveId, StorageId } from '../domain/ids.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Storage } from '../domain/storage.ts';
import { bytes } from '../domain/units.ts';

interface Copy {
  readonly room: number;
  /** The newest reading while it was under way: only a later one is from after its end. */
  reading: Storage;
}

/** A storage that copies are under way to, or were until the newest reading. */
interface Busy {
  /** Free before the first of them. */
  readonly before: number;
  readonly copies: Map<MoveId, Copy>;
}

type Rooms = ReadonlyMap<StorageId, ReadonlyMap<MoveId, number>>;

export class HeldRooms {
  /** Free when nothing was copied there, as of the last snapshot. */
  readonly #quiet = new Map<StorageId, number>();
  readonly #busy = new Map<StorageId, Busy>();

  /** To be given every snapshot that is planned from, in turn. */
  counted(snapshot: Snapshot): Snapshot {
    const { storages } = snapshot;
    if (storages === undefined) return snapshot;
    const rooms = roomsUnderWay(snapshot);
    return { ...snapshot, storages: storages.map((one) => this.#count(one, rooms)) };
  }

  #count(reading: Storage, rooms: Rooms): Storage {
    const { id, freeBytes } = reading;
    if (freeBytes === undefined) return reading;
    const under = rooms.get(id) ?? new Map<MoveId, number>();
    const busy = this.#busyWith(id, under);
    if (busy !== undefined) {
      for (const [move, room] of under) busy.copies.set(move, { room, reading });
      const isOver = (move: MoveId): boolean =>
        !under.has(move) && busy.copies.get(move)?.reading !== reading;
      const ended = [...busy.copies.keys()].filter(isOver);
      if (ended.length < busy.copies.size) {
        const gone = ended.reduce((sum, move) => sum + (busy.copies.get(move)?.room ?? 0), 0);
        const free = Math.max(freeBytes, busy.before - gone);
        return { ...reading, freeBytes: bytes(free) };
      }
      this.#busy.delete(id);
    }
    // One that was busy before anybody looked counts as it is read.
    if (under.size === 0) this.#quiet.set(id, freeBytes);
    return reading;
  }

  #busyWith(id: StorageId, under: ReadonlyMap<MoveId, number>): Busy | undefined {
    const known = this.#busy.get(id);
    const before = this.#quiet.get(id);
    if (known !== undefined || before === undefined || under.size === 0) return known;
    const busy: Busy = { before, copies: new Map() };
    this.#busy.set(id, busy);
    this.#quiet.delete(id);
    return busy;
  }
}

/** By storage and move. One whose VM has arrived already tells nothing of what it took. */
function roomsUnderWay(snapshot: Snapshot): Rooms {
  const rooms = new Map<StorageId, Map<MoveId, number>>();
  for (const { move, vm: id, to } of snapshot.inFlight) {
    const [vm, host] = [vmOf(snapshot, id), hostOf(snapshot, to)];
    if (vm === undefined || host === undefined || vm.host === to) continue;
    for (const [storage, room] of roomForCopies(vm, host)) {
      rooms.set(storage, (rooms.get(storage) ?? new Map<MoveId, number>()).set(move, room));
    }
  }
  return rooms;
}

/**
 * What counts as free on a storage while disks are copied there. Whoever plans takes a copy under
 * way off in full (domain/storage.ts), and a reading lacks a part of it already: both together
 * would refuse moves that fit. So what was free before the copies counts on, as far as readings
 * bear it out:
 *
 *   min(max(reading, before − arrived), reading + under way)
 *
 * before: the last reading without any copy; arrived: what the copies have taken since whose VM is
 * there now; under way: what the others are going to take. No copy can have taken more of a reading
 * than it is going to take: what is lacking beyond that, somebody else has written.
 *
 * A copy that is not under way any more is one whose VM has arrived, or one that failed and is
 * removed: which, the inventory tells that is asked for after its end. Until then it counts as
 * before, and what it has taken is known to who saw it end (execute/current-world.ts).
 */

import { copiesUnderWay, roomTaken, wayKey } from '../domain/copies.ts';
import type { HostId, SourceId, VmId } from '../domain/ids.ts';
import { vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { roomFinder, roomKey, type Storage } from '../domain/storage.ts';
import { bytes, type Seconds } from '../domain/units.ts';

interface Copy {
  readonly vm: VmId;
  readonly to: HostId;
  readonly source: SourceId;
  readonly room: number;
  /** When the inventory was asked for beside which it was first not under way any more. */
  readonly endedBy: Seconds | undefined;
}

type Copies = ReadonlyMap<string, Copy>;

/** A storage, from the last reading without any copy on. */
interface Held {
  readonly before: number;
  readonly arrived: number;
  /** By way; those that have not arrived and are not known to have failed. */
  readonly copies: Copies;
}

const NO_COPIES: Copies = new Map();

export class HeldRooms {
  readonly #held = new Map<string, Held>();

  /** To be given every snapshot that is planned from, in turn. */
  counted(snapshot: Snapshot): Snapshot {
    const { storages } = snapshot;
    if (storages === undefined) return snapshot;
    const flying = copiesByRoom(snapshot, storages);
    const count = (one: Storage): Storage =>
      this.#count(one, flying.get(one) ?? NO_COPIES, snapshot);
    return { ...snapshot, storages: storages.map(count) };
  }

  #count(storage: Storage, flying: Copies, snapshot: Snapshot): Storage {
    const { freeBytes: reading } = storage;
    if (reading === undefined) return storage;
    const key = roomKey(storage);
    const known = this.#held.get(key) ?? { before: reading, arrived: 0, copies: NO_COPIES };
    const held = heldOn(known, flying, snapshot);
    if (held.copies.size === 0) {
      this.#held.set(key, { before: reading, arrived: 0, copies: NO_COPIES });
      return storage;
    }
    this.#held.set(key, held);
    const atMost = reading + sum(held.copies.values());
    const free = Math.min(Math.max(reading, held.before - held.arrived), atMost);
    return { ...storage, freeBytes: bytes(free) };
  }
}

/** What is held after this snapshot, if these copies are under way now. */
function heldOn({ before, arrived, copies }: Held, flying: Copies, snapshot: Snapshot): Held {
  const gone = [...copies].filter(([way]) => !flying.has(way));
  const isThere = ({ vm, to }: Copy): boolean => vmOf(snapshot, vm)?.host === to;
  const unclear = gone.flatMap(([way, copy]) => {
    if (isThere(copy)) return [];
    const asked = snapshot.askedAt?.get(copy.source);
    const { endedBy = asked } = copy;
    const hasFailed = asked === undefined || asked !== endedBy;
    return hasFailed ? [] : [[way, { ...copy, endedBy }] as const];
  });
  return {
    before,
    arrived: arrived + sum(gone.map(([, copy]) => copy).filter(isThere)),
    copies: new Map([...unclear, ...flying]),
  };
}

function sum(copies: Iterable<Copy>): number {
  let total = 0;
  for (const { room } of copies) total += room;
  return total;
}

/** Those under way, by the storage that they go to. */
function copiesByRoom(
  snapshot: Snapshot,
  storages: readonly Storage[],
): ReadonlyMap<Storage, Copies> {
  const find = roomFinder(storages);
  const byRoom = new Map<Storage, Map<string, Copy>>();
  for (const copying of copiesUnderWay(snapshot, snapshot.inFlight)) {
    const [vm, to] = [copying.vm.id, copying.to.id];
    for (const [storage, room] of roomTaken([copying], find)) {
      const copies = byRoom.get(storage) ?? new Map<string, Copy>();
      byRoom.set(storage, copies);
      copies.set(wayKey({ vm, to }), {
        vm,
        to,
        source: copying.to.source,
        room,
        endedBy: undefined,
      });
    }
  }
  return byRoom;
}

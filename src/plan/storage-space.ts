/**
 * The room on storages that moves take which copy disks (domain/storage.ts has the rules). It
 * stands beside the resource vectors because it is the storages' and not the hosts', and because a
 * move only ever takes of it: no load has to leave first, and no order of moves matters.
 *
 * Made only where the policy lets disks be copied and somebody says how much room there is: other
 * fleets pay nothing for it.
 */

import { copiesUnderWay } from '../domain/copies.ts';
import { isReached, mayCopyDisks, roomForCopies } from '../domain/disks.ts';
import type { Host } from '../domain/host.ts';
import { listed } from '../domain/listed.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { roomFinder, type RoomFinder, type Storage } from '../domain/storage.ts';
import { GIB } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import { STORAGE_SPACE } from './codes.ts';
import type { Model } from './model.ts';
import type { PlanRequest } from './request.ts';

/** What the copies of a VM's disks take of one storage. */
interface Need {
  readonly storage: number;
  readonly bytes: number;
}

const NONE: readonly Need[] = [];

export class StorageSpace {
  readonly #model: Model;
  readonly #storages: readonly Storage[];
  readonly #index: ReadonlyMap<Storage, number>;
  readonly #find: RoomFinder<Storage>;
  /** Per storage: what was free at first, and what of it is left to moves of this plan. */
  readonly #free: Float64Array;
  readonly #left: Float64Array;
  /** Per storage: what is not left, and for whom. */
  readonly #promised: Map<number, number>[];
  /** By VM × host. */
  readonly #needs = new Map<number, readonly Need[]>();

  /** Undefined: nothing is copied, or nobody knows where to there is room. */
  static of(model: Model, { snapshot, migration }: PlanRequest): StorageSpace | undefined {
    const known = (snapshot.storages ?? []).filter(({ freeBytes }) => freeBytes !== undefined);
    if (known.length === 0 || !mayCopyDisks(migration)) return undefined;
    const space = new StorageSpace(model, known);
    space.#promise(snapshot);
    return space;
  }

  constructor(model: Model, storages: readonly Storage[]) {
    this.#model = model;
    this.#storages = storages;
    this.#index = new Map(storages.map((storage, index) => [storage, index]));
    this.#find = roomFinder(storages);
    this.#free = Float64Array.from(storages, ({ freeBytes = 0 }) => freeBytes);
    this.#left = this.#free.slice();
    this.#promised = storages.map(() => new Map());
  }

  /** STORAGE_SPACE where there is not enough for the VM's copies; 0: there is, or none is made. */
  code(v: number, to: number): number {
    for (const { storage, bytes } of this.#needsOf(v, to)) {
      if (bytes > (this.#left[storage] ?? 0)) return STORAGE_SPACE;
    }
    return 0;
  }

  /** The same whatever else the plan does: what is promised to moves under way is gone. */
  isHopeless(v: number, to: number): boolean {
    return this.#needsOf(v, to).some(({ storage, bytes }) => {
      const ofPlan = [...(this.#promised[storage] ?? [])].reduce(
        (sum, [other, promised]) => (this.#model.inFlight[other] === 1 ? sum : sum + promised),
        0,
      );
      return bytes > (this.#left[storage] ?? 0) + ofPlan;
    });
  }

  count(v: number, to: number, sign: 1 | -1): void {
    for (const { storage, bytes } of this.#needsOf(v, to)) {
      this.#left[storage] = (this.#left[storage] ?? 0) - sign * bytes;
      const promised = this.#promised[storage];
      // It may be promised some already, there or by way of another host.
      const sum = (promised?.get(v) ?? 0) + sign * bytes;
      if (sum > 0) promised?.set(v, sum);
      else promised?.delete(v);
    }
  }

  /** For people: each storage that has not enough. */
  shortages(v: number, to: number): readonly string[] {
    return this.#needsOf(v, to).flatMap(({ storage, bytes }) => {
      if (bytes <= (this.#left[storage] ?? 0)) return [];
      const free = `${shown(this.#free[storage] ?? 0)} free`;
      return [
        `needs ${shown(bytes)} on ${this.#storages[storage]?.id}, ${free}${this.#others(storage)}`,
      ];
    });
  }

  #others(storage: number): string {
    const promised = [...(this.#promised[storage] ?? [])].filter(([, bytes]) => bytes > 0);
    if (promised.length === 0) return '';
    const sum = promised.reduce((total, [, bytes]) => total + bytes, 0);
    const names = promised.map(([v]) => this.#model.vms[v]?.name ?? '').toSorted();
    return `, ${shown(sum)} of it promised to ${listed(names)}`;
  }

  #needsOf(v: number, to: number): readonly Need[] {
    const [vm, host] = [this.#model.vms[v], this.#model.hosts[to]];
    // Of most pairs nothing more is asked.
    if (vm === undefined || host === undefined || isAllReached(vm, host)) return NONE;
    const key = v * this.#model.hosts.length + to;
    const known = this.#needs.get(key);
    if (known !== undefined) return known;
    const needs = [...roomForCopies(vm, host)].flatMap(([id, bytes]): readonly Need[] => {
      const room = this.#find(host, id);
      const storage = room === undefined ? undefined : this.#index.get(room);
      return storage === undefined ? NONE : [{ storage, bytes }];
    });
    this.#needs.set(key, needs);
    return needs;
  }

  /** To moves under way and about to be. */
  #promise(snapshot: Snapshot): void {
    const { inFlight, reservations } = snapshot;
    const { vmIndex, hostIndex } = this.#model;
    const ways = [...inFlight, ...reservations.map(({ vm, host }) => ({ vm, to: host }))];
    for (const { vm, to } of copiesUnderWay(snapshot, ways)) {
      const [v, h] = [vmIndex.get(vm.id), hostIndex.get(to.id)];
      if (v !== undefined && h !== undefined) this.count(v, h, 1);
    }
  }
}

function isAllReached({ disks }: Vm, to: Host): boolean {
  for (const disk of disks) if (!isReached(disk, to)) return false;
  return true;
}

function shown(bytes: number): string {
  return `${(Math.max(0, bytes) / GIB).toFixed(1)} GiB`;
}

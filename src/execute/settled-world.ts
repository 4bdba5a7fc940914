/**
 * A snapshot with those in their new places who have arrived since its hosts were asked. Of a large
 * fleet hundreds arrive between two snapshots, and every move asks at each of its stages: what the
 * next end does not touch is taken over. The answer is the same whoever asked before.
 */

import { type Copying, roomTaken } from '../domain/copies.ts';
import type { Host } from '../domain/host.ts';
import type { HostId, MoveId, VmId } from '../domain/ids.ts';
import type { Measured, MetricWindow } from '../domain/measured.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { hostOf, vmOf, withChanged, withChangedHosts } from '../domain/snapshot-index.ts';
import { roomFinder, type Storage } from '../domain/storage.ts';
import { bytes } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import { type EndedMove, isOutlived } from './ended-moves.ts';

export interface SettledWorld {
  readonly ended: readonly EndedMove[];
  readonly endedIds: ReadonlySet<MoveId>;
  readonly world: Snapshot;
  /** Those that have arrived, and the hosts that they have left or come to. */
  readonly vms: ReadonlyMap<VmId, Vm>;
  readonly hosts: ReadonlyMap<HostId, ShiftedHost>;
}

interface ShiftedHost {
  /** In the order of the moves. */
  readonly shifts: readonly Shift[];
  readonly host: Host;
}

/** A VM that has arrived at a host, or left it. */
interface Shift {
  readonly vm: Vm;
  readonly sign: 1 | -1;
}

/** A VM as the snapshot has it, and where it is by now. */
interface Arrival {
  readonly vm: Vm;
  readonly to: HostId;
}

const newest = new WeakMap<Snapshot, SettledWorld>();

export function settled(snapshot: Snapshot, ended: readonly EndedMove[]): SettledWorld {
  const known = newest.get(snapshot);
  if (known?.ended === ended) return known;
  const after = settle(snapshot, ended, known);
  newest.set(snapshot, after);
  return after;
}

function settle(
  snapshot: Snapshot,
  ended: readonly EndedMove[],
  before: SettledWorld | undefined,
): SettledWorld {
  const arrivals = arrivalsOf(snapshot, ended);
  const vms = new Map<VmId, Vm>();
  for (const { vm, to } of arrivals) {
    const known = before?.vms.get(vm.id);
    vms.set(vm.id, known?.host === to ? known : arrived(vm, to));
  }
  const hosts = shiftedHosts(snapshot, arrivals, before);
  const endedIds = new Set(ended.map(({ move }) => move));
  return { ended, endedIds, world: worldAfter(snapshot, arrivals, { vms, hosts }), vms, hosts };
}

/** One that was off was so in the middle of its cold move: what it is now, nobody has seen. */
function arrived(vm: Vm, host: HostId): Vm {
  return { ...vm, host, powerState: vm.powerState === 'off' ? 'unknown' : vm.powerState };
}

/** Each VM once, with where it went last; also where that is its old host, if it was off there. */
function arrivalsOf(snapshot: Snapshot, ended: readonly EndedMove[]): readonly Arrival[] {
  const places = new Map<VmId, HostId>();
  for (const end of ended) {
    if (isOutlived(end, snapshot)) continue;
    // One that was skipped has stopped nobody.
    const after = end.outcome === 'skipped' ? undefined : vmOf(snapshot, end.vm)?.host;
    const to = end.now ?? places.get(end.vm) ?? after;
    if (to !== undefined) places.set(end.vm, to);
  }
  return [...places].flatMap(([id, to]) => {
    const vm = vmOf(snapshot, id);
    const isAsSeen = vm?.host === to && vm.powerState !== 'off';
    return vm === undefined || isAsSeen ? [] : [{ vm, to }];
  });
}

/** Those that have changed their host. */
function gone(arrivals: readonly Arrival[]): readonly Arrival[] {
  return arrivals.filter(({ vm, to }) => vm.host !== to);
}

function worldAfter(
  snapshot: Snapshot,
  arrivals: readonly Arrival[],
  { vms, hosts }: Pick<SettledWorld, 'vms' | 'hosts'>,
): Snapshot {
  if (arrivals.length === 0) return snapshot;
  const { storages } = snapshot;
  const changed = new Map([...hosts].map(([id, { host }]) => [id, host]));
  return {
    ...snapshot,
    ...(storages !== undefined && { storages: withoutCopies(storages, arrivals, snapshot) }),
    hosts: withChangedHosts(snapshot.hosts, changed),
    vms: withChanged(snapshot.vms, vms),
  };
}

/** Less what the disks take that those who arrived have brought: the reading is from before. */
function withoutCopies(
  storages: readonly Storage[],
  arrivals: readonly Arrival[],
  snapshot: Snapshot,
): readonly Storage[] {
  const copies = gone(arrivals).flatMap(({ vm, to }): readonly Copying[] => {
    const host = hostOf(snapshot, to);
    return host === undefined ? [] : [{ vm, to: host }];
  });
  const taken = roomTaken(copies, roomFinder(storages));
  return storages.map((storage) => {
    const { freeBytes } = storage;
    const room = taken.get(storage);
    if (freeBytes === undefined || room === undefined) return storage;
    return { ...storage, freeBytes: bytes(Math.max(0, freeBytes - room)) };
  });
}

function shiftedHosts(
  snapshot: Snapshot,
  arrivals: readonly Arrival[],
  before: SettledWorld | undefined,
): ReadonlyMap<HostId, ShiftedHost> {
  const shifted = new Map<HostId, ShiftedHost>();
  for (const [id, shifts] of shiftsOf(arrivals)) {
    const known = before?.hosts.get(id);
    const host = hostOf(snapshot, id);
    if (known !== undefined && areSame(known.shifts, shifts)) shifted.set(id, known);
    else if (host !== undefined) shifted.set(id, { shifts, host: withUseOf(host, shifts) });
  }
  return shifted;
}

function areSame(some: readonly Shift[], others: readonly Shift[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ vm, sign }, at) => vm === others[at]?.vm && sign === others[at]?.sign)
  );
}

function shiftsOf(arrivals: readonly Arrival[]): ReadonlyMap<HostId, readonly Shift[]> {
  const shifts = new Map<HostId, Shift[]>();
  const add = (host: HostId, shift: Shift): void => {
    const own = shifts.get(host);
    if (own === undefined) shifts.set(host, [shift]);
    else own.push(shift);
  };
  for (const { vm, to } of gone(arrivals)) {
    add(vm.host, { vm, sign: -1 });
    add(to, { vm, sign: 1 });
  }
  return shifts;
}

/** The host as if those that have left it had used nothing there, and the others all along. */
function withUseOf(host: Host, shifts: readonly Shift[]): Host {
  let used = host.metrics['cpu.used'];
  if (used === undefined) return host;
  const shift = (own: Measured, vm: Measured | undefined, sign: 1 | -1): Measured => {
    if (own.kind === 'missing' || vm?.kind !== 'known') return own;
    const value = Math.min(Math.max(0, own.value + sign * vm.value), host.cpu.threads);
    return { ...own, value };
  };
  for (const { vm, sign } of shifts) {
    const theirs: MetricWindow | undefined = vm.metrics['cpu.used'];
    const last = shift(used.last, theirs?.last, sign);
    used = { ...used, last, mean: shift(used.mean, theirs?.mean, sign) };
  }
  return { ...host, metrics: { ...host.metrics, 'cpu.used': used } };
}

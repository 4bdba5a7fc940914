/**
 * The newest snapshot, corrected by what this executor knows better. A move that ended after the
 * hosts were last asked is not in the snapshot: without the correction, a VM that waits for the
 * place of another would find it still taken, and two could take the same place. What the VM used
 * goes with it: else its old host would look as loaded as before, and be relieved once more. Pure.
 */

import { copiesUnderWay, roomTaken } from '../domain/copies.ts';
import type { Host } from '../domain/host.ts';
import type { HostId, MoveId, PlanId, SourceId, VmId } from '../domain/ids.ts';
import type { Outcome } from '../domain/journal.ts';
import type { Measured, MetricWindow } from '../domain/measured.ts';
import type { InFlightMove, Snapshot } from '../domain/snapshot.ts';
import { hostOf, vmOf, withChanged, withChangedHosts } from '../domain/snapshot-index.ts';
import { roomFinder, type Storage } from '../domain/storage.ts';
import { bytes, type Seconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

/** A move of this executor that has ended. */
export interface EndedMove {
  readonly move: MoveId;
  readonly plan: PlanId;
  readonly vm: VmId;
  /** Where the VM is since, as was seen; undefined: where the snapshot has it. */
  readonly now: HostId | undefined;
  readonly outcome: Outcome;
  /** Undefined: the VM was not there any more. */
  readonly source: SourceId | undefined;
  /** Monotonic: an inventory that is asked for after this shows the move by itself. */
  readonly outlivedAt: Seconds;
}

/**
 * The world as the move `asking` has to see it; undefined: as a new plan has to. `running` holds
 * all moves that this executor has under way, in the order in which they were started: a move sees
 * those before it, not those after it. If both saw each other, two that want the same place would
 * both stand back.
 */
// oxlint-disable-next-line max-params -- a snapshot, the two corrections, and who asks
export function currentWorld(
  snapshot: Snapshot,
  running: readonly InFlightMove[],
  ended: readonly EndedMove[],
  asking: MoveId | undefined,
): Snapshot {
  return { ...settled(snapshot, ended), inFlight: underWay(snapshot, running, ended, asking) };
}

interface SettledWorld {
  readonly ended: readonly EndedMove[];
  readonly world: Snapshot;
}

/** Of a large fleet every move asks, at each of its stages, and the world is the same mostly. */
const newest = new WeakMap<Snapshot, SettledWorld>();

/** The snapshot with those in their new places who have arrived since. */
function settled(snapshot: Snapshot, ended: readonly EndedMove[]): Snapshot {
  const known = newest.get(snapshot);
  if (known?.ended === ended) return known.world;
  const world = settle(snapshot, ended);
  newest.set(snapshot, { ended, world });
  return world;
}

function settle(snapshot: Snapshot, ended: readonly EndedMove[]): Snapshot {
  const arrived = new Map<VmId, HostId>();
  for (const end of ended) {
    if (end.now !== undefined && !isOutlived(end, snapshot)) arrived.set(end.vm, end.now);
  }
  const moved = [...arrived].flatMap(([id, to]) => {
    const vm = vmOf(snapshot, id);
    return vm === undefined || vm.host === to ? [] : [vm];
  });
  if (moved.length === 0) return snapshot;
  const shifts = shiftsOf(moved, arrived);
  const used = new Map<HostId, Host>();
  for (const [id, own] of shifts) {
    const host = hostOf(snapshot, id);
    if (host !== undefined) used.set(id, withUseOf(host, own));
  }
  const { storages } = snapshot;
  return {
    ...snapshot,
    ...(storages !== undefined && {
      storages: withoutCopies(storages, arrived, snapshot),
    }),
    hosts: withChangedHosts(snapshot.hosts, used),
    vms: withChanged(
      snapshot.vms,
      new Map(moved.map((vm) => [vm.id, { ...vm, host: arrived.get(vm.id) ?? vm.host }])),
    ),
  };
}

// oxlint-disable-next-line max-params -- a snapshot, the two corrections, and who asks
function underWay(
  snapshot: Snapshot,
  running: readonly InFlightMove[],
  ended: readonly EndedMove[],
  asking: MoveId | undefined,
): readonly InFlightMove[] {
  const position = running.findIndex((flight) => flight.move === asking);
  const before = position < 0 ? running : running.slice(0, position);
  const known = new Set([...running, ...ended].map((one) => one.move));
  return [...snapshot.inFlight.filter((flight) => !known.has(flight.move)), ...before];
}

/** Less what the disks take that those who arrived have brought: the reading is from before. */
function withoutCopies(
  storages: readonly Storage[],
  arrived: ReadonlyMap<VmId, HostId>,
  snapshot: Snapshot,
): readonly Storage[] {
  const ways = [...arrived].map(([vm, to]) => ({ vm, to }));
  const taken = roomTaken(copiesUnderWay(snapshot, ways), roomFinder(storages));
  return storages.map((storage) => {
    const { freeBytes } = storage;
    const room = taken.get(storage);
    if (freeBytes === undefined || room === undefined) return storage;
    return { ...storage, freeBytes: bytes(Math.max(0, freeBytes - room)) };
  });
}

/** A VM that has arrived at a host, or left it. */
interface Shift {
  readonly vm: Vm;
  readonly sign: 1 | -1;
}

/** By host, in the order of the moves. */
function shiftsOf(
  moved: readonly Vm[],
  arrived: ReadonlyMap<VmId, HostId>,
): ReadonlyMap<HostId, readonly Shift[]> {
  const shifts = new Map<HostId, Shift[]>();
  const add = (host: HostId | undefined, shift: Shift): void => {
    if (host === undefined) return;
    const own = shifts.get(host) ?? [];
    own.push(shift);
    shifts.set(host, own);
  };
  for (const vm of moved) {
    add(vm.host, { vm, sign: -1 });
    add(arrived.get(vm.id), { vm, sign: 1 });
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

/**
 * True when what is in the snapshot is new enough to know about the move by itself. The snapshot's
 * own time says nothing of that: its source may have failed to answer since, and the wall clock
 * may have been set.
 */
export function isOutlived({ source, outlivedAt }: EndedMove, { askedAt }: Snapshot): boolean {
  const asked = source === undefined ? Infinity : (askedAt?.get(source) ?? -Infinity);
  return asked > outlivedAt;
}

/**
 * The whole fleet at one moment: the only thing that rules, plan and check ever see.
 * Hosts and VMs are sorted by id. Nothing in it is ever changed.
 */

import type { Breaker } from './breaker.ts';
import type { Host } from './host.ts';
import type { HostId, MoveId, SourceId, VmId } from './ids.ts';
import type { SourceStatus } from './measured.ts';
import type { MoveCosts } from './move-costs.ts';
import type { PlacementRule } from './placement.ts';
import type { MoveMethod } from './plan.ts';
import type { RecentMove } from './recent-move.ts';
import type { Resource } from './resource.ts';
import type { Storage } from './storage.ts';
import type { Bytes, Cores, EpochSeconds, Seconds } from './units.ts';
import type { Vm } from './vm.ts';

/** A move that was started and has not ended. The VM counts on both hosts. */
export interface InFlightMove {
  readonly move: MoveId;
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly method: MoveMethod;
  readonly startedAt: EpochSeconds;
}

/** Capacity held on a target for a move that is about to start. */
export interface Reservation {
  readonly move: MoveId;
  readonly vm: VmId;
  readonly host: HostId;
  readonly memoryBytes: Bytes;
  readonly cpu: Cores;
}

export interface Snapshot {
  readonly takenAt: EpochSeconds;
  readonly hosts: readonly Host[];
  readonly vms: readonly Vm[];
  /** Those of which something is known beside who reaches them (`Host.storages`); absent: none. */
  readonly storages?: readonly Storage[] | undefined;
  readonly placement: readonly PlacementRule[];
  /** Absent: moves cost what their VMs say. */
  readonly moveCosts?: MoveCosts | undefined;
  /** Beside CPU, memory and huge pages, by name; absent: no policy names any. */
  readonly resources?: readonly Resource[] | undefined;
  readonly inFlight: readonly InFlightMove[];
  readonly reservations: readonly Reservation[];
  /** When each VM was last moved by Drover (cool-down); absent: not in the ledger's memory. */
  readonly lastMovedAt: Readonly<Record<VmId, EpochSeconds>>;
  /** Moves that count for budgets and against moving back, oldest first; absent: none do. */
  readonly recentMoves?: readonly RecentMove[] | undefined;
  /** Circuit breakers that are not closed; absent: none. */
  readonly breakers?: readonly Breaker[] | undefined;
  readonly sources: readonly SourceStatus[];
  /**
   * When each source was asked for the inventory that is in here, by this process' monotonic clock:
   * an answer may be older than the snapshot, and the wall clock may have been set in between.
   * Absent: not taken by a collector (fleet files).
   */
  readonly askedAt?: ReadonlyMap<SourceId, Seconds> | undefined;
}

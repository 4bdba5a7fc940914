/** What a snapshot takes from elsewhere than the sources. */

import type { FiringAlert, HostState } from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { InFlightMove, Reservation, Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';

/** What the snapshot needs to know from the ledger and from the alerting system. */
export interface SnapshotContext {
  /** Hosts that are not listed are healthy. */
  readonly hostStates: ReadonlyMap<HostId, HostState>;
  readonly alerts: ReadonlyMap<HostId, readonly FiringAlert[]>;
  readonly inFlight: readonly InFlightMove[];
  readonly reservations: readonly Reservation[];
  readonly lastMovedAt: ReadonlyMap<VmId, EpochSeconds>;
  readonly recentMoves?: Snapshot['recentMoves'];
  readonly breakers?: Snapshot['breakers'];
}

/**
 * Who may act on a cluster when several controllers share one ledger. A lease has a token that
 * only ever goes up: whoever took the cluster over has a higher one, and nothing that is written
 * under an older one is accepted any more.
 */

import type { Host } from './host.ts';
import { type ClusterId, clusterId } from './ids.ts';
import type { EpochSeconds, Seconds } from './units.ts';

/** One cluster and the token under which it is held. */
export interface HeldLease {
  readonly cluster: ClusterId;
  readonly token: number;
}

/** What a write about a move is conditional on: each of these leases, held by this controller. */
export interface LeaseProof {
  /** Id of the controller. */
  readonly holder: string;
  readonly leases: readonly HeldLease[];
}

/** A lease as the ledger has it. */
export interface Lease extends HeldLease {
  /** Id of the controller; empty: it was released, and whoever comes first may take it. */
  readonly holder: string;
  /** Its name, for people. */
  readonly holderName: string;
  /** Goes up with every renewal: a row that stands still belongs to somebody who is gone. */
  readonly renewals: number;
  /** How long it holds after a renewal, as its holder reckons. */
  readonly seconds: Seconds;
  /** By the clock of the store; for people, and for who keeps a place (ledger/unheard.ts). */
  readonly expiresAt: EpochSeconds;
}

/**
 * A cluster in which nobody acts: the ledger has an older token than somebody saw, so it is an
 * older copy. It stands until an operator confirms that the ledger is to be gone on with.
 */
export interface LeaseStop {
  readonly cluster: ClusterId;
  /** The highest token that was ever seen. */
  readonly seen: number;
  /** For people: the controller that has seen it; where the stop is lifted, who confirmed. */
  readonly by: string;
}

/** What is leased for a host: its cluster; of a host without one, all that its source manages. */
export function leaseScope(host: Pick<Host, 'cluster' | 'source'>): ClusterId {
  return host.cluster ?? clusterId(host.source);
}

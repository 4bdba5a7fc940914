/**
 * The part of the ledger by which controllers agree on who acts where. Every change is one
 * comparison and one write in the same transaction, so of two who want the same lease one gets it.
 * The store gives no lease by its clock: how long one has stood still is judged by whoever wants
 * it, on a clock of its own.
 */

import type { HeldLease, Lease, LeaseStop } from '../domain/lease.ts';
import type { ClusterId } from '../domain/ids.ts';
import type { Seconds } from '../domain/units.ts';

export interface Controller {
  /** Of this controller and no other, also after a restart. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** The clusters that it would take. */
  readonly wants: readonly ClusterId[];
  /** Those that it has to have in one hand, for something that cannot wait; empty: none. */
  readonly asks: readonly ClusterId[];
  /** A move of the VM that it runs in is open: others are to have its share. Absent: none is. */
  readonly isCarried?: true | undefined;
  /**
   * Those that it would take, and leaves to others for a while, so that its own VM can be moved: it
   * stands aside. Absent: it does not.
   */
  readonly leaves?: readonly ClusterId[] | undefined;
}

/** A controller that shows itself in the ledger. */
export interface SeenController extends Controller {
  /** Goes up with every sign of life. */
  readonly beats: number;
}

export interface LeaseBoard {
  /** Which ledger it is: the same in every copy of it, and in no other. Undefined: not known. */
  readonly ledger: string | undefined;
  readonly leases: readonly Lease[];
  readonly controllers: readonly SeenController[];
  readonly stops: readonly LeaseStop[];
}

export interface LeaseClaim {
  readonly cluster: ClusterId;
  readonly by: Pick<Controller, 'id' | 'name'>;
  readonly seconds: Seconds;
  /** The lease as it was seen; it must not have changed since. Undefined: there was none. */
  readonly seen: Pick<Lease, 'token' | 'renewals'> | undefined;
  /** The new token is higher than this one, too (0: any). */
  readonly above: number;
}

/** Every method rejects with LedgerError. */
export interface Leases {
  leaseBoard(): Promise<LeaseBoard>;
  /**
   * Takes a lease, with a higher token; undefined: somebody else was faster, it was renewed, or the
   * cluster is stopped.
   */
  claimLease(claim: LeaseClaim): Promise<HeldLease | undefined>;
  /** A sign of life, and the renewal of what is held. Those that are still its own come back. */
  renewLeases(
    by: Controller,
    held: readonly HeldLease[],
    seconds: Seconds,
  ): Promise<readonly HeldLease[]>;
  /** Gives back what is still its own; the tokens stay where they are. */
  releaseLeases(by: Pick<Controller, 'id'>, held: readonly HeldLease[]): Promise<void>;
  /**
   * From now on nobody takes the lease, where its token is lower than that of the stop. Of two
   * stops of one cluster the higher token stays.
   */
  stopLease(stop: LeaseStop): Promise<void>;
  /** Ends the stop, if there is one; the token goes up to the highest that was seen. */
  liftStop(lift: LeaseStop): Promise<void>;
  /** Takes a controller that has gone off the list. */
  forgetController(id: string): Promise<void>;
}

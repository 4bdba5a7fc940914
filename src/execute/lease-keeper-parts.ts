/** What the keeper of the leases is made of, and how long what holds. */

import type { ClusterId } from '../domain/ids.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { EventSink } from '../ports/events.ts';
import type { Controller, Leases } from '../ports/leases.ts';

export interface LeaseTiming {
  /** How long a lease holds after its renewal. */
  readonly leaseSeconds: Seconds;
  /** Nothing is begun in the last part of it. */
  readonly marginSeconds: Seconds;
  /** The longest that a call to a hypervisor may take (ExecutionTiming.callSeconds). */
  readonly longestCallSeconds: Seconds;
}

export const DEFAULT_LEASE_TIMING: LeaseTiming = {
  leaseSeconds: seconds(30),
  marginSeconds: seconds(5),
  longestCallSeconds: seconds(60),
};

/** Who has given no sign of life for so long may be taken for gone. */
export function patienceOf({ leaseSeconds, longestCallSeconds }: LeaseTiming): Seconds {
  return seconds(leaseSeconds + longestCallSeconds);
}

/** The highest token seen of each cluster, kept outside of the ledger. */
export interface TokenMemory {
  /** Of which ledger they are (LeaseBoard.ledger); undefined: not known. */
  readonly ledger: string | undefined;
  /**
   * From now on they are of this one: where they were of another, they are forgotten. Durable, or
   * it throws, as `remember`.
   */
  adopt(ledger: string): void;
  highest(cluster: ClusterId): number;
  /** Durable when it returns. Throws where it cannot be written, and has forgotten nothing then. */
  remember(cluster: ClusterId, token: number): void;
}

/** Of who has nothing to remember them for, or nowhere to. */
export const NO_TOKENS: TokenMemory = {
  ledger: undefined,
  adopt: () => undefined,
  highest: () => 0,
  remember: () => undefined,
};

export interface LeaseKeeperParts {
  readonly leases: Leases;
  /**
   * Seconds from any start. It counts the time for which the machine or the process stood still;
   * it may run ahead, never behind.
   */
  readonly elapsed: () => Seconds;
  /** The same for waiting out another's lease: it may stand still, and never runs ahead. */
  readonly steady: () => Seconds;
  readonly events: EventSink;
  readonly me: Pick<Controller, 'id' | 'name'>;
  /** Which of the clusters that it sees it may take. */
  readonly wants: (cluster: ClusterId) => boolean;
  /**
   * Nobody else can have this ledger open (the lock of the state folder): leases need not be
   * waited for, and do not run out.
   */
  readonly sole: boolean;
  readonly timing: LeaseTiming;
  readonly tokens: TokenMemory;
}

/** What of the moves that are open anywhere decides who has which lease. */
export interface UnderWay {
  /** The clusters of each. */
  readonly joined: readonly (readonly ClusterId[])[];
  /** One of them moves the VM that this controller runs in. */
  readonly isCarried: boolean;
}

export function nothingUnderWay(): Promise<UnderWay> {
  return Promise.resolve({ joined: [], isCarried: false });
}

/** A controller that was silent for a day is taken off the list. */
export const FORGET_SECONDS = 86_400;

export function sameIdentityText(name: string): string {
  return (
    `another process has the identity of ${name}: its state folder was copied. Stop one of ` +
    'the two, remove controller.json from its state folder, and start it again'
  );
}

/** How a cluster stands, for people. */
export interface LeaseState {
  readonly cluster: ClusterId;
  /** Name of the controller that has it; empty: nobody. */
  readonly holder: string;
  readonly token: number;
  /** This controller holds it, and may act. */
  readonly mine: boolean;
  /** The ledger has an older token than was seen before: an operator has to confirm. */
  readonly steppedBack: boolean;
}

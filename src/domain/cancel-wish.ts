/**
 * A cancel that was asked of a controller that does not act where it is about. It is written down,
 * and whoever acts on the cluster carries it out: `open` → `begun` → `done`. What nobody begins in
 * time is `expired`, and nothing of it was done. What was begun does not expire: should its
 * controller die over it, the next one there does all of it again, and to cancel twice is to cancel
 * once. So no wish is ever left done by half.
 */

import type { ClusterId, HostId, VmId } from './ids.ts';
import { type EpochSeconds, type Seconds, seconds } from './units.ts';

/**
 * Longer than it takes until another controller has taken a cluster over (its lease, and the
 * longest call of a minute); short enough that nobody is surprised by the end of a move that was
 * begun in another situation.
 */
export const WISH_SECONDS: Seconds = seconds(600);

export interface NewCancelWish {
  readonly id: string;
  readonly cluster: ClusterId;
  /** Id of a move, VM, host, plan or order: what its holder looks up. */
  readonly name: string;
  /** For people. */
  readonly what: string;
  /** Whose history tells of it. */
  readonly vm: VmId | undefined;
  readonly host: HostId | undefined;
  /** Also take back the order for the host. */
  readonly withdraw: boolean;
  readonly by: string;
  /** Name of the controller that was asked. */
  readonly via: string;
  /** By the clock of that controller. */
  readonly at: EpochSeconds;
}

export interface CancelWish extends NewCancelWish {
  readonly state: 'open' | 'begun' | 'done' | 'expired';
  /** Name of the controller that has begun it last. */
  readonly takenBy?: string | undefined;
  /** `done`: what came of it. */
  readonly answer?: string | undefined;
}

/** Of two with the same key, of which neither is over, the second is the first. */
export function wishKey({ name, withdraw }: Pick<CancelWish, 'name' | 'withdraw'>): string {
  return JSON.stringify([name, withdraw]);
}

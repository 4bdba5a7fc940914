/** A firing alert as the ledger keeps it, for every controller and over a restart. */

import type { FiringAlert } from './host.ts';
import type { HostId } from './ids.ts';
import type { EpochSeconds } from './units.ts';

export interface KeptAlert {
  /** What its sender knows it by. */
  readonly fingerprint: string;
  readonly host: HostId;
  readonly alert: FiringAlert;
  /** Of its newest repetition, by the clock of the controller that took it. */
  readonly heardAt: EpochSeconds;
  /** Undefined: it named none, or one that was past although it fires. */
  readonly endsAt?: EpochSeconds | undefined;
}

/** This firing of the alert: when it ends and begins anew, that is another occasion. */
export function occasionOf(fingerprint: KeptAlert['fingerprint'], since: EpochSeconds): string {
  return `${fingerprint} since ${since}`;
}

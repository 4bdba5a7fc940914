/** A move of the last hours, as budgets and the reverse-move ban count it. */

import type { HostId, VmId } from './ids.ts';
import type { EpochSeconds } from './units.ts';

export interface RecentMove {
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly openedAt: EpochSeconds;
  /** When the VM had arrived; undefined: it has not, or nobody knows. */
  readonly arrivedAt: EpochSeconds | undefined;
}

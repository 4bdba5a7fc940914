/** How long a VM is left alone after moves that came to nothing. */

import { holdLeft } from '../domain/hold-left.ts';
import type { VmId } from '../domain/ids.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Trouble } from '../ports/ledger.ts';
import { backOff, withJitter } from './breakers.ts';

/** After a move that came to nothing: doubled with each one in a row, up to the longest. */
const FIRST_PAUSE_SECONDS = 30;
const LONGEST_PAUSE_SECONDS = 3600;

/** Seconds; 0: it may be tried again. */
export function restAfterTrouble(vm: VmId, { count, lastAt }: Trouble, now: EpochSeconds): number {
  const pause = backOff(count - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS);
  return holdLeft(lastAt, now, withJitter(pause, `vm:${vm} ${lastAt}`));
}

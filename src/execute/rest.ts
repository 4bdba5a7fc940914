/** How long a VM is left alone after moves that came to nothing. */

import type { Tier } from '../domain/finding.ts';
import { holdLeft } from '../domain/hold-left.ts';
import type { VmId } from '../domain/ids.ts';
import type { Limits } from '../domain/policy.ts';
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

/** What somebody has cancelled rests for the cool-down; from mandatory moves only for this long. */
const LONGEST_MANDATORY_REST_SECONDS = 300;

/**
 * For how long what somebody has cancelled does not come back. Not for long where the host has to
 * be left: the reason may be another one by then.
 */
export function restAfterCancel(tier: Tier, { cooldownSeconds }: Pick<Limits, 'cooldownSeconds'>) {
  const isMandatory = tier === 'mandatory';
  return isMandatory ? Math.min(cooldownSeconds, LONGEST_MANDATORY_REST_SECONDS) : cooldownSeconds;
}

/** Places for the moves of all controllers that share a ledger. */

import { type Seconds, seconds } from '../domain/units.ts';

/**
 * A lease that ran out so long ago nobody takes: moves that need it keep no place. With a lease of
 * 30 s its holder was not heard of for five minutes; a take-over waits for 90 s.
 */
export const UNHEARD_SECONDS = seconds(270);

export interface PlaceAsk {
  /** So many moves may be open at once, whoever has opened them. */
  readonly most: number;
  /** Id of the controller that asks. */
  readonly by: string;
  /** Whoever waits for a place and has not asked again for so long waits no more. */
  readonly patienceSeconds: Seconds;
}

/**
 * `in-flight`: another move of the VM is open, or this very one. `no-place`: as many are open as
 * may be, or what is free is left to controllers that have waited for longer; to be asked again.
 */
export type OpenAnswer = 'opened' | 'in-flight' | 'no-place';

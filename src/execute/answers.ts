/** What the executor answers to those who ask something of it. */

import type { MoveId, VmId } from '../domain/ids.ts';
import type { Outcome } from '../domain/journal.ts';

/** What was found open at the start, and what became of it so far. */
export interface RecoveryReport {
  readonly moves: readonly {
    readonly move: MoveId;
    readonly vm: VmId;
    /** `adopted`: still under way, followed again. `unreachable`: stays open, asked again. */
    readonly state: Outcome | 'adopted' | 'unreachable';
  }[];
}

export type CancelAnswer =
  /** It had not started, and will not. */
  | 'cancelled'
  /** It is asked to stop; it may be too late for that. Its outcome tells. */
  | 'cancelling'
  /** It has arrived; what is left is to complete it. */
  | 'too-late'
  /** It has come to nothing by itself, and nothing follows it. */
  | 'ended'
  | 'unknown';

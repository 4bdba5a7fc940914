/**
 * The part of the ledger by which a cancel reaches the controller that can carry it out. Every step
 * is one comparison and one write in the same transaction: what is over stays as it is. Times are
 * compared by the clock of the store alone, so clocks of controllers may differ.
 */

import type { CancelWish, NewCancelWish } from '../domain/cancel-wish.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import type { LeaseProof } from '../domain/lease.ts';
import type { Seconds } from '../domain/units.ts';

/** Every method rejects with LedgerError. */
export interface CancelWishes {
  /**
   * Writes it down, with its line of history, to be begun within so many seconds. Where the same is
   * asked of that cluster already and is not over, that one comes back, and nothing is written.
   */
  askCancel(wish: NewCancelWish, within: Seconds, line: HistoryEntry): Promise<CancelWish>;
  /** Those that are not over, the oldest first. */
  cancelWishes(): Promise<readonly CancelWish[]>;
  /**
   * Before anything of it is done; again where it was begun before. False: it is over, or it is too
   * late to begin it. Rejects with `lost-lease` where the lease is not held as the proof says.
   */
  beginCancel(id: string, by: string, proof: LeaseProof): Promise<boolean>;
  /** `line` goes into the history with it. False: it is over already, and nothing was written. */
  endCancel(id: string, answer: string, line: HistoryEntry): Promise<boolean>;
  /** Those that nobody has begun in time are over, each with its line; they come back, once. */
  expireCancels(line: (wish: CancelWish) => HistoryEntry): Promise<readonly CancelWish[]>;
}

/**
 * The part of the ledger that keeps what Drover would have done in mode observe, beside what really
 * happened.
 */

import type { HistoryEntry } from '../domain/journal.ts';
import type { ObservedMove, SettledMove } from '../domain/observed-move.ts';
import type { EpochSeconds } from '../domain/units.ts';

/** With its line for the history. */
export interface PutObserved<Move> {
  readonly move: Move;
  readonly line: HistoryEntry;
}

/** Done in this order, in one step. */
export interface ObservedChanges {
  readonly settled: readonly PutObserved<SettledMove>[];
  readonly opened: readonly PutObserved<ObservedMove>[];
  /** As they are by now. */
  readonly kept: readonly ObservedMove[];
}

/** Every method rejects with LedgerError. */
export interface ObservedMoves {
  /**
   * What was settled before stays as it is, and of a VM of which one is open no other is opened:
   * of two controllers one is first. Lines go with what was written only.
   */
  putObserved(changes: ObservedChanges): Promise<void>;
  /** Those that are not settled, oldest first; at most 10,000. */
  openObserved(): Promise<readonly ObservedMove[]>;
  /** Settled at or after `since`, newest first; at most 10,000. */
  settledObserved(since: EpochSeconds, limit: number): Promise<readonly SettledMove[]>;
}

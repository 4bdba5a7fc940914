/** What Drover would have done in mode observe, and what really happened. */

import type { ObservedOutcome } from '../domain/observed-move.ts';

export interface ObservedRequest {
  /** Those that were settled since then, and all that are open. */
  readonly days: number;
  /** How many are listed of each; the summary is of all. */
  readonly limit: number;
}

export interface ObservedMoveView {
  readonly vm: string;
  readonly name: string;
  readonly from: string;
  readonly fromName: string;
  /** The newest target. */
  readonly to: string;
  readonly toName: string;
  /** What the finding said when it was first wanted. */
  readonly why: string;
  readonly firstAt: number;
  /** Of an open one it may be later by some minutes. */
  readonly lastAt: number;
  /** How often another target took the place of the one before. */
  readonly retargets: number;
  /** How long nobody looked in between. */
  readonly unseenSeconds: number;
  /** Null: it is open. */
  readonly outcome: ObservedOutcome | null;
  /** When that was seen; null: it is open. */
  readonly settledAt: number | null;
  /** Where the VM was then; null: nowhere, or it is open. */
  readonly host: string | null;
  readonly hostName: string | null;
  /** What really happened, in a sentence. */
  readonly text: string;
}

export interface ObservedSummary {
  readonly settled: number;
  readonly open: number;
  readonly outcomes: Readonly<Record<ObservedOutcome, number>>;
  /** How long findings lasted that ended by themselves, in the median; null: none did. */
  readonly medianSecondsToEnd: number | null;
  /** How long it took until somebody else moved the VM, in the median; null: nobody did. */
  readonly medianSecondsToMove: number | null;
  /** All this in a sentence. */
  readonly text: string;
}

export interface ObservedView {
  /** Those that were settled since then are told of; later than asked for where there are many. */
  readonly since: number;
  readonly summary: ObservedSummary;
  /** Oldest first. */
  readonly open: readonly ObservedMoveView[];
  /** Newest first. */
  readonly settled: readonly ObservedMoveView[];
}

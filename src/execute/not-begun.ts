/** Moves that are not begun, and end: told to whoever waits for them, and put on record. */

import type { Outcome } from '../domain/journal.ts';
import type { PlanId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import { cancelNote } from './cancels.ts';
import type { ExecutorParts } from './executor-parts.ts';
import type { Running } from './running.ts';
import type { WaitingMove } from './waiting-line.ts';
import { announceOutcome, recordNotBegun, recordOf } from './without-task.ts';

type OpenRecord = Running['record'];

export interface NotBegunParts
  extends Pick<ExecutorParts, 'clock' | 'events' | 'ledger' | 'letGo' | 'world'> {
  /** It has ended. `record`: undefined where its VM is gone. */
  readonly ended: (entry: WaitingMove, record: OpenRecord | undefined, outcome: Outcome) => void;
  /** All that there was to do about one is done. */
  readonly done: () => void;
}

export class NotBegun {
  readonly #parts: NotBegunParts;
  readonly #writing = new Set<Promise<void>>();

  constructor(parts: NotBegunParts) {
    this.#parts = parts;
  }

  /** Resolves when what was skipped so far is written down, or could not be. */
  async idle(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** So that it rests. Rejects with LedgerError. */
  async cancelUnasked(plan: PlanId, move: Move, by: string): Promise<void> {
    const entry = { lane: 'planned', plan, move, index: 0, outcomes: new Map() } as const;
    await this.refuse(entry, 'cancelled', cancelNote(by));
  }

  skip(entry: WaitingMove, reason: string, outcome: Outcome = 'skipped'): void {
    const where = `recording that ${entry.move.id} was ${outcome}`;
    const writing = this.refuse(entry, outcome, reason)
      .catch((error: unknown) => this.#parts.events.emit('failure', { where, error }))
      .finally(() => {
        this.#writing.delete(writing);
      });
    this.#writing.add(writing);
  }

  /**
   * Its dependants learn of it. Rejects with LedgerError where it could not be written down: it is
   * not begun all the same.
   */
  async refuse(entry: WaitingMove, outcome: Outcome, detail: string): Promise<void> {
    const record = recordOf(this.#parts, entry);
    const { id } = entry.move;
    this.#parts.ended(entry, record, outcome);
    try {
      if (record !== undefined) await recordNotBegun(this.#parts, record, outcome, detail);
      announceOutcome(this.#parts, record ?? entry, outcome, detail);
    } finally {
      this.#parts.letGo?.(id);
      this.#parts.done();
    }
  }
}

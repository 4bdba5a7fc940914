/**
 * Keeps what each recorded decision was planned from, for `drover replay`. Beside the way to the
 * moves, never in it: nothing waits for it, and where it fails the decision stands all the same.
 */

import type { PlanId } from '../domain/ids.ts';
import { epochSeconds } from '../domain/units.ts';
import type { Pause } from '../domain/slices.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import type { PlanJob } from './plan-job.ts';
import type { PlanRunner } from './planner.ts';

export interface DecisionArchiveParts {
  readonly ledger: Pick<Ledger, 'keepInputs'>;
  readonly planner: Pick<PlanRunner, 'pack'>;
  readonly clock: Clock;
  readonly events: EventSink;
  /** For while something cannot wait (haste.ts): packing a large fleet takes a processor for half a
   *  second. Undefined: never. */
  readonly rest?: Pause | undefined;
  readonly settings: {
    /** 0: nothing is kept. */
    readonly keepForSeconds: number;
    readonly keepAtMostBytes: number;
  };
}

/** Decisions that may wait to be packed: each holds on to its fleet. Those beyond are not kept. */
const MOST_WAITING = 4;

export class DecisionArchive {
  readonly #parts: DecisionArchiveParts;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(parts: DecisionArchiveParts) {
    this.#parts = parts;
  }

  /** Returns at once. */
  keep(plan: PlanId, job: PlanJob): void {
    const { settings } = this.#parts;
    if (settings.keepForSeconds === 0 || settings.keepAtMostBytes === 0) return;
    if (this.#waiting === MOST_WAITING) return;
    this.#waiting += 1;
    this.#last = this.#last
      .then(() => this.#keep(plan, job))
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  /** Resolves when nothing waits any more; never rejects. */
  idle(): Promise<void> {
    return this.#last;
  }

  async #keep(plan: PlanId, job: PlanJob): Promise<void> {
    const { clock, ledger, planner, rest, settings } = this.#parts;
    await rest?.();
    const packed = await planner.pack(job);
    const at = clock.now();
    const since = epochSeconds(Math.max(0, at - settings.keepForSeconds));
    const bounds = { since, bytes: settings.keepAtMostBytes };
    await ledger.keepInputs({ plan, at, packed }, bounds);
  }

  #tell(error: unknown): void {
    if (error instanceof LedgerError && error.code === 'closed') return;
    this.#parts.events.emit('failure', { where: 'decision archive', error });
  }
}

/**
 * What a controller does about moves that were open under leases which it has just got: reads what
 * their last holder had on record, and takes them up. Beside the renewals, which do not wait for
 * it: a hypervisor may take a minute to answer, and leases that nobody renewed meanwhile, those of
 * other clusters with them, would be over before it has.
 */

import { seconds } from '../domain/units.ts';
import type { Executor } from '../execute/executor.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { HostLadder } from '../execute/host-ladder.ts';
import { seenWithin } from '../execute/running.ts';
import type { Clock } from '../ports/clock.ts';

export interface CatchUpParts {
  readonly executor: Pick<Executor, 'recover' | 'hasUnfollowed'>;
  readonly ladder: Pick<HostLadder, 'load'>;
  readonly failures: Pick<HostFailures, 'load'>;
  readonly clock: Clock;
}

/** So long a tick waits: what is not seen by then is in flight for its plan. */
const PATIENCE = seconds(10);

export class CatchUp {
  readonly #parts: CatchUpParts;
  /** How often leases were taken, and up to which of them what was open is taken up. */
  #taken = 0;
  #caughtUp = 0;
  /** All that were begun and are not over. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  /** Leases were taken. */
  note(): void {
    this.#taken += 1;
  }

  /**
   * Begins with what is to be taken up, if anything is. Resolves when the records are read, those
   * of the open moves with them: what is cancelled or planned afterwards knows them. Rejects with
   * LedgerError.
   */
  async begin(): Promise<void> {
    const { executor, failures, ladder } = this.#parts;
    // They overlap: this one catches up with what was taken until now.
    const upTo = this.#taken;
    const isBehind = this.#caughtUp < upTo;
    if (isBehind) {
      await ladder.load();
      await failures.load();
    }
    if (isBehind || executor.hasUnfollowed) await this.#takeUp(upTo);
  }

  /**
   * Resolves when what was begun was seen under way, has ended, or could not be asked about, or
   * after a while.
   */
  over(): Promise<void> {
    const runs = [...this.#underWay].map((seen) => ({ seen }));
    return seenWithin(this.#parts.clock, PATIENCE, runs);
  }

  async #takeUp(upTo: number): Promise<void> {
    const { promise: read, resolve } = Promise.withResolvers<void>();
    const run = this.#parts.executor.recover(resolve);
    this.#underWay.add(run);
    // It fails only before the records are read, and whoever has begun it is told of that.
    run.catch(() => undefined).finally(() => this.#underWay.delete(run));
    await Promise.race([read, run]);
    // Not before: another beat would take for done what is being read yet.
    this.#caughtUp = Math.max(this.#caughtUp, upTo);
  }
}

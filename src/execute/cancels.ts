/**
 * Cancels: what they are called in the journal, when they come too late, and that what was
 * cancelled does not come back with a plan that was being made meanwhile. Pure bookkeeping; later
 * plans meet the pause that the gate makes after moves that came to nothing.
 */

import type { VmId } from '../domain/ids.ts';
import type { Stage, StageEntry } from '../domain/journal.ts';
import type { Plan } from '../domain/plan.ts';
import type { EpochSeconds } from '../domain/units.ts';

/** What starts the journal's note that a move is to be stopped, and by whom. */
const CANCELLED = 'cancelled by ';

export function cancelNote(by: string): string {
  return `${CANCELLED}${by}`;
}

/** The note of an earlier process that this move is to be stopped. */
export function cancelIn(journal: readonly StageEntry[] | undefined): string | undefined {
  return journal?.find(({ phase, detail }) => phase === 'undo' && detail.startsWith(CANCELLED))
    ?.detail;
}

/** From here on nothing is undone. */
export function isTooLate(stage: Stage): boolean {
  return stage === 'commitment' || stage === 'activation';
}

/** VMs that no plan speaks of any more are never asked about: the oldest are forgotten. */
const MOST_VMS = 10_000;

export class Cancels {
  readonly #byVm = new Map<VmId, EpochSeconds>();

  get size(): number {
    return this.#byVm.size;
  }

  remember(vm: VmId, at: EpochSeconds): void {
    // The newest stand last.
    this.#byVm.delete(vm);
    this.#byVm.set(vm, at);
    const [oldest] = this.#byVm.keys();
    if (this.#byVm.size > MOST_VMS && oldest !== undefined) this.#byVm.delete(oldest);
  }

  /** True when the plan is from before the cancel of a move of this VM. */
  isAfter({ snapshotAt }: Plan, vm: VmId): boolean {
    const at = this.#byVm.get(vm);
    if (at === undefined) return false;
    if (snapshotAt <= at) return true;
    this.#byVm.delete(vm);
    return false;
  }
}

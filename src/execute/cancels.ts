/**
 * Cancels: what they are called in the journal, when they come too late, and that what was
 * cancelled does not come back with a plan that was being made meanwhile. Pure bookkeeping; later
 * plans meet the pause that the gate makes after moves that came to nothing.
 */

import type { VmId } from '../domain/ids.ts';
import type { Stage, StageEntry } from '../domain/journal.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { WaitingMove } from './waiting-line.ts';

/** What starts the journal's note that a move is to be stopped, and by whom. */
const CANCELLED = 'cancelled by ';

export function cancelNote(by: string): string {
  return `${CANCELLED}${by}`;
}

/** What is cancelled because another move of its VM was. */
export const WITH_ANOTHER = 'another move of the VM was cancelled';

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
/** Plans are made from one of the newest looks at the fleet; there are a few for each tick. */
const MOST_LOOKS = 1000;

type Cancelled = Pick<WaitingMove, 'plan'> & { readonly move: Pick<Move, 'vm'> };

/**
 * What must not begin in the place of a cancelled move: a plan that a person has handed in may have
 * the same VM waiting as the newest one. What waits for the cancelled one is skipped, and told so.
 */
export function besides({ move: { vm }, plan }: Cancelled) {
  return (one: Cancelled & Pick<WaitingMove, 'lane'>): boolean =>
    one.move.vm === vm && one.plan !== plan && one.lane !== 'follow-up';
}

/**
 * What came first, the look at the fleet that a plan was made from or the cancel, is counted and
 * not timed: clocks are set, and a plan names its snapshot by the time of the wall clock. A plan
 * from a look that nobody remembers is taken for older than every cancel.
 */
export class Cancels {
  readonly #byVm = new Map<VmId, number>();
  /** By the time that the snapshot names, how many were known at the first look of that time. */
  readonly #looks = new Map<EpochSeconds, number>();
  #count = 0;

  /** Of what is kept. */
  get size(): number {
    return this.#byVm.size + this.#looks.size;
  }

  /** How many there were so far. */
  get count(): number {
    return this.#count;
  }

  /** The fleet was looked at: plans of that snapshot know of the first `known` cancels. */
  looked({ takenAt }: Pick<Snapshot, 'takenAt'>, known: number): void {
    if (!this.#looks.has(takenAt)) keepNewest(this.#looks, takenAt, known, MOST_LOOKS);
  }

  remember(vm: VmId): void {
    this.#count += 1;
    keepNewest(this.#byVm, vm, this.#count, MOST_VMS);
  }

  /** True when the plan is from before the cancel of a move of this VM. */
  isAfter({ snapshotAt }: Pick<Plan, 'snapshotAt'>, vm: VmId): boolean {
    const cancel = this.#byVm.get(vm);
    if (cancel === undefined) return false;
    return (this.#looks.get(snapshotAt) ?? 0) < cancel;
  }
}

/** The newest stand last. */
// oxlint-disable-next-line max-params -- where, what under which name, and how many
function keepNewest<Key>(map: Map<Key, number>, key: Key, value: number, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

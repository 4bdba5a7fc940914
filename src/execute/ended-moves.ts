/**
 * The moves of this executor that have ended, for as long as it matters: until a snapshot shows it
 * by itself, and until no plan can come again that has them. Pure bookkeeping.
 */

import type { HostId, MoveId, PlanId, SourceId, VmId } from '../domain/ids.ts';
import type { MoveRecord, Outcome } from '../domain/journal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { ExecutorParts } from './executor-parts.ts';
import type { ExecutionTiming } from './move-task.ts';

/** A move of this executor that has ended. */
export interface EndedMove {
  readonly move: MoveId;
  readonly plan: PlanId;
  readonly vm: VmId;
  /** Where the VM is since, as was seen; undefined: where the snapshot has it. */
  readonly now: HostId | undefined;
  readonly outcome: Outcome;
  /** Undefined: the VM was not there any more. */
  readonly source: SourceId | undefined;
  /** Monotonic: an inventory that is asked for after this shows the move by itself. */
  readonly outlivedAt: Seconds;
}

export type Remembered = Pick<MoveRecord, 'move' | 'plan'> & Partial<Pick<MoveRecord, 'source'>>;

interface HowEnded extends Pick<EndedMove, 'outcome' | 'outlivedAt'> {
  /** Undefined: nobody looked. */
  readonly seenOn: HostId | undefined;
}

export function endedMove(
  { move, plan, source }: Remembered,
  { outcome, seenOn, outlivedAt }: HowEnded,
): EndedMove {
  const now = seenOn ?? (outcome === 'succeeded' ? move.to : undefined);
  return { move: move.id, plan, vm: move.vm, now, outcome, source, outlivedAt };
}

/** A bound for the memory; a snapshot outlives it long before. */
const MOST_ENDED = 10_000;

export class EndedMoves {
  #moves: readonly EndedMove[] = [];
  #newestPlan: PlanId | undefined;

  get all(): readonly EndedMove[] {
    return this.#moves;
  }

  /** A plan is to be carried out; it may come again, with more of it allowed. */
  begin(plan: PlanId): ReadonlyMap<MoveId, Outcome> {
    this.#newestPlan = plan;
    return this.outcomes;
  }

  /** What is to be said to who cancels a move that neither waits nor is under way. */
  cancelAnswer(move: MoveId): 'cancelled' | 'unknown' {
    return this.outcomes.get(move) === 'cancelled' ? 'cancelled' : 'unknown';
  }

  get outcomes(): ReadonlyMap<MoveId, Outcome> {
    return new Map(this.#moves.map((end) => [end.move, end.outcome]));
  }

  add(end: EndedMove, world: Snapshot): void {
    const kept = this.#moves.filter(
      (one) => one.plan === this.#newestPlan || !isOutlived(one, world),
    );
    this.#moves = [...kept.slice(1 - MOST_ENDED), end];
  }
}

/**
 * True when what is in the snapshot is new enough to know about the move by itself. The snapshot's
 * own time says nothing of that: its source may have failed to answer since, and the wall clock
 * may have been set.
 */
export function isOutlived({ source, outlivedAt }: EndedMove, { askedAt }: Snapshot): boolean {
  const asked = source === undefined ? Infinity : (askedAt?.get(source) ?? -Infinity);
  return asked > outlivedAt;
}

/** When an inventory is new enough to show by itself what has ended just now; monotonic. */
export function outlived(
  { clock, hypervisors }: Pick<ExecutorParts, 'clock' | 'hypervisors'>,
  { pollLagSeconds }: Pick<ExecutionTiming, 'pollLagSeconds'>,
  source: SourceId | undefined,
): Seconds {
  const hypervisor = source === undefined ? undefined : hypervisors.get(source);
  const isCached = hypervisor?.capabilities.answersFromCache !== false;
  return seconds(clock.monotonic() + (isCached ? pollLagSeconds : 0));
}

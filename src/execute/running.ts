/** A move that was begun and has not ended, as the executor keeps it. */

import type { MoveRecord, Stage } from '../domain/journal.ts';
import type { InFlightMove } from '../domain/snapshot.ts';
import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { MoveTask } from './move-task.ts';
import type { WaitingMove } from './waiting-line.ts';

export interface Running {
  readonly record: Omit<MoveRecord, 'stages' | 'result'>;
  /** See `WaitingMove`. */
  readonly isAwaited?: boolean;
  task: MoveTask | undefined;
  /** Cancelled before there was a task to be told. */
  cancelled?: string | undefined;
  /** A cancel that is being written down. */
  cancelling?: Promise<void> | undefined;
  /** Found open: the last stage that it had reached. */
  readonly reached?: Stage;
  /** Resolves when it was seen under way, could not be asked about, or has ended. */
  readonly seen: Promise<unknown>;
  done: Promise<void>;
}

/** It is about to begin. */
export function begun(
  record: Running['record'],
  { isAwaited = false }: WaitingMove,
  seen: Running['seen'],
): Running {
  return { record, isAwaited, task: undefined, seen, done: Promise.resolve() };
}

export function flightOf({ record }: Pick<Running, 'record'>): InFlightMove {
  const { id, vm, from, to, method } = record.move;
  return { move: id, vm, from, to, method, startedAt: record.openedAt };
}

/** What was left open while `open` was being read, and is not in it, as where two read at once. */
export function leftSince(
  before: readonly Running['record'][],
  now: readonly Running['record'][],
  open: readonly Pick<MoveRecord, 'move'>[],
): readonly Running['record'][] {
  const read = new Set(open.map(({ move }) => move.id));
  return now.filter((one) => !before.includes(one) && !read.has(one.move.id));
}

/** Resolves when all of them were seen, and at the latest after that time. */
export async function seenWithin(
  clock: Clock,
  most: Seconds,
  moves: readonly Pick<Running, 'seen'>[],
): Promise<void> {
  const patience = new AbortController();
  const late = clock.sleep(most, patience.signal);
  try {
    await Promise.race([Promise.all(moves.map(({ seen }) => seen)), late]);
  } finally {
    patience.abort();
  }
}

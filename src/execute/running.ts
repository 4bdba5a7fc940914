/** A move that was begun and has not ended, as the executor keeps it. */

import type { MoveRecord, Stage } from '../domain/journal.ts';
import type { InFlightMove } from '../domain/snapshot.ts';
import type { MoveTask } from './move-task.ts';

export interface Running {
  readonly record: Omit<MoveRecord, 'stages' | 'result'>;
  task: MoveTask | undefined;
  /** Cancelled before there was a task to be told. */
  cancelled?: string;
  /** Found open: the last stage that it had reached. */
  readonly reached?: Stage;
  done: Promise<void>;
}

export function flightOf({ record }: Pick<Running, 'record'>): InFlightMove {
  const { id, vm, from, to, method } = record.move;
  return { move: id, vm, from, to, method, startedAt: record.openedAt };
}

/**
 * Follows one move to its end. Whatever is thrown in between is answered like a restart: from the
 * ledger and the hypervisors, again and again.
 */

import type { MoveId } from '../domain/ids.ts';
import type { StageEntry } from '../domain/journal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import { AdapterError } from '../ports/metric-source.ts';
import { pauseAfter } from './call.ts';
import type { ExecutorParts } from './executor-parts.ts';
import { isOver } from './lost-lease.ts';
import type { ExecutionTiming, MoveTask, TaskEnd } from './move-task.ts';
import { newTask } from './new-task.ts';
import { resumeStages, runMove } from './run-move.ts';
import type { Running } from './running.ts';
import type { ReadStanding } from './standing.ts';

/** After something that should not happen (the ledger cannot write, a bug): try again, slower. */
const TAKE_UP_AGAIN = { attempts: 0, firstPause: seconds(2), longestPause: seconds(60) };

export interface Supervision {
  readonly parts: ExecutorParts;
  readonly timing: ExecutionTiming;
  readonly standing: ReadStanding;
  readonly stopping: AbortSignal;
  /** The fleet as of now, as the move sees it. */
  readonly world: (asking: MoveId) => Snapshot;
  /** Something is known about the move. */
  readonly seen: MoveTask['seen'];
  /** It was never written down, and nothing was begun. */
  readonly failed: (detail: string) => TaskEnd;
}

/**
 * Undefined: Drover stops, or acts there no more.
 *
 * @param isFresh its record was opened just now.
 */
export async function supervise(
  running: Running,
  isFresh: boolean,
  on: Supervision,
): Promise<TaskEnd | undefined> {
  const { ledger, clock, events } = on.parts;
  const { record } = running;
  for (let attempt = 0; ; attempt += 1) {
    try {
      if (isFresh && attempt === 0) return await runMove(makeTask(running, undefined, on));
      const written = await ledger.move(record.move.id);
      if (written === undefined) return on.failed('the ledger could not write it down');
      if (written.result !== undefined) return written.result;
      return await resumeStages(makeTask(running, written.stages, on), written.stages);
    } catch (error) {
      if (isOver(error)) return undefined;
      on.seen('unreachable');
      events.emit('failure', { where: `the move of ${record.vmName}`, error });
    }
    await clock.sleep(pauseAfter(attempt + 1, TAKE_UP_AGAIN), on.stopping);
    if (on.stopping.aborted) return undefined;
  }
}

/** `journal`: what the ledger has of a move that was begun before; undefined: it is new. */
function makeTask(
  running: Running,
  journal: readonly StageEntry[] | undefined,
  { parts, timing, standing, stopping, world, seen }: Supervision,
): MoveTask {
  const { record, cancelled } = running;
  const hypervisor = parts.hypervisors.get(record.source);
  if (hypervisor === undefined) {
    const text = 'this source is not configured any more';
    throw new AdapterError('unreachable', record.source, text);
  }
  running.task = newTask({
    record,
    hypervisor,
    journal,
    cancelled,
    parts: { ...parts, world: (asking) => world(asking.id), timing, standing },
    stopping,
    seen,
  });
  return running.task;
}

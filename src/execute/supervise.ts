/**
 * Follows one move to its end. Whatever is thrown in between is answered like a restart: from the
 * ledger and the hypervisors, again and again.
 */

import type { MoveId } from '../domain/ids.ts';
import type { MoveResult, Outcome, StageEntry } from '../domain/journal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import { AdapterError } from '../ports/metric-source.ts';
import { pauseAfter } from './call.ts';
import type { ExecutorParts } from './executor-parts.ts';
import { isOver } from './lost-lease.ts';
import type { ExecutionTiming, MoveTask, TaskEnd } from './move-task.ts';
import { newTask } from './new-task.ts';
import { announceEnd, resumeStages, runMove } from './run-move.ts';
import type { Running } from './running.ts';
import type { StandingReader } from './standing.ts';

const LOST_RECORD =
  'the ledger has lost its record, it may be an older copy: look where the VM runs (drover locate)';

/** After something that should not happen (the ledger cannot write, a bug): try again, slower. */
const TAKE_UP_AGAIN = { attempts: 0, firstPause: seconds(2), longestPause: seconds(60) };

export interface Supervision {
  readonly parts: ExecutorParts;
  readonly timing: ExecutionTiming;
  readonly standing: StandingReader;
  readonly stopping: AbortSignal;
  /** The fleet as of now, as the move sees it. */
  readonly world: (asking: MoveId) => Snapshot;
  /** Something is known about the move. */
  readonly seen: MoveTask['seen'];
  /** The ledger has no record of it: that is told. */
  readonly unwritten: (outcome: Outcome, detail: string) => TaskEnd;
}

/** The record was opened just now; was asked for, and nobody said whether it is; or was found. */
export type Opening = 'opened' | 'in-doubt' | 'found';

/** Undefined: Drover stops, or acts there no more. */
export async function supervise(
  running: Running,
  opening: Opening,
  on: Supervision,
): Promise<TaskEnd | undefined> {
  const { ledger, clock, events } = on.parts;
  const { record } = running;
  for (let attempt = 0; ; attempt += 1) {
    try {
      if (opening === 'opened' && attempt === 0) {
        return await runMove(makeTask(running, undefined, on));
      }
      const written = await ledger.move(record.move.id);
      if (written === undefined) {
        if (opening === 'in-doubt' && running.task === undefined)
          return on.unwritten('failed', 'the ledger could not write it down');
        return on.unwritten('needs-human', LOST_RECORD);
      }
      if (written.result !== undefined) {
        const { ending } = running.task ?? {};
        if (ending === undefined || !isSame(ending.result, written.result)) return written.result;
        // The answer to its closing was lost, not the closing: nobody else has told of it.
        announceEnd(on.parts, record, ending.result);
        return ending.end;
      }
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
  const { record, cancelled, isAwaited = false, task: before } = running;
  const hypervisor = parts.hypervisors.get(record.source);
  if (hypervisor === undefined) {
    const text = 'this source is not configured any more';
    throw new AdapterError('unreachable', record.source, text);
  }
  // Where this process had it until now, and had asked for nothing, there is nothing to follow.
  const isUnasked = before !== undefined && !before.adopted && before.isAskedFor !== true;
  running.task = newTask({
    record,
    hypervisor,
    journal,
    adopted: journal !== undefined && !isUnasked,
    cancelled,
    isAwaited,
    parts: { ...parts, world: (asking) => world(asking.id), timing, standing },
    stopping,
    seen,
  });
  return running.task;
}

function isSame(tried: MoveResult, written: MoveResult): boolean {
  const { at, outcome, detail } = written;
  return tried.at === at && tried.outcome === outcome && tried.detail === detail;
}

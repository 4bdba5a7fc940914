/** Makes the task of a move, new or found open, of what is known about it. */

import { isHandedIn } from '../domain/handed-in.ts';
import type { StageEntry } from '../domain/journal.ts';
import { cancelIn } from './cancels.ts';
import { givenUpIn } from './given-up.ts';
import { makeOrder, type MoveTask } from './move-task.ts';
import { oldDisksIn } from './old-disks.ts';

/** `journal`: what the ledger has of a move that was begun before; undefined: it is new. */
export interface TaskGiven
  extends Pick<
    MoveTask,
    'record' | 'hypervisor' | 'parts' | 'stopping' | 'adopted' | 'cancelled' | 'seen' | 'isAwaited'
  > {
  readonly journal: readonly StageEntry[] | undefined;
}

export function newTask({ journal, ...given }: TaskGiven): MoveTask {
  const { hypervisor, parts, record } = given;
  const { move } = record;
  return {
    ...given,
    move,
    order: makeOrder(move, parts.settings(), hypervisor.capabilities),
    takenUpAt: parts.clock.monotonic(),
    isHandedIn: isHandedIn(record.plan),
    stage: 'pre-migration',
    ending: undefined,
    cancelled: cancelIn(journal) ?? given.cancelled,
    givenUp: givenUpIn(journal),
    oldDisks: oldDisksIn(journal),
    wake: new AbortController(),
    measured: { downtimeSeconds: undefined, bytes: undefined, queuedSeconds: undefined },
  };
}

/** Cancels a move that was begun: first on record, so that a restart carries it on; then obeyed. */

import type { CancelAnswer } from './answers.ts';
import { isTooLate } from './cancels.ts';
import type { ExecutorParts } from './executor-parts.ts';
import type { Running } from './running.ts';

/** Idempotent: who asks while it is being written has the same answer. Rejects with LedgerError. */
export async function cancelRunning(
  running: Running,
  text: string,
  { clock, ledger }: Pick<ExecutorParts, 'clock' | 'ledger'>,
): Promise<CancelAnswer> {
  if ((running.task ?? running).cancelled !== undefined) return 'cancelling';
  const stage = running.task?.stage ?? running.reached;
  if (stage !== undefined && isTooLate(stage)) return 'too-late';
  if (stage !== undefined) {
    const { id: move } = running.record.move;
    const note = { move, stage, phase: 'undo', detail: text, at: clock.now() } as const;
    running.cancelling ??= ledger.addStages([note]).finally(() => {
      running.cancelling = undefined;
    });
    await running.cancelling;
  }
  // Without a stage, its record is just being opened, and nothing was begun. The task may be one
  // that was made meanwhile.
  running.cancelled ??= text;
  const { task } = running;
  if (task === undefined) return 'cancelling';
  if (isTooLate(task.stage)) return 'too-late';
  if (task.ending !== undefined && task.ending.end.instead === undefined) return 'ended';
  task.cancelled ??= text;
  task.wake.abort();
  return 'cancelling';
}

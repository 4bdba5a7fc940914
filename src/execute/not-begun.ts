/** A move that is not begun: it is told and written down like any other. */

import type { MoveRecord, Outcome } from '../domain/journal.ts';
import { closingLine, withoutFigures } from './closing-line.ts';
import type { ExecutorParts } from './executor-parts.ts';
import type { TaskEnd } from './move-task.ts';
import { announceEnd } from './run-move.ts';

type Record = Omit<MoveRecord, 'stages' | 'result'>;

// oxlint-disable-next-line max-params -- which move did not begin, how it ends, and why
export function announceNotBegun(
  { clock, events }: Pick<ExecutorParts, 'clock' | 'events'>,
  { move, vmName = move.vm }: Pick<Record, 'move'> & Partial<Pick<Record, 'vmName'>>,
  outcome: Outcome,
  detail: string,
): TaskEnd {
  announceEnd({ events }, { move, vmName }, withoutFigures(outcome, clock.now(), detail));
  return { outcome, detail };
}

/** Rejects with LedgerError; its record may be open then. */
// oxlint-disable-next-line max-params -- which move did not begin, how it ends, and why
export async function recordNotBegun(
  { clock, ledger }: Pick<ExecutorParts, 'clock' | 'ledger'>,
  record: Record,
  outcome: Outcome,
  detail: string,
): Promise<void> {
  if (!(await ledger.openMove(record))) return;
  const result = withoutFigures(outcome, clock.now(), detail);
  await ledger.closeMove(record.move.id, result, closingLine(record, result));
}

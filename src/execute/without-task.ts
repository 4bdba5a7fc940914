/** A move that ends without a task of its own: it is told, and written down, like any other. */

import type { MoveRecord, Outcome } from '../domain/journal.ts';
import { vmOf } from '../domain/snapshot-index.ts';
import { closingLine, withoutFigures } from './closing-line.ts';
import type { ExecutorParts } from './executor-parts.ts';
import type { TaskEnd } from './move-task.ts';
import { announceEnd } from './run-move.ts';

type OpenRecord = Omit<MoveRecord, 'stages' | 'result'>;

/** Undefined where the VM is not there any more. */
export function recordOf(
  { clock, world }: Pick<ExecutorParts, 'clock' | 'world'>,
  { move, plan }: Pick<OpenRecord, 'move' | 'plan'>,
): OpenRecord | undefined {
  const vm = vmOf(world(), move.vm);
  if (vm === undefined) return undefined;
  return { move, plan, source: vm.source, vmName: vm.name, openedAt: clock.now() };
}

// oxlint-disable-next-line max-params -- which move ends without a task, how, and why
export function announceOutcome(
  { clock, events }: Pick<ExecutorParts, 'clock' | 'events'>,
  { move, vmName = move.vm }: Pick<OpenRecord, 'move'> & Partial<Pick<OpenRecord, 'vmName'>>,
  outcome: Outcome,
  detail: string,
): TaskEnd {
  announceEnd({ events }, { move, vmName }, withoutFigures(outcome, clock.now(), detail));
  return { outcome, detail };
}

/** Rejects with LedgerError; its record is never open. */
// oxlint-disable-next-line max-params -- which move did not begin, how it ends, and why
export async function recordNotBegun(
  { clock, ledger }: Pick<ExecutorParts, 'clock' | 'ledger'>,
  record: OpenRecord,
  outcome: Outcome,
  detail: string,
): Promise<void> {
  const result = withoutFigures(outcome, clock.now(), detail);
  await ledger.addUnbegun(record, result, closingLine(record, result));
}

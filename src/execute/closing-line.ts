/** The one line of history that a move leaves when it has ended, however it did. */

import type { HistoryEntry, MoveRecord, MoveResult, Outcome } from '../domain/journal.ts';
import { assertNever } from '../domain/result.ts';
import type { EpochSeconds } from '../domain/units.ts';

/** The result of a move that was not begun: nothing of it could be measured. */
export function withoutFigures(outcome: Outcome, at: EpochSeconds, detail: string): MoveResult {
  return { outcome, at, detail, seconds: undefined, downtimeSeconds: undefined, bytes: undefined };
}

export function closingLine(
  { move, vmName }: Pick<MoveRecord, 'move' | 'vmName'>,
  result: MoveResult,
): HistoryEntry {
  const { outcome, at } = result;
  const way = `from ${move.from} to ${move.to}`;
  const isTrouble = outcome === 'failed' || outcome === 'needs-human';
  return {
    at,
    kind: isTrouble ? 'error' : 'move',
    vm: move.vm,
    host: move.to,
    from: move.from,
    move: move.id,
    text: `${vmName} ${outcomeText(result, way)}: ${whyText(move, result)}`,
  };
}

function whyText({ reason }: MoveRecord['move'], { outcome, detail }: MoveResult): string {
  if (outcome !== 'succeeded') return detail;
  return detail === '' ? reason.text : `${reason.text} (${detail})`;
}

function outcomeText({ outcome }: MoveResult, way: string): string {
  switch (outcome) {
    case 'succeeded':
      return `moved ${way}`;
    case 'failed':
      return `could not be moved ${way}`;
    case 'skipped':
    case 'cancelled':
      return `was not moved ${way}`;
    case 'needs-human':
      return `needs a human after its move ${way}`;
    default:
      return assertNever(outcome, 'outcome');
  }
}

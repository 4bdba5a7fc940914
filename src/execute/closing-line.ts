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
  const isRestart = move.method === 'restart';
  const way = isRestart
    ? `on ${move.to} (its host ${move.from} is dead)`
    : `from ${move.from} to ${move.to}`;
  const isTrouble = outcome === 'failed' || outcome === 'needs-human';
  return {
    at,
    kind: isTrouble ? 'error' : 'move',
    vm: move.vm,
    host: move.to,
    from: move.from,
    move: move.id,
    text: `${vmName} ${outcomeText(result, way, isRestart)}: ${whyText(move, result)}`,
  };
}

function whyText({ reason }: MoveRecord['move'], { outcome, detail }: MoveResult): string {
  if (outcome !== 'succeeded') return detail;
  return detail === '' ? reason.text : `${reason.text} (${detail})`;
}

function outcomeText({ outcome, seconds }: MoveResult, way: string, isRestart: boolean): string {
  const [done, undone] = isRestart ? ['restarted', 'restart'] : ['moved', 'move'];
  switch (outcome) {
    case 'succeeded':
      return isRestart ? `${done} ${way} in ${Math.round(seconds ?? 0)} s` : `${done} ${way}`;
    case 'failed':
      return `could not be ${done} ${way}`;
    case 'skipped':
    case 'cancelled':
      return `was not ${done} ${way}`;
    case 'needs-human':
      return `needs a human after its ${undone} ${way}`;
    default:
      return assertNever(outcome, 'outcome');
  }
}

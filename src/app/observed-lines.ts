/** What the history and `drover observed` say of a move that was only observed. */

import type { HistoryEntry } from '../domain/journal.ts';
import type { ObservedMove, SettledMove } from '../domain/observed-move.ts';
import { assertNever } from '../domain/result.ts';
import { durationText } from '../observe/narrate/text.ts';

export function openedLine(move: ObservedMove): HistoryEntry {
  const { vmName, from, to, why } = move;
  return lineOf(move, move.firstAt, `${vmName} would be moved from ${from} to ${to}: ${why}`);
}

/** Both halves beside each other. */
export function settledLine(move: SettledMove): HistoryEntry {
  const { vmName, from, to, why, lookedAt } = move;
  const wish = `${vmName} would have been moved from ${from} to ${to} (${wishText(move)}): ${why}`;
  return lineOf(move, lookedAt, `${wish}; really: ${endText(move)}`);
}

function lineOf(
  { vm, from, to }: ObservedMove,
  at: HistoryEntry['at'],
  text: string,
): HistoryEntry {
  return { at, kind: 'decision', vm, host: to, from, move: undefined, text };
}

/** How long it was wanted, and how steadily. */
export function wishText({ firstAt, lastAt, retargets, unseenSeconds }: ObservedMove): string {
  const parts = [lastAt > firstAt ? `wanted for ${spanText(firstAt, lastAt)}` : 'wanted once'];
  if (retargets > 0)
    parts.push(`another target ${retargets === 1 ? 'once' : `${retargets} times`}`);
  if (unseenSeconds !== undefined) parts.push(`unseen for ${durationText(unseenSeconds)} of that`);
  return parts.join(', ');
}

/** What really happened, and how long after it was first wanted. */
export function endText(move: SettledMove): string {
  const { end, firstAt } = move;
  const after =
    end.notBefore === undefined
      ? `${spanText(firstAt, end.at)} after it was first wanted`
      : `while Drover did not look (${spanText(end.notBefore, end.at)})`;
  return `${whatText(move)}${end.outcome === 'unknown' ? '' : `, ${after}`}`;
}

function whatText({ end, from }: SettledMove): string {
  const { outcome, host } = end;
  switch (outcome) {
    case 'moved-there':
      return `somebody moved it to ${host}, the same host`;
    case 'moved-elsewhere':
      return `somebody moved it to ${host}`;
    case 'carried-out':
      return `Drover moved it to ${host}, by an order or in another mode`;
    case 'ended':
      return `the finding ended, and it stayed on ${from}`;
    case 'other-vm':
      return 'the finding held, and the plan wanted another VM instead';
    case 'not-planned':
      return 'the finding held, and the plan did not want it any more';
    case 'deleted':
      return 'the VM was deleted';
    case 'powered-off':
      return 'the VM was powered off';
    case 'unknown':
      return unknownText(end);
    default:
      return assertNever(outcome, 'outcome');
  }
}

function unknownText({ notBefore, at, host }: SettledMove['end']): string {
  const place = host === undefined ? '' : `, and it is on ${host} as before`;
  const time = notBefore === undefined ? '' : ` for ${spanText(notBefore, at)}`;
  return `Drover did not look${time}; what happened between is not known${place}`;
}

/** Of a clock that was set back nothing negative is told. */
function spanText(from: number, to: number): string {
  const span = Math.max(0, to - from);
  return span === 0 ? '0 s' : durationText(span);
}

/** How a plan that is applied stands, move by move, for people. */

import type { GateVerdict, MoveRecord } from '../domain/journal.ts';
import type { Move } from '../domain/plan.ts';
import type { AppliedMove, ApplyView } from '../ports/api.ts';
import { type Application, idIn, isClosed, isUnderWay } from './application.ts';
import { statesOf } from './apply-left.ts';

/** @param records of the moves that were begun, each at the place of its move. */
export function viewOf(own: Application, records: readonly (MoveRecord | undefined)[]): ApplyView {
  const states = statesOf(own.handedIn.moves, records);
  const moves = own.handedIn.moves.map((move, index) => {
    const state = states.get(move.id);
    const waits = !isClosed(own) && (state === 'open' || state === 'held');
    return moveView(own, move, records[index], waits);
  });
  // What runs ends yet, whatever holds the rest back.
  return { id: own.id, over: isClosed(own) && !records.some(isUnderWay), moves };
}

// oxlint-disable-next-line max-params -- of which plan, which, how far it is, whether it goes on
function moveView(
  own: Application,
  move: Move,
  record: MoveRecord | undefined,
  waits: boolean,
): AppliedMove {
  const { vm, from, to } = move;
  const about = { vm, from, to };
  if (own.before.has(move.id)) return { ...about, state: 'succeeded', detail: 'done before' };
  if (record?.result !== undefined) {
    const { outcome, detail } = record.result;
    return { ...about, state: waits ? 'waiting' : outcome, detail };
  }
  if (record !== undefined) {
    return { ...about, state: 'moving', detail: record.stages.at(-1)?.stage ?? 'opened' };
  }
  const { closed } = own;
  if (closed === 'cancelled') return { ...about, state: 'not-begun', detail: CANCELLED };
  const verdict = own.verdicts.get(idIn(own, move));
  // Nothing was said of what waits for others.
  const isFree = closed === undefined && (verdict === undefined || verdict.verdict === 'execute');
  return {
    ...about,
    state: closed === undefined ? 'waiting' : 'not-begun',
    detail: isFree ? '' : whyNot(verdict),
  };
}

const CANCELLED = 'the plan was cancelled';

function whyNot(verdict: GateVerdict | undefined): string {
  if (verdict === undefined) return 'its time was over';
  if (verdict.verdict === 'would-execute') return 'mode observe: nothing is carried out';
  return verdict.refusals.map(({ code, detail }) => `${code} ${detail}`.trim()).join('; ');
}

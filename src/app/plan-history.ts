/**
 * What became of one plan: the decision and what the gate said of each move, then the moves
 * themselves, as far as they were begun. Told from the ledger, so also of plans long ago.
 */

import { isIdText, type PlanId, planId } from '../domain/ids.ts';
import type { Decision, GateVerdict, HistoryEntry } from '../domain/journal.ts';
import type { Move } from '../domain/plan.ts';
import { assertNever, fail, ok, type Result } from '../domain/result.ts';
import type { ApiProblem } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import { historyWithOpenMoves } from './history.ts';

type Known = Pick<Ledger, 'decision' | 'history' | 'openMoves'>;

/** Newest first; the plan as somebody has typed it. */
export async function askedPlanHistory(
  ledger: Known,
  plan: string,
  limit: number,
): Promise<Result<readonly HistoryEntry[], ApiProblem>> {
  // What cannot be an id is none of ours.
  const told = isIdText(plan) ? await planHistory(ledger, planId(plan), limit) : undefined;
  if (told !== undefined) return ok(told);
  return fail({
    status: 404,
    code: 'not-found',
    detail: `the ledger knows no plan ${JSON.stringify(plan)}`,
    hint: 'a plan that repeats the one before is not recorded anew: drover replay lists them',
  });
}

/** Undefined: the ledger knows neither the decision nor a move of it. */
async function planHistory(
  ledger: Known,
  plan: PlanId,
  limit: number,
): Promise<readonly HistoryEntry[] | undefined> {
  const decision = await ledger.decision(plan);
  const moved = await historyWithOpenMoves(ledger, { plan, limit });
  if (decision === undefined) return moved.length === 0 ? undefined : moved;
  const begun = new Set(moved.map(({ move }) => move));
  return [...moved, ...notBegun(decision, begun), headLine(decision)].slice(0, limit);
}

function headLine({ plan, at, policyRevision, findings, result }: Decision): HistoryEntry {
  const { length: count } = result.plan.moves;
  const moves = count === 1 ? '1 move' : `${count} moves`;
  const why = [...new Set(findings.map(({ text }) => text))].join('; ');
  const text = `${plan}: ${moves}, by policy ${policyRevision}${why === '' ? '' : `: ${why}`}`;
  const about = { vm: undefined, host: undefined, from: undefined, move: undefined };
  return { at, kind: 'decision', ...about, text };
}

/** The moves of which no line tells, and why. */
function notBegun(
  { at, gate, result }: Decision,
  begun: ReadonlySet<HistoryEntry['move']>,
): readonly HistoryEntry[] {
  const verdicts = new Map(gate.map((verdict) => [verdict.move, verdict]));
  const left = result.plan.moves.filter(({ id }) => !begun.has(id));
  return left.map(({ id, vm, from, to }: Move): HistoryEntry => {
    const said = verdictText(verdicts.get(id));
    const text = `${vm} from ${from} to ${to}: ${said}`;
    return { at, kind: 'decision', vm, host: to, from, move: id, text };
  });
}

function verdictText(said: GateVerdict | undefined): string {
  if (said === undefined) return 'the gate was never asked';
  const { verdict, refusals } = said;
  switch (verdict) {
    case 'execute':
      return 'let through, and never begun: a newer plan took its place';
    case 'would-execute':
      return 'not begun: mode observe';
    case 'needs-approval':
      return 'not begun: it waited for an approval';
    case 'refused':
      return `refused: ${refusals.map(({ code, detail }) => `${code} (${detail})`).join('; ')}`;
    default:
      return assertNever(verdict, 'verdict');
  }
}

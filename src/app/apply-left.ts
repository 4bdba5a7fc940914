/** What is left of a plan that is applied, by what the ledger has of its moves. Pure. */

import type { MoveId } from '../domain/ids.ts';
import type { MoveRecord, MoveResult } from '../domain/journal.ts';
import type { Move } from '../domain/plan.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import { NOT_STARTED } from '../execute/run-move.ts';
import { WAITED_FOR } from '../execute/waiting-line.ts';

/**
 * `open`: it may begin; `held`: it waits for moves that are under way, or are held themselves;
 * `failed`: it came to nothing, as does what waited for it.
 */
export type MoveState = 'succeeded' | 'running' | 'failed' | 'open' | 'held';

/** @param records each at the place of its move; undefined: it was not begun. */
export function statesOf(
  moves: readonly Move[],
  records: readonly (MoveRecord | undefined)[],
): ReadonlyMap<MoveId, MoveState> {
  const states = new Map<MoveId, MoveState>();
  for (const [index, { id, dependsOn }] of moves.entries()) {
    const needs = dependsOn.map((one) => states.get(one));
    states.set(id, stateOf(records[index], needs));
  }
  return states;
}

function stateOf(
  record: MoveRecord | undefined,
  needs: readonly (MoveState | undefined)[],
): MoveState {
  if (record !== undefined && record.result === undefined) return 'running';
  if (record?.result?.outcome === 'succeeded') return 'succeeded';
  if (record?.result !== undefined && !wasHeldBack(record.result)) return 'failed';
  // What waited for a move that came to nothing is not begun any more.
  if (needs.includes('failed')) return 'failed';
  return needs.some((one) => one === 'running' || one === 'held') ? 'held' : 'open';
}

/** What people or guards say that have it wait; what the world has overtaken does not wait. */
const PASSING: ReadonlySet<string> = new Set<RefusalCode>([
  'paused',
  'quarantined',
  'managed-elsewhere',
  'breaker',
  'reverse-move',
  'window',
  'budget',
  'own-leases',
]);

/**
 * A guard kept it back after all when it was about to begin, or it waited for such a move, or
 * Drover stopped in that moment: nothing was asked of a hypervisor, and it is as if it had been
 * kept back before.
 */
function wasHeldBack({ outcome, detail }: MoveResult): boolean {
  if (outcome !== 'skipped') return false;
  return (
    PASSING.has(detail.split(':', 1)[0] ?? '') ||
    detail.startsWith(WAITED_FOR) ||
    detail.startsWith(NOT_STARTED)
  );
}

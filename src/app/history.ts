/**
 * History as people ask for it. A move that has ended left its one line in the ledger; one that is
 * under way has none yet, and is told of from its open record.
 */

import type { HistoryEntry, MoveRecord } from '../domain/journal.ts';
import type { HistoryQuery, Ledger } from '../ports/ledger.ts';

/** Newest first, as {@link Ledger.history}, and with the moves under way. */
export async function historyWithOpenMoves(
  ledger: Pick<Ledger, 'history' | 'openMoves'>,
  query: HistoryQuery,
): Promise<readonly HistoryEntry[]> {
  // The open ones first: a move that ends in between is then in both, and is not left out.
  const open = await ledger.openMoves();
  const ended = await ledger.history(query);
  const told = new Set(ended.map((entry) => entry.move));
  const running = open
    .filter((record) => isAbout(record, query) && !told.has(record.move.id))
    .map(runningLine);
  const entries = [...running, ...ended].toSorted((a, b) => b.at - a.at);
  return entries.slice(0, query.limit);
}

function isAbout(record: MoveRecord, { vm, host, plan, since }: HistoryQuery): boolean {
  const { move, openedAt } = record;
  if (plan !== undefined && record.plan !== plan) return false;
  if (vm !== undefined && move.vm !== vm) return false;
  if (host !== undefined && move.from !== host && move.to !== host) return false;
  return since === undefined || openedAt >= since;
}

function runningLine({ move, vmName, openedAt, stages }: MoveRecord): HistoryEntry {
  const way = `from ${move.from} to ${move.to}`;
  const stage = stages.at(-1)?.stage ?? 'opened';
  return {
    at: openedAt,
    kind: 'move',
    vm: move.vm,
    host: move.to,
    from: move.from,
    move: move.id,
    text: `${vmName} is being moved ${way} (${stage}): ${move.reason.text}`,
  };
}

/** The history of VMs, hosts and plans: lines are only ever added, until they are too old. */

import type { Kysely, Transaction } from 'kysely';

import type { HistoryEntry } from '../domain/journal.ts';
import type { HistoryQuery } from '../ports/ledger.ts';
import { chunksOf } from './bounded.ts';
import { fromHistory, toHistory } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function insertHistory(
  trx: Transaction<LedgerSchema>,
  entries: readonly HistoryEntry[],
): Promise<void> {
  const rows = entries.map((entry) => fromHistory(entry));
  for (const chunk of chunksOf(rows)) await trx.insertInto('history').values(chunk).execute();
}

export async function selectHistory(
  db: Kysely<LedgerSchema>,
  { vm, host, plan, since, movesOnly, newestBy, limit }: HistoryQuery,
): Promise<readonly HistoryEntry[]> {
  let select = db.selectFrom('history').selectAll();
  if (vm !== undefined) select = select.where('vm', '=', vm);
  if (host !== undefined) {
    select = select.where((build) =>
      build.or([build('host', '=', host), build('from_host', '=', host)]),
    );
  }
  if (plan !== undefined) {
    const ofPlan = db.selectFrom('moves').select('id').where('plan', '=', plan);
    select = select.where('move', 'in', ofPlan);
  }
  if (since !== undefined) select = select.where('at', '>=', since);
  if (movesOnly === true) select = select.where('move', 'is not', null);
  if (newestBy !== 'writing') select = select.orderBy('at', 'desc');
  return (await select.orderBy('seq', 'desc').limit(limit).execute()).map((row) => toHistory(row));
}

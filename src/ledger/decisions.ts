/** What each tick decided. */

import type { Kysely, Transaction } from 'kysely';

import type { Decision } from '../domain/journal.ts';
import { toDecision } from './records.ts';
import type { LedgerSchema } from './schema.ts';

/** Returns the record’s text as it is stored. */
export async function upsertDecision(
  trx: Transaction<LedgerSchema>,
  decision: Decision,
): Promise<string> {
  const row = { at: decision.at, body: JSON.stringify(decision) };
  await trx
    .insertInto('decisions')
    .values({ plan: decision.plan, ...row })
    .onConflict((conflict) => conflict.column('plan').doUpdateSet(row))
    .execute();
  return row.body;
}

export async function selectDecisions(
  db: Kysely<LedgerSchema>,
  limit: number,
): Promise<readonly Decision[]> {
  const query = db.selectFrom('decisions').selectAll().orderBy('at', 'desc');
  const rows = await query.orderBy('plan', 'desc').limit(limit).execute();
  return rows.map((row) => toDecision(row));
}

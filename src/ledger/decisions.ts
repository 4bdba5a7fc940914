/** What each tick decided, and for a while from what. */

import { type Kysely, type Transaction, sql } from 'kysely';

import type { PlanId } from '../domain/ids.ts';
import type { Decision } from '../domain/journal.ts';
import { epochSeconds } from '../domain/units.ts';
import type { InputBounds, KeptInputs, Replayable } from '../ports/ledger.ts';
import type { StoredDecision } from './decision-judge.ts';
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

export async function selectDecision(
  db: Kysely<LedgerSchema>,
  plan: PlanId,
): Promise<Decision | undefined> {
  const query = db.selectFrom('decisions').selectAll().where('plan', '=', plan);
  const row = await query.executeTakeFirst();
  return row === undefined ? undefined : toDecision(row);
}

/** As they are stored, in the order of their plans. */
export function selectDecisionTexts(
  db: Kysely<LedgerSchema>,
  after: string,
  limit: number,
): Promise<readonly StoredDecision[]> {
  const query = db.selectFrom('decisions').select(['plan', 'body']).where('plan', '>', after);
  return query.orderBy('plan').limit(limit).execute();
}

export async function upsertInputs(
  trx: Transaction<LedgerSchema>,
  { plan, at, packed }: KeptInputs,
  { since, bytes }: InputBounds,
): Promise<void> {
  const row = { at, bytes: packed.byteLength, body: packed };
  await trx
    .insertInto('decision_inputs')
    .values({ plan, ...row })
    .onConflict((conflict) => conflict.column('plan').doUpdateSet(row))
    .execute();
  // Newest first, as far as they are within the size together.
  await sql`delete from decision_inputs where at < ${since} or plan in (
    select plan from (
      select plan, sum(bytes) over (order by at desc, plan desc) as upto from decision_inputs
    ) as sizes where upto > ${bytes}
  )`.execute(trx);
}

export async function selectReplayable(
  db: Kysely<LedgerSchema>,
  plan: PlanId,
): Promise<Replayable> {
  const inputs = db.selectFrom('decision_inputs');
  const kept = await inputs.select('body').where('plan', '=', plan).executeTakeFirst();
  const oldest = await inputs.select('at').orderBy('at').limit(1).executeTakeFirst();
  return {
    decision: await selectDecision(db, plan),
    inputs: kept === undefined ? undefined : new Uint8Array(kept.body),
    oldestInputsAt: oldest === undefined ? undefined : epochSeconds(oldest.at),
  };
}

/** Plans that people have handed in, while something of them may yet be begun. */

import type { ColumnDefinitionBuilder, Kysely, Transaction } from 'kysely';

import type { AppliedPlan } from '../domain/applied-plan.ts';
import { type MoveId, moveId, type PlanId } from '../domain/ids.ts';
import { planCancelNote } from './audit-notes.ts';
import type { LedgerSchema } from './schema.ts';
import type { Work } from './work.ts';

export async function createAppliedPlans(db: Kysely<LedgerSchema>): Promise<void> {
  const required = (column: ColumnDefinitionBuilder) => column.notNull();
  await db.schema
    .createTable('applied_plans')
    .ifNotExists()
    .addColumn('plan', 'text', (column) => column.primaryKey().notNull())
    .addColumn('at', 'double precision', required)
    .addColumn('expires_at', 'double precision', required)
    .addColumn('body', 'text', required)
    .execute();
}

export async function insertApplied(
  trx: Transaction<LedgerSchema>,
  plan: AppliedPlan,
): Promise<void> {
  await trx.deleteFrom('applied_plans').where('expires_at', '<=', plan.at).execute();
  const row = { at: plan.at, expires_at: plan.expiresAt, body: JSON.stringify(plan) };
  await trx
    .insertInto('applied_plans')
    .values({ plan: plan.id, ...row })
    .onConflict((conflict) => conflict.column('plan').doUpdateSet(row))
    .execute();
}

/** That it was cancelled is told once. */
export function closeApplied(id: PlanId, by: string | undefined): Work<void> {
  return async (trx, note) => {
    const query = trx.deleteFrom('applied_plans').where('plan', '=', id);
    const { numDeletedRows } = await query.executeTakeFirst();
    if (by !== undefined && numDeletedRows > 0n) note(planCancelNote(id, by));
  };
}

/** Their texts: what cannot be read as a plan is no failure of the ledger. */
export async function selectApplied(db: Kysely<LedgerSchema>): Promise<readonly string[]> {
  const query = db.selectFrom('applied_plans').select('body');
  const rows = await query.orderBy('at', 'desc').orderBy('plan', 'desc').execute();
  return rows.map(({ body }) => body);
}

export async function selectBegun(
  db: Kysely<LedgerSchema>,
  plan: PlanId,
): Promise<ReadonlySet<MoveId>> {
  const rows = await db.selectFrom('moves').select('id').where('plan', '=', plan).execute();
  return new Set(rows.map(({ id }) => moveId(id)));
}

/** Approvals, and the plans that may still be approved. What has expired goes with the next one. */

import type { Kysely, Transaction } from 'kysely';

import { type Approval, approvalKey, askedMove, type ShownPlan } from '../domain/approval.ts';
import type { MoveId, PlanId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { LedgerSchema } from './schema.ts';

type Connection = Transaction<LedgerSchema>;

export async function insertShownPlan(trx: Connection, shown: ShownPlan): Promise<void> {
  await trx.deleteFrom('shown_plans').where('expires_at', '<=', shown.at).execute();
  const row = { expires_at: shown.expiresAt, body: JSON.stringify(shown) };
  await trx
    .insertInto('shown_plans')
    .values({ plan: shown.plan, ...row })
    .onConflict((conflict) => conflict.column('plan').doUpdateSet(row))
    .execute();
}

export async function selectShownPlan(
  db: Kysely<LedgerSchema>,
  plan: PlanId,
): Promise<ShownPlan | undefined> {
  const query = db.selectFrom('shown_plans').select('body').where('plan', '=', plan);
  const row = await query.executeTakeFirst();
  // Written above, and by nobody else.
  return row === undefined ? undefined : (JSON.parse(row.body) as ShownPlan);
}

/** A newer approval of the same move takes the place of the older one. */
export async function insertApprovals(
  trx: Connection,
  approvals: readonly Approval[],
  now: EpochSeconds,
): Promise<void> {
  await trx.deleteFrom('approvals').where('expires_at', '<=', now).execute();
  for (const approval of approvals) {
    const row = { expires_at: approval.expiresAt, body: JSON.stringify(approval) };
    await trx
      .insertInto('approvals')
      .values({ move_key: approvalKey(approval.move), ...row })
      .onConflict((conflict) => conflict.column('move_key').doUpdateSet(row))
      .execute();
  }
}

export async function selectApprovals(db: Kysely<LedgerSchema>): Promise<readonly Approval[]> {
  const rows = await db.selectFrom('approvals').select('body').orderBy('move_key').execute();
  // Written above, and by nobody else.
  return rows.map(({ body }) => JSON.parse(body) as Approval);
}

/** The move has run: another one like it has to be approved anew. */
export async function useUpApproval(trx: Connection, id: MoveId): Promise<void> {
  const query = trx.selectFrom('moves').select('body').where('id', '=', id);
  const { body } = await query.executeTakeFirstOrThrow();
  const key = approvalKey(askedMove(JSON.parse(body) as Move));
  await trx.deleteFrom('approvals').where('move_key', '=', key).execute();
}

/** The alerts that fire, by fingerprint. */

import type { Kysely, Transaction } from 'kysely';

import type { KeptAlert } from '../domain/kept-alert.ts';
import { parseBody } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function upsertAlert(trx: Transaction<LedgerSchema>, kept: KeptAlert): Promise<void> {
  const set = { heard_at: kept.heardAt, body: JSON.stringify(kept) };
  await trx
    .insertInto('firing_alerts')
    .values({ fingerprint: kept.fingerprint, ...set })
    .onConflict((conflict) => conflict.column('fingerprint').doUpdateSet(set))
    .execute();
}

export async function deleteAlert(
  trx: Transaction<LedgerSchema>,
  fingerprint: string,
  heardAt: number | undefined,
): Promise<void> {
  const one = trx.deleteFrom('firing_alerts').where('fingerprint', '=', fingerprint);
  await (heardAt === undefined ? one : one.where('heard_at', '=', heardAt)).execute();
}

export async function selectAlerts(db: Kysely<LedgerSchema>): Promise<readonly KeptAlert[]> {
  const rows = await db.selectFrom('firing_alerts').select('body').orderBy('fingerprint').execute();
  return rows.map(({ body }) => parseBody<KeptAlert>(body));
}

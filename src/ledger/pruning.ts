/** What housekeeping removes: closed records, decisions and history older than a moment. */

import { type RawBuilder, type SqlBool, type Transaction, sql } from 'kysely';

import type { EpochSeconds } from '../domain/units.ts';
import type { LedgerSchema } from './schema.ts';

interface Old {
  readonly table: keyof LedgerSchema;
  readonly key: string;
  readonly where: RawBuilder<SqlBool>;
}

/** Stages go with their moves. */
export function whatIsOld(before: EpochSeconds): readonly Old[] {
  const closedOrder = sql<SqlBool>`state = 'closed' and changed_at < ${before}`;
  return [
    { table: 'moves', key: 'id', where: sql`closed_at < ${before}` },
    { table: 'decisions', key: 'plan', where: sql`at < ${before}` },
    { table: 'history', key: 'seq', where: sql`at < ${before}` },
    { table: 'breaker_resets', key: 'name', where: sql`at < ${before}` },
    { table: 'orders', key: 'id', where: closedOrder },
  ];
}

/** Deletes at most `limit` rows; returns how many. */
export async function deleteSome(
  transaction: Transaction<LedgerSchema>,
  { table, key, where }: Old,
  limit: number,
): Promise<number> {
  const name = sql.table(table);
  const id = sql.ref(key);
  const chunk = sql`select ${id} from ${name} where ${where} limit ${sql.lit(limit)}`;
  const done = await sql`delete from ${name} where ${id} in (${chunk})`.execute(transaction);
  return Number(done.numAffectedRows ?? 0n);
}

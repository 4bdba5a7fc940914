/** What housekeeping removes: closed records, decisions and history older than a moment. */

import { type RawBuilder, type SqlBool, type Transaction, sql } from 'kysely';

import type { EpochSeconds } from '../domain/units.ts';
import { pruneAudit } from './audit.ts';
import { prunedNote } from './audit-notes.ts';
import type { LedgerSchema } from './schema.ts';
import type { Note } from './seal.ts';

/** Rows that are deleted in one transaction: nobody waits long behind it. */
const CHUNK = 500;
/** Of entries of the audit trail: each cut costs an entry itself. */
const AUDIT_CHUNK = 5000;

/** What is done in one transaction, and what is to be written down with it. */
export type Work<Value> = (
  transaction: Transaction<LedgerSchema>,
  note: (note: Note) => void,
) => Promise<Value>;

type Write = (work: Work<number>) => Promise<number>;

/** Returns how many rows. */
export async function pruneAll(write: Write, before: EpochSeconds): Promise<number> {
  let total = await pruneTrail(write, before);
  for (const old of whatIsOld(before)) {
    for (;;) {
      const deleted = await write((trx) => deleteSome(trx, old, CHUNK));
      total += deleted;
      if (deleted < CHUNK) break;
    }
  }
  return total;
}

async function pruneTrail(write: Write, before: EpochSeconds): Promise<number> {
  for (let total = 0; ; ) {
    const cut = await write(async (trx, note) => {
      const { count, last } = await pruneAudit(trx, before, AUDIT_CHUNK);
      if (last !== undefined) note(prunedNote(last));
      return count;
    });
    total += cut;
    if (cut < AUDIT_CHUNK) return total;
  }
}

interface Old {
  readonly table: keyof LedgerSchema;
  readonly key: string;
  readonly where: RawBuilder<SqlBool>;
}

/** Stages go with their moves. */
function whatIsOld(before: EpochSeconds): readonly Old[] {
  const closedOrder = sql<SqlBool>`state = 'closed' and changed_at < ${before}`;
  return [
    { table: 'moves', key: 'id', where: sql`closed_at < ${before}` },
    { table: 'decisions', key: 'plan', where: sql`at < ${before}` },
    { table: 'decision_inputs', key: 'plan', where: sql`at < ${before}` },
    { table: 'history', key: 'seq', where: sql`at < ${before}` },
    { table: 'breaker_resets', key: 'name', where: sql`at < ${before}` },
    { table: 'cancel_wishes', key: 'id', where: sql`ended_at < ${before}` },
    { table: 'orders', key: 'id', where: closedOrder },
  ];
}

/** Deletes at most `limit` rows; returns how many. */
async function deleteSome(
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

/**
 * The table of the audit trail. Entries are chained in the transaction that writes what they tell
 * of, last thing before its commit: however many writers there are, the row of the head is the one
 * thing that all of them change, so it is what puts them in order.
 */

import type { Kysely, Transaction } from 'kysely';

import type { AuditEntry, AuditHead, AuditNote } from '../domain/audit.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { LedgerError } from '../ports/ledger.ts';
import { chunksOf } from './bounded.ts';
import { hashOf } from './audit-chain.ts';
import type { StoreTraits } from './leases.ts';
import type { LedgerSchema } from './schema.ts';

type Connection = Transaction<LedgerSchema>;

/** @throws LedgerError `corrupt` where the head is gone: nothing can be chained to nothing. */
export async function appendAudit(
  trx: Connection,
  notes: readonly AuditNote[],
  at: EpochSeconds,
  traits: StoreTraits,
): Promise<void> {
  if (notes.length === 0) return;
  const head = await lockHead(trx, traits);
  const entries = chained(head, notes, at);
  for (const chunk of chunksOf(entries)) await trx.insertInto('audit').values(chunk).execute();
  const last = entries.at(-1) ?? head;
  const set = { seq: last.seq, hash: last.hash };
  await trx.updateTable('audit_head').set(set).where('id', '=', 1).execute();
}

function chained(head: AuditHead, notes: readonly AuditNote[], at: EpochSeconds): AuditEntry[] {
  let { seq, hash: prev } = head;
  return notes.map(({ kind, body }) => {
    seq += 1;
    const open = { seq, at, kind, body: JSON.stringify(body), prev };
    prev = hashOf(open);
    return { ...open, hash: prev };
  });
}

/** Until the commit nobody else writes to the trail, or takes anything away from it. */
export async function lockHead(
  trx: Connection,
  { concurrentWriters }: Pick<StoreTraits, 'concurrentWriters'>,
): Promise<AuditHead> {
  const query = trx.selectFrom('audit_head').selectAll().where('id', '=', 1);
  const row = await (concurrentWriters ? query.forUpdate() : query).executeTakeFirst();
  if (row !== undefined) return { seq: Number(row.seq), hash: row.hash };
  throw new LedgerError('corrupt', 'the audit trail has lost its head');
}

export async function selectAuditHead(db: Kysely<LedgerSchema>): Promise<AuditHead | undefined> {
  const query = db.selectFrom('audit_head').selectAll().where('id', '=', 1);
  const row = await query.executeTakeFirst();
  return row === undefined ? undefined : { seq: Number(row.seq), hash: row.hash };
}

/** In their order, from the one after `after` on. */
export async function selectAudit(
  db: Kysely<LedgerSchema>,
  after: number,
  limit: number,
): Promise<readonly AuditEntry[]> {
  const query = db.selectFrom('audit').selectAll().where('seq', '>', after);
  const rows = await query.orderBy('seq').limit(limit).execute();
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

/**
 * The table of the audit trail. Entries are chained in the transaction that writes what they tell
 * of, last thing before its commit: however many writers there are, the row of the head is the one
 * thing that all of them change, so it is what puts them in order.
 */

import type { Kysely, Transaction } from 'kysely';

import type { AuditEntry, AuditHead, AuditNote } from '../domain/audit.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { LedgerError, type OldRecords } from '../ports/ledger.ts';
import { chunksOf } from './bounded.ts';
import { hashOf, type PrunedBody } from './audit-chain.ts';
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

async function lockHead(trx: Connection, { concurrentWriters }: StoreTraits): Promise<AuditHead> {
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

/**
 * Takes away entries from the beginning, as long as they are older than `before`; what is left
 * begins with the next one. The answer is to be told in the trail itself: it says where it begins.
 */
export async function pruneAudit(
  trx: Connection,
  { before, keep }: OldRecords,
  limit: number,
): Promise<{ readonly count: number; readonly last: PrunedBody | undefined }> {
  const newest = await trx
    .selectFrom('audit')
    .select((row) => row.fn.max('seq').as('seq'))
    .executeTakeFirst();
  const rows = await trx
    .selectFrom('audit')
    .select(['seq', 'at', 'hash'])
    .where('seq', '<=', Number(newest?.seq ?? 0) - keep)
    .orderBy('seq')
    .limit(limit)
    .execute();
  // A clock that was set back leaves older moments behind newer ones: the chain has no holes.
  const end = rows.findIndex((row) => row.at >= before);
  const old = end === -1 ? rows : rows.slice(0, end);
  const last = old.at(-1);
  if (last === undefined) return { count: 0, last: undefined };
  await trx.deleteFrom('audit').where('seq', '<=', last.seq).execute();
  return { count: old.length, last: { through: Number(last.seq), hash: last.hash } };
}

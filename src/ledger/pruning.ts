/** What housekeeping removes: closed records, decisions and history older than a moment. Of what
 *  tells where VMs went the newest stay, whatever the clock says, and all that a return needs. */

import { type RawBuilder, type SqlBool, type Transaction, sql } from 'kysely';

import type { EpochSeconds } from '../domain/units.ts';
import type { OldRecords, Pruned } from '../ports/ledger.ts';
import { MOST_SETTLED } from './observed-moves.ts';
import { deleteClosedOrders } from './orders.ts';
import { pruneTraces, TRACES } from './prune-traces.ts';
import type { LedgerSchema } from './schema.ts';
import { cutWithOthers } from './seal.ts';
import type { Work } from './work.ts';

/** Rows that are deleted in one transaction: nobody waits long behind it. */
const CHUNK = 500;
/** Of entries of the audit trail: each cut costs an entry itself, and all who write wait for it. */
const AUDIT_CHUNK = 1000;

type Write = <Value>(work: Work<Value>) => Promise<Value>;

/** @param now by the clock of the one that keeps house. */
export async function pruneAll(
  write: Write,
  { before, keep }: OldRecords,
  now: EpochSeconds,
): Promise<Pruned> {
  const trail = await pruneTrail(write, { before, keep }, now);
  let removed = trail.removed + (await pruneOrders(write, before));
  for (const traces of TRACES) removed += await pruneTraces(write, traces, { before, keep });
  for (const old of whatIsOld(before)) {
    for (;;) {
      const deleted = await write((trx) => deleteSome(trx, old, CHUNK));
      removed += deleted;
      if (deleted < CHUNK) break;
    }
  }
  return { ...trail, removed };
}

async function pruneTrail(write: Write, old: OldRecords, now: EpochSeconds): Promise<Pruned> {
  for (let removed = 0; ; ) {
    const asked = { ...old, now, limit: AUDIT_CHUNK };
    const { cut } = await write((_trx, note) => cutWithOthers(asked, note));
    const { count = 0, fault } = cut ?? {};
    removed += count;
    if (count < AUDIT_CHUNK) return { removed, auditFault: fault };
  }
}

async function pruneOrders(write: Write, before: EpochSeconds): Promise<number> {
  for (let [removed, after] = [0, '']; ; ) {
    const asked = { before, after, limit: CHUNK };
    const { count, last } = await write((trx) => deleteClosedOrders(trx, asked));
    removed += count;
    if (last === undefined) return removed;
    after = last;
  }
}

interface Old {
  readonly table: keyof LedgerSchema;
  readonly key: string;
  readonly where: RawBuilder<SqlBool>;
}

function whatIsOld(before: EpochSeconds): readonly Old[] {
  return [
    { table: 'decisions', key: 'plan', where: sql`at < ${before}` },
    { table: 'decision_inputs', key: 'plan', where: sql`at < ${before}` },
    { table: 'breaker_resets', key: 'name', where: sql`at < ${before}` },
    { table: 'cancel_wishes', key: 'id', where: sql`ended_at < ${before}` },
    { table: 'observed_moves', key: 'id', where: sql`settled_at < ${before}` },
    { table: 'observed_moves', key: 'id', where: sql`settled_at < (${newestSettled})` },
  ];
}

/** When the last one was settled of those that stay, however many there are. */
const newestSettled = sql`select settled_at from observed_moves where settled_at is not null
  order by settled_at desc limit 1 offset ${sql.lit(MOST_SETTLED - 1)}`;

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

/** Moves and their stages: the journal proper. */

import { type Kysely, sql, type Transaction } from 'kysely';

import { nearest } from '../domain/hold-left.ts';
import { compareText, type MoveId, type PlanId, type VmId, vmId } from '../domain/ids.ts';
import type { HistoryEntry, MoveRecord, MoveResult, StageEntry } from '../domain/journal.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import { LedgerError } from '../ports/ledger.ts';
import { useUpApproval } from './approvals.ts';
import type { StoreTraits } from './leases.ts';
import { fromHistory } from './records.ts';
import type { LedgerSchema } from './schema.ts';
import { lastIn, untilFor } from './span.ts';
import { withStages } from './with-stages.ts';

type Connection = Transaction<LedgerSchema>;
type Db = Kysely<LedgerSchema>;

export type NewMove = Omit<MoveRecord, 'stages' | 'result'>;

/** Since when, by whose clock, and the plan that asks: as the port has them. */
export type Asked = readonly [since: EpochSeconds, now: EpochSeconds, asking?: PlanId];

export const WAS_BEGUN = sql<boolean>`(outcome is null or outcome <> 'skipped')`;

/** All but the plan's own mandatory moves. From the body as it is kept, without reading JSON. */
export function bindsBudgetsOf(plan: PlanId | undefined) {
  if (plan === undefined) return sql<boolean>`1 = 1`;
  return sql<boolean>`not (plan = ${plan} and body like '%"tier":"mandatory"%')`;
}

/**
 * Returns which were opened; of the others another move of the VM is open, or this very one. Throws
 * LedgerError `conflict` where one was opened and closed before.
 */
export async function insertMoves(
  trx: Connection,
  records: readonly NewMove[],
): Promise<Set<string>> {
  // Everybody in the same order: who adds a move waits for another that has one of its VM.
  const inOrder = records.toSorted((a, b) => compareText(a.move.vm, b.move.vm));
  const insert = trx.insertInto('moves').values(inOrder.map(rowOf));
  const inserted = await insert
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  const opened = new Set(inserted.map(({ id }) => id));
  const others = records.map(({ move }) => move.id).filter((id) => !opened.has(id));
  if (others.length > 0) await assertNotClosed(trx, others);
  return opened;
}

/** It is never open. False: this very one is, or was. */
export async function insertUnbegun(
  trx: Connection,
  record: NewMove,
  { result, line }: Omit<Closing, 'move'>,
  { now }: StoreTraits,
): Promise<boolean> {
  const { outcome, at } = result;
  const end = { closed_at: at, outcome, result: JSON.stringify(result), settled_at: now() };
  const inserted = await trx
    .insertInto('moves')
    .values({ ...rowOf(record), ...end })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted === undefined) return false;
  if (outcome !== 'skipped') await useUpApproval(trx, record.move.id);
  if (line !== undefined) await trx.insertInto('history').values(fromHistory(line)).execute();
  return true;
}

async function assertNotClosed(trx: Connection, ids: readonly MoveId[]): Promise<void> {
  const known = trx.selectFrom('moves').select('id').where('id', 'in', ids);
  const closed = await known.where('closed_at', 'is not', null).executeTakeFirst();
  if (closed === undefined) return;
  throw new LedgerError('conflict', `the move ${closed.id} was opened and closed before`);
}

function rowOf({ move, plan, source, vmName, openedAt, leases }: NewMove) {
  return {
    id: move.id,
    vm: move.vm,
    plan,
    source,
    vm_name: vmName,
    opened_at: openedAt,
    body: JSON.stringify(move),
    from_host: move.from,
    to_host: move.to,
    leases: leasesText({ leases }),
  };
}

/** As it is kept. */
export function leasesText({ leases }: Pick<NewMove, 'leases'>): string | null {
  return leases === undefined ? null : JSON.stringify(leases);
}

export async function insertStages(trx: Connection, entries: readonly StageEntry[]): Promise<void> {
  const rows = entries.map((entry) => ({ ...entry }));
  await trx.insertInto('stages').values(rows).execute();
}

export interface Closing {
  readonly move: MoveId;
  readonly result: MoveResult;
  readonly line: HistoryEntry | undefined;
}

/** False: it had a result already, or is not known; that stays as it was. */
export async function closeMove(
  trx: Connection,
  { move, result, line }: Closing,
  { now }: StoreTraits,
): Promise<boolean> {
  const closed = await trx
    .updateTable('moves')
    .set({ closed_at: result.at, outcome: result.outcome, result: JSON.stringify(result) })
    .set({ settled_at: now() })
    .where('id', '=', move)
    .where('closed_at', 'is', null)
    .executeTakeFirst();
  await trx.deleteFrom('reservations').where('move', '=', move).execute();
  if (closed.numUpdatedRows === 0n) return false;
  if (result.outcome !== 'skipped') await useUpApproval(trx, move);
  if (line !== undefined) await trx.insertInto('history').values(fromHistory(line)).execute();
  return true;
}

export async function selectOpenMoves(db: Db): Promise<readonly MoveRecord[]> {
  const open = db.selectFrom('moves').selectAll().where('closed_at', 'is', null);
  return withStages(db, await open.orderBy('opened_at').orderBy('id').execute());
}

export async function selectMove(db: Db, id: MoveId): Promise<MoveRecord | undefined> {
  const rows = await db.selectFrom('moves').selectAll().where('id', '=', id).execute();
  const [record] = await withStages(db, rows);
  return record;
}

export async function selectRecentMoves(db: Db, limit: number): Promise<readonly MoveRecord[]> {
  const query = db.selectFrom('moves').selectAll().orderBy('opened_at', 'desc');
  return withStages(db, await query.orderBy('id', 'desc').limit(limit).execute());
}

export async function countMoves(db: Db, since: EpochSeconds, now: EpochSeconds): Promise<number> {
  const counts = await selectMoveCounts(db, [since, now]);
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

export async function selectMoveCounts(
  db: Db,
  [since, now, asking]: Asked,
): Promise<ReadonlyMap<VmId, number>> {
  const rows = await db
    .selectFrom('moves')
    .select((build) => ['vm', build.fn.countAll().as('count')])
    .where('opened_at', '>=', since)
    .where('opened_at', '<', untilFor(since, now))
    .where(WAS_BEGUN)
    .where(bindsBudgetsOf(asking))
    .groupBy('vm')
    .execute();
  return new Map(rows.map((row) => [vmId(row.vm), Number(row.count)]));
}

/** As {@link bindsBudgetsOf}, from the body as it is kept. */
export async function selectRepaired(
  db: Db,
  since: EpochSeconds,
  now: EpochSeconds,
): Promise<ReadonlySet<VmId>> {
  const rows = await db
    .selectFrom('moves')
    .select('vm')
    .distinct()
    .where('opened_at', '>=', since)
    .where('opened_at', '<', untilFor(since, now))
    .where(WAS_BEGUN)
    .where('body', 'like', '%"tier":"corrective"%')
    .where('body', 'not like', '%"asked":true%')
    .execute();
  return new Set(rows.map(({ vm }) => vmId(vm)));
}

export async function selectLastMovedAt(
  db: Db,
  now: EpochSeconds,
): Promise<ReadonlyMap<VmId, EpochSeconds>> {
  const { back, ahead } = lastIn(sql.ref('closed_at'), sql<number>`${now}`);
  const rows = await db
    .selectFrom('moves')
    .select(['vm', back.as('back'), ahead.as('ahead')])
    // Of a move that needs a human nobody knows whether it went through: the VM rests too.
    .where('outcome', 'in', ['succeeded', 'needs-human'])
    .groupBy('vm')
    .orderBy('vm')
    .execute();
  return new Map(
    rows.map((row) => [vmId(row.vm), epochSeconds(nearest(row.back, row.ahead, now) ?? 0)]),
  );
}

/**
 * The Ledger port over SQL, for any store that kysely speaks to. The opener of each store brings
 * the connection, the translation of its errors and what is to happen at close; nothing in here
 * knows which store it is. All writes go through one GroupCommit.
 */

import type { Kysely, Transaction } from 'kysely';

import type { Approval, ShownPlan } from '../domain/approval.ts';
import { type MoveId, type OrderId, type PlanId, type VmId, vmId } from '../domain/ids.ts';
import type {
  Decision,
  HistoryEntry,
  MoveRecord,
  MoveResult,
  StageEntry,
} from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { Reservation } from '../domain/snapshot.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import {
  type HistoryQuery,
  type HostMark,
  type Ledger,
  LedgerError,
  type RuleMemory,
  type Trouble,
} from '../ports/ledger.ts';
import * as approvals from './approvals.ts';
import { GroupCommit } from './group-commit.ts';
import { deleteSome, whatIsOld } from './pruning.ts';
import * as records from './records.ts';
import { replaceRuleMemory } from './rule-memory.ts';
import type { LedgerSchema } from './schema.ts';
import { selectTroubles } from './troubles.ts';
import { withStages } from './with-stages.ts';

/** What one answer may hold, whatever was asked for. */
const LONGEST_ANSWER = 10_000;
/** Rows per insert or delete statement: bounds parameters and the time of one statement. */
const CHUNK = 500;

type Work<Value> = (transaction: Transaction<LedgerSchema>) => Promise<Value>;

export interface SqlLedgerParts {
  readonly db: Kysely<LedgerSchema>;
  readonly clock: Clock;
  readonly translate: (error: unknown) => LedgerError;
  /** Called once, after the last write, with the connection already given back. */
  readonly onClose: () => void;
}

export class SqlLedger implements Ledger {
  readonly #parts: SqlLedgerParts;
  readonly #commits: GroupCommit<LedgerSchema>;
  #closing: Promise<void> | undefined;

  constructor(parts: SqlLedgerParts) {
    this.#parts = parts;
    this.#commits = new GroupCommit(parts.db);
  }

  recordDecision(decision: Decision): Promise<void> {
    const row = { plan: decision.plan, at: decision.at, body: JSON.stringify(decision) };
    return this.#write(async (trx) => {
      await trx
        .insertInto('decisions')
        .values(row)
        .onConflict((conflict) =>
          conflict.column('plan').doUpdateSet({ at: row.at, body: row.body }),
        )
        .execute();
    });
  }

  decisions(limit: number): Promise<readonly Decision[]> {
    return this.#read(async (db) => {
      const query = db.selectFrom('decisions').selectAll().orderBy('at', 'desc');
      const rows = await query.orderBy('plan', 'desc').limit(bounded(limit)).execute();
      return rows.map((row) => records.toDecision(row));
    });
  }

  openMove(record: Omit<MoveRecord, 'stages' | 'result'>): Promise<boolean> {
    const row = {
      id: record.move.id,
      vm: record.move.vm,
      plan: record.plan,
      source: record.source,
      vm_name: record.vmName,
      opened_at: record.openedAt,
      body: JSON.stringify(record.move),
    };
    return this.#write(async (trx) => {
      const insert = trx.insertInto('moves').values(row);
      const inserted = await insert
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (Number(inserted.numInsertedOrUpdatedRows ?? 0n) === 1) return true;
      const same = trx.selectFrom('moves').select('closed_at').where('id', '=', row.id);
      const found = await same.executeTakeFirst();
      if (found === undefined || found.closed_at === null) return false;
      throw new LedgerError('conflict', `the move ${row.id} was opened and closed before`);
    });
  }

  addStage(entry: StageEntry): Promise<void> {
    return this.#write(async (trx) => {
      await trx
        .insertInto('stages')
        .values({ ...entry })
        .execute();
    });
  }

  closeMove(move: MoveId, result: MoveResult, line?: HistoryEntry): Promise<void> {
    return this.#write(async (trx) => {
      const closed = await trx
        .updateTable('moves')
        .set({ closed_at: result.at, outcome: result.outcome, result: JSON.stringify(result) })
        .where('id', '=', move)
        .where('closed_at', 'is', null)
        .executeTakeFirst();
      await trx.deleteFrom('reservations').where('move', '=', move).execute();
      if (closed.numUpdatedRows === 0n) return;
      if (result.outcome !== 'skipped') await approvals.useUpApproval(trx, move);
      if (line !== undefined) {
        await trx.insertInto('history').values(records.fromHistory(line)).execute();
      }
    });
  }

  openMoves(): Promise<readonly MoveRecord[]> {
    return this.#read(async (db) => {
      const open = db.selectFrom('moves').selectAll().where('closed_at', 'is', null);
      return withStages(db, await open.orderBy('opened_at').orderBy('id').execute());
    });
  }

  move(id: MoveId): Promise<MoveRecord | undefined> {
    return this.#read(async (db) => {
      const rows = await db.selectFrom('moves').selectAll().where('id', '=', id).execute();
      const [record] = await withStages(db, rows);
      return record;
    });
  }

  recentMoves(limit: number): Promise<readonly MoveRecord[]> {
    return this.#read(async (db) => {
      const query = db.selectFrom('moves').selectAll().orderBy('opened_at', 'desc');
      return withStages(db, await query.orderBy('id', 'desc').limit(bounded(limit)).execute());
    });
  }

  countMoves(since: EpochSeconds, vm?: VmId): Promise<number> {
    return this.#read(async (db) => {
      let query = db
        .selectFrom('moves')
        .select((build) => build.fn.countAll().as('count'))
        .where('opened_at', '>=', since)
        .where((build) =>
          build.or([build('outcome', 'is', null), build('outcome', '<>', 'skipped')]),
        );
      if (vm !== undefined) query = query.where('vm', '=', vm);
      return Number((await query.executeTakeFirstOrThrow()).count);
    });
  }

  lastMovedAt(): Promise<ReadonlyMap<VmId, EpochSeconds>> {
    return this.#read(async (db) => {
      const rows = await db
        .selectFrom('moves')
        .select((build) => ['vm', build.fn.max('closed_at').as('at')])
        // Of a move that needs a human nobody knows whether it went through: the VM rests too.
        .where('outcome', 'in', ['succeeded', 'needs-human'])
        .groupBy('vm')
        .orderBy('vm')
        .execute();
      return new Map(rows.map((row) => [vmId(row.vm), epochSeconds(Number(row.at))]));
    });
  }

  troubles(since: EpochSeconds): Promise<ReadonlyMap<VmId, Trouble>> {
    return this.#read((db) => selectTroubles(db, since));
  }

  reserve(reservation: Reservation): Promise<void> {
    const { move, vm, host, memoryBytes, cpu } = reservation;
    const row = { vm, host, memory_bytes: memoryBytes, cpu };
    return this.#write(async (trx) => {
      await trx
        .insertInto('reservations')
        .values({ move, ...row })
        .onConflict((conflict) => conflict.column('move').doUpdateSet(row))
        .execute();
    });
  }

  release(move: MoveId): Promise<void> {
    return this.#write(async (trx) => {
      await trx.deleteFrom('reservations').where('move', '=', move).execute();
    });
  }

  reservations(): Promise<readonly Reservation[]> {
    return this.#read(async (db) => {
      const rows = await db.selectFrom('reservations').selectAll().orderBy('move').execute();
      return rows.map((row) => records.toReservation(row));
    });
  }

  putOrder(order: Order): Promise<void> {
    const row = {
      host: order.host,
      state: order.state,
      created_at: order.createdAt,
      changed_at: this.#parts.clock.now(),
      body: JSON.stringify(order),
    };
    return this.#write(async (trx) => {
      await trx
        .insertInto('orders')
        .values({ id: order.id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
    });
  }

  orders(includeClosed: boolean): Promise<readonly Order[]> {
    return this.#read(async (db) => {
      let query = db.selectFrom('orders').selectAll();
      if (!includeClosed) query = query.where('state', '<>', 'closed');
      const rows = await query.orderBy('created_at').orderBy('id').execute();
      return rows.map((row) => records.toOrder(row));
    });
  }

  order(id: OrderId): Promise<Order | undefined> {
    return this.#read(async (db) => {
      const row = await db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : records.toOrder(row);
    });
  }

  showPlan(shown: ShownPlan): Promise<void> {
    return this.#write((trx) => approvals.insertShownPlan(trx, shown));
  }

  shownPlan(plan: PlanId): Promise<ShownPlan | undefined> {
    return this.#read((db) => approvals.selectShownPlan(db, plan));
  }

  giveApprovals(given: readonly Approval[], now: EpochSeconds): Promise<void> {
    return this.#write((trx) => approvals.insertApprovals(trx, given, now));
  }

  approvals(): Promise<readonly Approval[]> {
    return this.#read((db) => approvals.selectApprovals(db));
  }

  markHost(mark: HostMark): Promise<void> {
    const { host, state, since, reason } = mark;
    return this.#write(async (trx) => {
      await trx
        .insertInto('host_marks')
        .values({ host, state, since, reason })
        .onConflict((conflict) => conflict.column('host').doUpdateSet({ state, since, reason }))
        .execute();
    });
  }

  hostMarks(): Promise<readonly HostMark[]> {
    return this.#read(async (db) => {
      const rows = await db.selectFrom('host_marks').selectAll().orderBy('host').execute();
      return rows.map((row) => records.toHostMark(row));
    });
  }

  saveRuleMemory(memories: readonly RuleMemory[]): Promise<void> {
    return this.#write((trx) => replaceRuleMemory(trx, memories));
  }

  ruleMemory(): Promise<readonly RuleMemory[]> {
    return this.#read(async (db) => {
      const query = db.selectFrom('rule_memory').selectAll().orderBy('rule').orderBy('host');
      return (await query.execute()).map((row) => records.toRuleMemory(row));
    });
  }

  setPaused(paused: boolean, by: string, at: EpochSeconds): Promise<void> {
    const value = JSON.stringify({ paused, by, at });
    return this.#write(async (trx) => {
      await trx
        .insertInto('settings')
        .values({ name: 'paused', value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute();
    });
  }

  paused(): Promise<{ readonly paused: boolean; readonly by: string }> {
    return this.#read(async (db) => {
      const row = await db
        .selectFrom('settings')
        .select('value')
        .where('name', '=', 'paused')
        .executeTakeFirst();
      if (row === undefined) return { paused: false, by: '' };
      // Written by setPaused above, and by nobody else.
      const { paused, by } = JSON.parse(row.value) as { paused: boolean; by: string };
      return { paused, by };
    });
  }

  addHistory(entries: readonly HistoryEntry[]): Promise<void> {
    const rows = entries.map((entry) => records.fromHistory(entry));
    return this.#write(async (trx) => {
      for (let start = 0; start < rows.length; start += CHUNK) {
        await trx
          .insertInto('history')
          .values(rows.slice(start, start + CHUNK))
          .execute();
      }
    });
  }

  history(query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    return this.#read(async (db) => {
      let select = db.selectFrom('history').selectAll();
      if (query.vm !== undefined) select = select.where('vm', '=', query.vm);
      const { host } = query;
      if (host !== undefined) {
        select = select.where((build) =>
          build.or([build('host', '=', host), build('from_host', '=', host)]),
        );
      }
      if (query.since !== undefined) select = select.where('at', '>=', query.since);
      const newestFirst = select.orderBy('at', 'desc').orderBy('seq', 'desc');
      const rows = await newestFirst.limit(bounded(query.limit)).execute();
      return rows.map((row) => records.toHistory(row));
    });
  }

  async prune(before: EpochSeconds): Promise<number> {
    let total = 0;
    for (const old of whatIsOld(before)) {
      // In small transactions, so that nobody waits long behind the housekeeping.
      for (;;) {
        const deleted = await this.#write((trx) => deleteSome(trx, old, CHUNK));
        total += deleted;
        if (deleted < CHUNK) break;
      }
    }
    return total;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#commits.idle();
    await this.#parts.db.destroy();
    this.#parts.onClose();
  }

  async #read<Value>(work: (db: Kysely<LedgerSchema>) => Promise<Value>): Promise<Value> {
    this.#assertOpen();
    try {
      return await work(this.#parts.db);
    } catch (error) {
      throw this.#parts.translate(error);
    }
  }

  async #write<Value>(work: Work<Value>): Promise<Value> {
    this.#assertOpen();
    try {
      return await this.#commits.write(work);
    } catch (error) {
      throw this.#parts.translate(error);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LedgerError('closed', 'the ledger is closed');
  }
}

function bounded(limit: number): number {
  // Also NaN and what is less than nothing: an answer is never unlimited.
  return Number.isFinite(limit) ? Math.min(Math.max(Math.trunc(limit), 0), LONGEST_ANSWER) : 0;
}

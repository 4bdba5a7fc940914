/**
 * The Ledger port over SQL, for any store that kysely speaks to: each topic's statements stand in a
 * file of their own, and this one decides how they reach the store. The opener of each store brings
 * the connection, the translation of its errors and what is to happen at close; nothing in here
 * knows which store it is. All writes go through one GroupCommit.
 */

import type { Kysely, Transaction } from 'kysely';

import type { Approval, ShownPlan } from '../domain/approval.ts';
import type { MoveId, OrderId, PlanId, VmId } from '../domain/ids.ts';
import type {
  Decision,
  HistoryEntry,
  MoveRecord,
  MoveResult,
  StageEntry,
} from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { Reservation } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
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
import * as decisions from './decisions.ts';
import { GroupCommit } from './group-commit.ts';
import * as history from './history.ts';
import * as hostMarks from './host-marks.ts';
import * as moves from './moves.ts';
import * as orders from './orders.ts';
import { deleteSome, whatIsOld } from './pruning.ts';
import * as reservations from './reservations.ts';
import { replaceRuleMemory, selectRuleMemory } from './rule-memory.ts';
import type { LedgerSchema } from './schema.ts';
import { selectTroubles } from './troubles.ts';

/** What one answer may hold, whatever was asked for. */
const LONGEST_ANSWER = 10_000;
/** Rows that housekeeping deletes in one transaction: nobody waits long behind it. */
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
    return this.#write((trx) => decisions.upsertDecision(trx, decision));
  }

  decisions(limit: number): Promise<readonly Decision[]> {
    return this.#read((db) => decisions.selectDecisions(db, bounded(limit)));
  }

  openMove(record: Omit<MoveRecord, 'stages' | 'result'>): Promise<boolean> {
    return this.#write((trx) => moves.insertMove(trx, record));
  }

  addStage(entry: StageEntry): Promise<void> {
    return this.#write((trx) => moves.insertStage(trx, entry));
  }

  closeMove(move: MoveId, result: MoveResult, line?: HistoryEntry): Promise<void> {
    return this.#write((trx) => moves.closeMove(trx, { move, result, line }));
  }

  openMoves(): Promise<readonly MoveRecord[]> {
    return this.#read((db) => moves.selectOpenMoves(db));
  }

  move(id: MoveId): Promise<MoveRecord | undefined> {
    return this.#read((db) => moves.selectMove(db, id));
  }

  recentMoves(limit: number): Promise<readonly MoveRecord[]> {
    return this.#read((db) => moves.selectRecentMoves(db, bounded(limit)));
  }

  countMoves(since: EpochSeconds, vm?: VmId): Promise<number> {
    return this.#read((db) => moves.countMoves(db, since, vm));
  }

  lastMovedAt(): Promise<ReadonlyMap<VmId, EpochSeconds>> {
    return this.#read((db) => moves.selectLastMovedAt(db));
  }

  troubles(since: EpochSeconds): Promise<ReadonlyMap<VmId, Trouble>> {
    return this.#read((db) => selectTroubles(db, since));
  }

  reserve(reservation: Reservation): Promise<void> {
    return this.#write((trx) => reservations.putReservation(trx, reservation));
  }

  release(move: MoveId): Promise<void> {
    return this.#write((trx) => reservations.deleteReservation(trx, move));
  }

  reservations(): Promise<readonly Reservation[]> {
    return this.#read((db) => reservations.selectReservations(db));
  }

  putOrder(order: Order): Promise<void> {
    const now = this.#parts.clock.now();
    return this.#write((trx) => orders.upsertOrder(trx, order, now));
  }

  orders(includeClosed: boolean): Promise<readonly Order[]> {
    return this.#read((db) => orders.selectOrders(db, includeClosed));
  }

  order(id: OrderId): Promise<Order | undefined> {
    return this.#read((db) => orders.selectOrder(db, id));
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
    return this.#write((trx) => hostMarks.upsertHostMark(trx, mark));
  }

  hostMarks(): Promise<readonly HostMark[]> {
    return this.#read((db) => hostMarks.selectHostMarks(db));
  }

  saveRuleMemory(memories: readonly RuleMemory[]): Promise<void> {
    return this.#write((trx) => replaceRuleMemory(trx, memories));
  }

  ruleMemory(): Promise<readonly RuleMemory[]> {
    return this.#read((db) => selectRuleMemory(db));
  }

  setPaused(paused: boolean, by: string, at: EpochSeconds): Promise<void> {
    return this.#write((trx) => hostMarks.writePause(trx, { paused, by }, at));
  }

  paused(): Promise<{ readonly paused: boolean; readonly by: string }> {
    return this.#read((db) => hostMarks.readPause(db));
  }

  addHistory(entries: readonly HistoryEntry[]): Promise<void> {
    return this.#write((trx) => history.insertHistory(trx, entries));
  }

  history(query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    const limit = bounded(query.limit);
    return this.#read((db) => history.selectHistory(db, { ...query, limit }));
  }

  async prune(before: EpochSeconds): Promise<number> {
    let total = 0;
    for (const old of whatIsOld(before)) {
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

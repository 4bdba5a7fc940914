/**
 * The Ledger port over SQL, for any store that kysely speaks to: each topic's statements stand in a
 * file of their own, and this one says which of them make up each method. How they reach the store
 * is sql-store.ts' affair.
 */

import type { AppliedPlan } from '../domain/applied-plan.ts';
import type { Approval, ShownPlan } from '../domain/approval.ts';
import type { AuditEntry, AuditHead } from '../domain/audit.ts';
import type { CancelWish, NewCancelWish } from '../domain/cancel-wish.ts';
import type { HostFailureRecord } from '../domain/host-failure.ts';
import type { ClusterId, HostId, MoveId, OrderId, PlanId, VmId } from '../domain/ids.ts';
import type {
  Decision,
  HistoryEntry,
  MoveRecord,
  MoveResult,
  StageEntry,
} from '../domain/journal.ts';
import type { KeptAlert } from '../domain/kept-alert.ts';
import type { LeaseProof } from '../domain/lease.ts';
import type { ObservedMove, SettledMove } from '../domain/observed-move.ts';
import type { Order } from '../domain/order.ts';
import type { RecentMove } from '../domain/recent-move.ts';
import type { Reservation } from '../domain/snapshot.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import type {
  HistoryQuery,
  HostMark,
  FailureNote,
  FailureRemoval,
  InputBounds,
  KeptInputs,
  Ledger,
  MoveFence,
  OrderChange,
  PutMark,
  PutOrder,
  Replayable,
  OldRecords,
  Pruned,
  RuleMemory,
  Setbacks,
  Trouble,
} from '../ports/ledger.ts';
import type { ObservedChanges } from '../ports/observed-moves.ts';
import type { OpenAnswer, PlaceAsk } from '../ports/places.ts';
import * as appliedPlans from './applied-plans.ts';
import * as approvals from './approvals.ts';
import { selectAudit, selectAuditHead } from './audit.ts';
import * as notes from './audit-notes.ts';
import { bounded } from './bounded.ts';
import * as cancelWishes from './cancel-wishes.ts';
import * as decisions from './decisions.ts';
import * as history from './history.ts';
import * as firingAlerts from './firing-alerts.ts';
import * as hostFailures from './host-failures.ts';
import * as hostMarks from './host-marks.ts';
import * as moves from './moves.ts';
import * as observed from './observed-moves.ts';
import * as orders from './orders.ts';
import { pruneAll } from './pruning.ts';
import type { Work } from './work.ts';
import * as reservations from './reservations.ts';
import { replaceRuleMemory, selectRuleMemory } from './rule-memory.ts';
import * as setbacks from './setbacks.ts';
import { type Asked, openWithOthers } from './seal.ts';
import { SqlLeases } from './sql-leases.ts';
import { SqlStore, type SqlStoreParts } from './sql-store.ts';
import { selectTroubles } from './troubles.ts';

export class SqlLedger extends SqlLeases implements Ledger {
  readonly #fence: MoveFence | undefined;

  private constructor(store: SqlStore, fence: MoveFence | undefined) {
    super(store);
    this.#fence = fence;
  }

  static on(parts: SqlStoreParts): SqlLedger {
    return new SqlLedger(new SqlStore(parts), undefined);
  }

  fencedBy(fence: MoveFence): SqlLedger {
    return new SqlLedger(this.store, fence);
  }

  recordDecision(decision: Decision): Promise<void> {
    return this.write(async (trx, note) => {
      note(notes.decisionNote(decision, await decisions.upsertDecision(trx, decision)));
    });
  }

  decisions(limit: number): Promise<readonly Decision[]> {
    return this.read((db) => decisions.selectDecisions(db, bounded(limit)));
  }

  decision(plan: PlanId): Promise<Decision | undefined> {
    return this.read((db) => decisions.selectDecision(db, plan));
  }

  keepInputs(inputs: KeptInputs, bounds: InputBounds): Promise<void> {
    return this.write((trx) => decisions.upsertInputs(trx, inputs, bounds));
  }

  replayable(plan: PlanId): Promise<Replayable> {
    return this.read((db) => decisions.selectReplayable(db, plan));
  }

  async openMove(given: moves.NewMove, ask?: PlaceAsk): Promise<OpenAnswer> {
    const answer = await this.#open(given, { ask });
    if (answer !== 'opened') this.#fence?.ended(given.move.id);
    return answer;
  }

  async addUnbegun(given: moves.NewMove, result: MoveResult, line: HistoryEntry) {
    const answer = await this.#open(given, { end: { result, line } });
    this.#fence?.ended(given.move.id);
    return answer === 'opened';
  }

  async addStages(entries: readonly StageEntry[], held?: Reservation): Promise<void> {
    const move = entries[0]?.move ?? held?.move;
    if (move === undefined) return;
    await this.#writeAbout(move, async (trx, note) => {
      note({ kind: 'stages', entries });
      if (held !== undefined) await reservations.putReservation(trx, held);
    });
  }

  async closeMove(move: MoveId, result: MoveResult, line?: HistoryEntry): Promise<void> {
    await this.#writeAbout(move, async (trx, note) => {
      const isFirst = await moves.closeMove(trx, { move, result, line }, this.store.traits);
      if (isFirst) note(notes.closedNote(move, result));
    });
    this.#fence?.ended(move);
  }

  openMoves(): Promise<readonly MoveRecord[]> {
    return this.read((db) => moves.selectOpenMoves(db));
  }

  move(id: MoveId): Promise<MoveRecord | undefined> {
    return this.read((db) => moves.selectMove(db, id));
  }

  recentMoves(limit: number): Promise<readonly MoveRecord[]> {
    return this.read((db) => moves.selectRecentMoves(db, bounded(limit)));
  }

  countMoves(since: EpochSeconds, now: EpochSeconds): Promise<number> {
    return this.read((db) => moves.countMoves(db, since, now));
  }

  repairedSince(since: EpochSeconds, now: EpochSeconds): Promise<ReadonlySet<VmId>> {
    return this.read((db) => moves.selectRepaired(db, since, now));
  }

  moveCounts(...asked: moves.Asked): Promise<ReadonlyMap<VmId, number>> {
    return this.read((db) => moves.selectMoveCounts(db, asked));
  }

  lastMovedAt(now: EpochSeconds): Promise<ReadonlyMap<VmId, EpochSeconds>> {
    return this.read((db) => moves.selectLastMovedAt(db, now));
  }

  troubles(since: EpochSeconds, now: EpochSeconds): Promise<ReadonlyMap<VmId, Trouble>> {
    return this.read((db) => selectTroubles(db, { since, now }, this.store.traits));
  }

  setbacks(since: EpochSeconds, now: EpochSeconds): Promise<Setbacks> {
    return this.read((db) => setbacks.selectSetbacks(db, since, now));
  }

  resetBreaker(name: string, by: string, at: EpochSeconds): Promise<void> {
    return this.write((trx, note) => {
      note(notes.breakerResetNote(name, by));
      return setbacks.upsertReset(trx, name, by, at);
    });
  }

  movesSince(...asked: moves.Asked): Promise<readonly RecentMove[]> {
    return this.read((db) => setbacks.selectMovesSince(db, asked));
  }

  release(move: MoveId): Promise<void> {
    return this.#writeAbout(move, (trx) => reservations.deleteReservation(trx, move));
  }

  reservations(): Promise<readonly Reservation[]> {
    return this.read((db) => reservations.selectReservations(db));
  }

  putOrder(order: Order, line?: HistoryEntry): Promise<void> {
    return this.putOrders([{ order, line }]);
  }

  putOrders(all: readonly PutOrder[]): Promise<void> {
    return this.write(orders.putOrders(all, this.store.clock.now()));
  }

  changeOrder(id: OrderId, change: OrderChange): Promise<Order | undefined> {
    const { clock, traits } = this.store;
    return this.write(orders.changeOrder({ id, change, changedAt: clock.now() }, traits));
  }

  orders(includeClosed: boolean): Promise<readonly Order[]> {
    return this.read((db) => orders.selectOrders(db, includeClosed));
  }

  order(id: OrderId): Promise<Order | undefined> {
    return this.read((db) => orders.selectOrder(db, id));
  }

  showPlan(shown: ShownPlan): Promise<void> {
    return this.write((trx) => approvals.insertShownPlan(trx, shown));
  }

  shownPlan(plan: PlanId): Promise<ShownPlan | undefined> {
    return this.read((db) => approvals.selectShownPlan(db, plan));
  }

  giveApprovals(given: readonly Approval[], now: EpochSeconds): Promise<void> {
    return this.write((trx, note) => {
      for (const approval of given) note(notes.approvalNote(approval));
      return approvals.insertApprovals(trx, given, now);
    });
  }

  approvals(): Promise<readonly Approval[]> {
    return this.read((db) => approvals.selectApprovals(db));
  }

  keepApplied(plan: AppliedPlan): Promise<void> {
    return this.write((trx) => appliedPlans.insertApplied(trx, plan));
  }

  closeApplied(id: PlanId, by?: string): Promise<void> {
    return this.write(appliedPlans.closeApplied(id, by));
  }

  async appliedPlans(): Promise<readonly AppliedPlan[]> {
    const texts = await this.read((db) => appliedPlans.selectApplied(db));
    // Written by this class, and by nobody else.
    return texts.map((text) => JSON.parse(text) as AppliedPlan);
  }

  begunOf(id: PlanId): Promise<ReadonlySet<MoveId>> {
    return this.read((db) => appliedPlans.selectBegun(db, id));
  }

  putObserved(changes: ObservedChanges): Promise<void> {
    return this.write(observed.putObserved(changes));
  }

  openObserved(): Promise<readonly ObservedMove[]> {
    return this.read((db) => observed.selectOpenObserved(db));
  }

  settledObserved(since: EpochSeconds, limit: number): Promise<readonly SettledMove[]> {
    return this.read((db) => observed.selectSettled(db, since, limit));
  }

  askCancel(wish: NewCancelWish, within: Seconds, line: HistoryEntry): Promise<CancelWish> {
    return this.write(cancelWishes.askCancel({ wish, within, line }, this.store.traits));
  }

  cancelWishes(): Promise<readonly CancelWish[]> {
    return this.read((db) => cancelWishes.selectCancelWishes(db));
  }

  beginCancel(id: string, by: string, proof: LeaseProof): Promise<boolean> {
    const { traits } = this.store;
    return this.store.writeUnder(proof, cancelWishes.beginCancel({ id, by }, traits));
  }

  endCancel(id: string, answer: string, line: HistoryEntry): Promise<boolean> {
    const { clock, traits } = this.store;
    return this.write(cancelWishes.endCancel({ id, answer, line, at: clock.now() }, traits));
  }

  expireCancels(line: (wish: CancelWish) => HistoryEntry): Promise<readonly CancelWish[]> {
    const { clock, traits } = this.store;
    return this.write(cancelWishes.expireCancels({ line, at: clock.now() }, traits));
  }

  markHosts(all: readonly PutMark[]): Promise<void> {
    return this.write(hostMarks.putMarks(all));
  }

  hostMarks(): Promise<readonly HostMark[]> {
    return this.read((db) => hostMarks.selectHostMarks(db));
  }

  putHostFailure(record: HostFailureRecord, about: FailureNote = {}): Promise<void> {
    const work = hostFailures.putHostFailure(record, about.line);
    return this.#writeOf(about.cluster, work);
  }

  removeHostFailure(host: HostId, line: HistoryEntry, about: FailureRemoval = {}) {
    const work = hostFailures.removeHostFailure({ host, line, read: about.read });
    return this.#writeOf(about.cluster, work);
  }

  noteFencing(line: HistoryEntry, cluster?: ClusterId): Promise<void> {
    return this.#writeOf(cluster, hostFailures.noteFencing(line));
  }

  hostFailures(): Promise<readonly HostFailureRecord[]> {
    return this.read((db) => hostFailures.selectHostFailures(db));
  }

  putAlert(alert: KeptAlert): Promise<void> {
    return this.write((trx) => firingAlerts.upsertAlert(trx, alert));
  }

  dropAlert(fingerprint: string, heardAt?: EpochSeconds): Promise<void> {
    return this.write((trx) => firingAlerts.deleteAlert(trx, fingerprint, heardAt));
  }

  keptAlerts(): Promise<readonly KeptAlert[]> {
    return this.read((db) => firingAlerts.selectAlerts(db));
  }

  saveRuleMemory(memories: readonly RuleMemory[], about?: ReadonlySet<HostId>): Promise<void> {
    return this.write((trx) => replaceRuleMemory(trx, memories, about));
  }

  ruleMemory(): Promise<readonly RuleMemory[]> {
    return this.read((db) => selectRuleMemory(db));
  }

  setPaused(paused: boolean, by: string, at: EpochSeconds): Promise<void> {
    return this.write((trx, note) => {
      note(notes.pauseNote(paused, by));
      return hostMarks.writePause(trx, { paused, by }, at);
    });
  }

  paused(): Promise<{ readonly paused: boolean; readonly by: string }> {
    return this.read((db) => hostMarks.readPause(db));
  }

  addHistory(entries: readonly HistoryEntry[]): Promise<void> {
    return this.write((trx) => history.insertHistory(trx, entries));
  }

  history(query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    const limit = bounded(query.limit);
    return this.read((db) => history.selectHistory(db, { ...query, limit }));
  }

  prune(old: OldRecords): Promise<Pruned> {
    return pruneAll((work) => this.write(work), old, this.store.clock.now());
  }

  audit(after: number, limit: number): Promise<readonly AuditEntry[]> {
    return this.read((db) => selectAudit(db, after, bounded(limit)));
  }

  auditHead(): Promise<AuditHead | undefined> {
    return this.read((db) => selectAuditHead(db));
  }

  close(): Promise<void> {
    return this.store.close();
  }

  async #open(given: moves.NewMove, how: Pick<Asked, 'ask' | 'end'>): Promise<OpenAnswer> {
    const proof = this.#fence?.open(given.move);
    const record = proof === undefined ? given : { ...given, leases: proof.leases };
    const { answer } = await this.store.writeUnder(proof, (_trx, note) =>
      openWithOthers({ record, ...how }, note),
    );
    return answer;
  }

  /** A write about a host: under the lease of its cluster, where that is given. */
  async #writeOf<Value>(cluster: ClusterId | undefined, work: Work<Value>): Promise<Value> {
    const proof = cluster === undefined ? undefined : this.#fence?.onCluster(cluster);
    return this.store.writeUnder(proof, work);
  }

  /** A write that belongs to a move: under the leases that the move was taken up under. */
  async #writeAbout<Value>(move: MoveId, work: Work<Value>): Promise<Value> {
    return this.store.writeUnder(this.#fence?.about(move), work);
  }
}

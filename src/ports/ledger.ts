/**
 * Durable memory. Every write is on disk when its promise resolves: a side effect is announced
 * here first. Works the same on SQLite (embedded) and on PostgreSQL (several controllers).
 */

import type { Approval, ShownPlan } from '../domain/approval.ts';
import type { AuditEntry, AuditFault, AuditHead } from '../domain/audit.ts';
import type { HostFailureRecord } from '../domain/host-failure.ts';
import type { ClusterId, HostId, MoveId, OrderId, PlanId, SourceId, VmId } from '../domain/ids.ts';
import type {
  Decision,
  HistoryEntry,
  MoveRecord,
  MoveResult,
  StageEntry,
} from '../domain/journal.ts';
import type { HostState } from '../domain/host.ts';
import type { KeptAlert } from '../domain/kept-alert.ts';
import type { LeaseProof } from '../domain/lease.ts';
import type { Order } from '../domain/order.ts';
import type { Move } from '../domain/plan.ts';
import type { RecentMove } from '../domain/recent-move.ts';
import type { Reservation } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { AppliedPlans } from './applied-plans.ts';
import type { CancelWishes } from './cancel-wishes.ts';
import type { Leases } from './leases.ts';
import type { ObservedMoves } from './observed-moves.ts';
import type { OpenAnswer, PlaceAsk } from './places.ts';

/** What a decision was planned from, as the app room packs it. */
export interface KeptInputs {
  readonly plan: PlanId;
  readonly at: EpochSeconds;
  readonly packed: Uint8Array;
}

/** Kept inputs are not older than `since`, and not larger together. */
export interface InputBounds {
  readonly since: EpochSeconds;
  readonly bytes: number;
}

export interface Replayable {
  /** Undefined: there was none, or it is too old. */
  readonly decision: Decision | undefined;
  /** Undefined: they were not kept, or had to go. */
  readonly inputs: Uint8Array | undefined;
  /** When the oldest inputs were kept that are still there; undefined: there are none. */
  readonly oldestInputsAt: EpochSeconds | undefined;
}

/** A finding's hold and hysteresis state, so that a restart neither forgets nor repeats it. */
export interface RuleMemory {
  readonly rule: string;
  readonly host: HostId;
  /** Since when the condition holds without a break; undefined: it does not. */
  readonly holdingSince: EpochSeconds | undefined;
  /** Since when it is a finding; undefined: it is not one. */
  readonly openSince: EpochSeconds | undefined;
  /** When the condition was last seen to hold, until it is a finding; absent: not known. */
  readonly lastTrueAt?: EpochSeconds | undefined;
}

export interface HostMark {
  readonly host: HostId;
  readonly state: HostState;
  readonly since: EpochSeconds;
  readonly reason: string;
}

/** What the ledger is to hold from now on, and the line that goes into the history with it. */
export interface PutOrder {
  readonly order: Order;
  readonly line?: HistoryEntry | undefined;
}

export interface PutMark {
  readonly mark: HostMark;
  readonly line?: HistoryEntry | undefined;
}

export interface HistoryQuery {
  readonly vm?: VmId | undefined;
  readonly host?: HostId | undefined;
  /** Lines of the moves of this plan. */
  readonly plan?: PlanId | undefined;
  readonly since?: EpochSeconds | undefined;
  /** Those of moves only; absent: all. */
  readonly movesOnly?: true | undefined;
  /** Newest by their times, or as they were written, whatever the clock said; default: `time`. */
  readonly newestBy?: 'time' | 'writing' | undefined;
  /** Newest first; at most 10,000. */
  readonly limit: number;
}

/** How often in a row the moves of a VM came to nothing, and when the last of them ended. */
export interface Trouble {
  readonly count: number;
  readonly lastAt: EpochSeconds;
  /**
   * How long ago one of them was last cancelled, by the ledger's own clock: another controller may
   * have written it down. Negative: that clock was set back since. Undefined: nobody did.
   */
  readonly cancelledSecondsAgo?: number | undefined;
}

/** A move that was begun and failed, or needs a human. */
export interface Setback {
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly source: SourceId;
  readonly at: EpochSeconds;
  /** The target may hold a part of the VM. */
  readonly remains?: true | undefined;
}

export interface Successes {
  readonly vm: ReadonlyMap<VmId, EpochSeconds>;
  readonly out: ReadonlyMap<HostId, EpochSeconds>;
  readonly into: ReadonlyMap<HostId, EpochSeconds>;
  readonly source: ReadonlyMap<SourceId, EpochSeconds>;
}

/** What circuit breakers are worked out from. */
export interface Setbacks {
  /** Oldest first. */
  readonly failures: readonly Setback[];
  /** When a move last succeeded, by what it was about; read only where something failed. */
  readonly successes: Successes;
  /** Those that lie ahead of the clock; read only where something failed there, too. */
  readonly ahead?: Successes | undefined;
  /** When an operator last reset the breaker of that name. */
  readonly resets: ReadonlyMap<string, EpochSeconds>;
}

export interface ChangedOrder {
  readonly order: Order;
  /** For the history, with it. */
  readonly lines?: readonly HistoryEntry[] | undefined;
  /** A new one in its place, put in the same step: both are written, or neither. */
  readonly successor?: PutOrder | undefined;
}

/** By the order as it stands; undefined: it stays so. Asked again where a commit has to be. */
export type OrderChange = (now: Order) => ChangedOrder | undefined;

/**
 * Says under which leases a move may be written about, from its opening to its end, and a host that
 * fails. Throws LedgerError `lost-lease` where that is over.
 */
export interface MoveFence {
  /** The move is about to be opened. */
  open(move: Pick<Move, 'id' | 'from' | 'to'>): LeaseProof;
  about(move: MoveId): LeaseProof;
  /** Nothing more is written about the move. */
  ended(move: MoveId): void;
  onCluster(cluster: ClusterId): LeaseProof;
}

/** What goes with the record of a failed host. */
export interface FailureNote {
  readonly line?: HistoryEntry | undefined;
  /** That of the host, whose lease it takes; undefined: whoever judges the host. */
  readonly cluster?: ClusterId | undefined;
}

/** What the removal of a failed host's record depends on. */
export interface FailureRemoval {
  /** Only where nobody has written anything else since it was read; signs do not count. */
  readonly read?: HostFailureRecord | undefined;
  /** As in {@link FailureNote}. */
  readonly cluster?: ClusterId | undefined;
}

/** What may be removed for its age. */
export interface OldRecords {
  readonly before: EpochSeconds;
  /**
   * So many, the newest, stay of moves, of history and of the audit trail, however old: a clock set
   * wrong, or that of one of several controllers, must not empty the ledger. Integer, 0 or more.
   */
  readonly keep: number;
}

/** What came of that. */
export interface Pruned {
  /** How many records. */
  readonly removed: number;
  /** What is wrong with the old part of the audit trail, which therefore stays. */
  readonly auditFault: AuditFault | undefined;
}

export interface Ledger extends Leases, CancelWishes, AppliedPlans, ObservedMoves {
  /**
   * The same ledger, in which every write about a move, and of what is found of a failed host, is
   * conditional on the leases that the fence names: compared in the transaction that writes.
   * Closing either one closes both.
   */
  fencedBy(fence: MoveFence): Ledger;

  recordDecision(decision: Decision): Promise<void>;
  decisions(limit: number): Promise<readonly Decision[]>;
  decision(plan: PlanId): Promise<Decision | undefined>;
  /** Beside the decision of the same plan. Forgets others until what is kept is within `bounds`. */
  keepInputs(inputs: KeptInputs, bounds: InputBounds): Promise<void>;
  /** What a recorded plan was made from; see {@link Replayable}. */
  replayable(plan: PlanId): Promise<Replayable>;

  /**
   * Refused when an open move of the same VM exists: a VM is never moved twice at once. With `ask`
   * also when no place is free, among the moves of all who have this ledger open.
   */
  openMove(record: Omit<MoveRecord, 'stages' | 'result'>, ask?: PlaceAsk): Promise<OpenAnswer>;
  /**
   * A move that has ended without being begun: it is never open, so it is recorded whatever else of
   * its VM is. False, and nothing recorded: this very move is known already.
   */
  addUnbegun(
    record: Omit<MoveRecord, 'stages' | 'result'>,
    result: MoveResult,
    line: HistoryEntry,
  ): Promise<boolean>;
  /**
   * What is begun and done of one move, in this order, and what is held for it from now on (in the
   * place of what was held before): all of it or nothing, in one commit.
   */
  addStages(entries: readonly StageEntry[], held?: Reservation): Promise<void>;
  /**
   * Terminal: a second result for the same move is ignored. Releases its reservation, and uses its
   * approval up, unless it was skipped (nothing was started). `line` is put into the history
   * together with the result: exactly one for each move.
   */
  closeMove(move: MoveId, result: MoveResult, line?: HistoryEntry): Promise<void>;
  openMoves(): Promise<readonly MoveRecord[]>;
  move(id: MoveId): Promise<MoveRecord | undefined>;
  recentMoves(limit: number): Promise<readonly MoveRecord[]>;
  /**
   * Moves opened at or after `since` and not skipped (nothing was started), for budgets. Here and
   * below: `now` is by the clock of who asks; what lies further ahead of it than `since` lies back
   * is of a clock that was wrong, and left out (domain/hold-left.ts).
   */
  countMoves(since: EpochSeconds, now: EpochSeconds): Promise<number>;
  /**
   * The same of each VM; those that are absent were not moved. `asking`: without the mandatory
   * moves of that plan, which use up nothing of its own budgets.
   */
  moveCounts(
    since: EpochSeconds,
    now: EpochSeconds,
    asking?: PlanId,
  ): Promise<ReadonlyMap<VmId, number>>;
  /** VMs that hard rules have moved unasked: those of corrective moves that were begun. */
  repairedSince(since: EpochSeconds, now: EpochSeconds): Promise<ReadonlySet<VmId>>;
  /** The time that is nearest to `now`: none that lies far ahead hides a later one. */
  lastMovedAt(now: EpochSeconds): Promise<ReadonlyMap<VmId, EpochSeconds>>;

  /**
   * VMs whose moves that ended at or after `since` came to nothing (failed, cancelled, in need of
   * a human, or skipped after they were begun, but for those held back before the hypervisor was
   * asked for anything), counted from the last one that succeeded, and from the last reset of the
   * breaker `vm:ID`. Of a success or a reset that lies ahead of the clock nobody knows what it came
   * after: it ends only what lies ahead, too.
   */
  troubles(since: EpochSeconds, now: EpochSeconds): Promise<ReadonlyMap<VmId, Trouble>>;

  /** Of the moves that ended at or after `since`; at most the newest 5,000 failures. */
  setbacks(since: EpochSeconds, now: EpochSeconds): Promise<Setbacks>;
  /** What failed until now counts against the breaker of that name no more. */
  resetBreaker(name: string, by: string, at: EpochSeconds): Promise<void>;
  /**
   * Moves opened at or after `since` and not skipped, oldest first: the newest 5,000, and of those
   * before them the last one of each VM from the same host to the same host. `asking`: as above.
   */
  movesSince(
    since: EpochSeconds,
    now: EpochSeconds,
    asking?: PlanId,
  ): Promise<readonly RecentMove[]>;

  release(move: MoveId): Promise<void>;
  reservations(): Promise<readonly Reservation[]>;

  /**
   * `line` is put into the history with it. Rejects with LedgerError `conflict`, and writes
   * neither, where another order of the host is open: of two controllers one is first.
   */
  putOrder(order: Order, line?: HistoryEntry): Promise<void>;
  /**
   * Reads the order and writes what becomes of it in one step: of two controllers neither undoes
   * what the other has written. Undefined: there is no such order, or `change` leaves it alone.
   * Rejects with `conflict` where {@link putOrder} would.
   */
  changeOrder(id: OrderId, change: OrderChange): Promise<Order | undefined>;
  /** Different orders, all of them or none: see {@link putOrder}. */
  putOrders(orders: readonly PutOrder[]): Promise<void>;
  orders(includeClosed: boolean): Promise<readonly Order[]>;
  order(id: OrderId): Promise<Order | undefined>;

  /** Keeps what a plan asks approvals for, and forgets the plans that have expired by then. */
  showPlan(shown: ShownPlan): Promise<void>;
  /** Also one that has expired and was not forgotten yet. */
  shownPlan(plan: PlanId): Promise<ShownPlan | undefined>;
  /** Forgets those that have expired at `now`. */
  giveApprovals(approvals: readonly Approval[], now: EpochSeconds): Promise<void>;
  /** Those that were not used up; also some that have expired. */
  approvals(): Promise<readonly Approval[]>;

  /** Of different hosts, all of them or none. */
  markHosts(marks: readonly PutMark[]): Promise<void>;
  hostMarks(): Promise<readonly HostMark[]>;

  /** Replaces what is known of the host; `line` goes into the history with it. */
  putHostFailure(record: HostFailureRecord, about?: FailureNote): Promise<void>;
  /** The host is well again. False: it is not as it was read, and nothing was removed. */
  removeHostFailure(host: HostId, line: HistoryEntry, about?: FailureRemoval): Promise<boolean>;
  hostFailures(): Promise<readonly HostFailureRecord[]>;
  /** A line about the power of a host. `cluster`: that of the host, whose lease it takes. */
  noteFencing(line: HistoryEntry, cluster?: ClusterId): Promise<void>;

  /** Keeps an alert that fires; replaces the one of the same fingerprint. */
  putAlert(alert: KeptAlert): Promise<void>;
  /** `heardAt`: only where nobody has repeated it since then. */
  dropAlert(fingerprint: string, heardAt?: EpochSeconds): Promise<void>;
  /** By fingerprint. */
  keptAlerts(): Promise<readonly KeptAlert[]>;

  /**
   * Replaces the memory of the hosts named (default: of all) as a whole; entries with nothing to
   * remember need not come back.
   */
  saveRuleMemory(memories: readonly RuleMemory[], about?: ReadonlySet<HostId>): Promise<void>;
  ruleMemory(): Promise<readonly RuleMemory[]>;

  setPaused(paused: boolean, by: string, at: EpochSeconds): Promise<void>;
  paused(): Promise<{ readonly paused: boolean; readonly by: string }>;

  addHistory(entries: readonly HistoryEntry[]): Promise<void>;
  /** About a host: also the moves away from it. */
  history(query: HistoryQuery): Promise<readonly HistoryEntry[]>;

  /**
   * The audit trail after the entry `after` (0: from its beginning), in its order. Every write
   * above that decides or does something has its entry there, written in the same transaction.
   */
  audit(after: number, limit: number): Promise<readonly AuditEntry[]>;
  /** The end of the trail as the ledger knows it; undefined: somebody took it away. */
  auditHead(): Promise<AuditHead | undefined>;

  /** Removes closed records that are old. */
  prune(old: OldRecords): Promise<Pruned>;
  close(): Promise<void>;
}

/** What may befall the ledger's store. While it cannot write, Drover serves and does not act. */
export const LEDGER_ERROR_CODES = {
  'in-use': { hint: 'one Drover per state folder: stop the other one, or use another folder' },
  corrupt: { hint: 'restore the file from a backup; open moves are found again by looking' },
  'read-only': { hint: 'make the file and its folder writable for the user that runs Drover' },
  full: { hint: 'free disk space, or raise the limit; nothing is moved until then' },
  'newer-schema': { hint: 'a newer Drover has written it: run that version, or newer' },
  unsafe: {
    hint: 'the store does not keep what the ledger relies on; a file belongs on a local disk',
  },
  io: { hint: 'look at the disk and at the system log' },
  conflict: { hint: 'the record contradicts one that is there, or is none: this is a bug' },
  'lost-lease': { hint: 'another controller acts there now; drover status shows who' },
  unreachable: { hint: 'look at the database and the network to it; nothing is moved until then' },
  closed: { hint: 'the ledger was closed: Drover is stopping' },
} as const;
export type LedgerErrorCode = keyof typeof LEDGER_ERROR_CODES;

/** Every method of a {@link Ledger} rejects with this, and nothing else, when it fails. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, cause?: unknown) {
    super(`${message} (${LEDGER_ERROR_CODES[code].hint})`, { cause });
    this.name = 'LedgerError';
    this.code = code;
  }
}

/**
 * The ledger's tables as kysely sees them. Whole domain objects are kept as JSON text, beside the
 * columns that are searched by. Moments are epoch seconds. Portable types only: the same tables
 * live in SQLite and in PostgreSQL.
 */

import type { Generated } from 'kysely';

interface DecisionTable {
  plan: string;
  at: number;
  body: string;
}

interface DecisionInputTable {
  plan: string;
  at: number;
  bytes: number;
  body: Uint8Array;
}

interface MoveTable {
  id: string;
  vm: string;
  plan: string;
  source: string;
  vm_name: string;
  opened_at: number;
  /** The Move as planned, JSON. */
  body: string;
  from_host: string;
  to_host: string;
  /** The leases that it was opened under, JSON; null: none. */
  leases: string | null;
  /** The three below are null while the move is open, and set together, once. */
  closed_at: number | null;
  outcome: string | null;
  result: string | null;
  /** When it was closed by the ledger's own clock; null: open, or of an older Drover. */
  settled_at: number | null;
}

interface StageTable {
  seq: Generated<number>;
  move: string;
  stage: string;
  phase: string;
  at: number;
  detail: string;
}

interface ReservationTable {
  move: string;
  vm: string;
  host: string;
  memory_bytes: number;
  cpu: number;
}

interface OrderTable {
  id: string;
  host: string;
  state: string;
  created_at: number;
  changed_at: number;
  body: string;
}

interface HostMarkTable {
  host: string;
  state: string;
  since: number;
  reason: string;
}

interface HostFailureTable {
  host: string;
  body: string;
}

interface RuleMemoryTable {
  rule: string;
  host: string;
  holding_since: number | null;
  open_since: number | null;
  last_true_at: number | null;
}

interface SettingTable {
  name: string;
  value: string;
}

interface AppliedPlanTable {
  plan: string;
  at: number;
  expires_at: number;
  body: string;
}

interface ObservedMoveTable {
  id: string;
  vm: string;
  first_at: number;
  /** Null while it is open. */
  settled_at: number | null;
  body: string;
}

interface ApprovalTable {
  /** `approvalKey` of the move. */
  move_key: string;
  expires_at: number;
  body: string;
}

interface ShownPlanTable {
  plan: string;
  expires_at: number;
  body: string;
}

interface HistoryTable {
  seq: Generated<number>;
  at: number;
  kind: string;
  vm: string | null;
  host: string | null;
  /** Of a move: the host that the VM left. */
  from_host: string | null;
  move: string | null;
  text: string;
}

interface LeaseTable {
  cluster: string;
  /** Id of the controller; empty: released. */
  holder: string;
  holder_name: string;
  token: number;
  renewals: number;
  seconds: number;
  expires_at: number;
}

interface LeaseStopTable {
  cluster: string;
  /** The highest token that was ever seen. */
  seen: number;
  by_whom: string;
}

interface ControllerTable {
  id: string;
  name: string;
  /** Ids of clusters, JSON. */
  wants: string;
  /** The same. */
  asks: string;
  /** The same. */
  leaves: string;
  /** 1: a move of the VM that it runs in is open; else 0. */
  carried: number;
  beats: number;
}

interface AuditTable {
  /** Without holes, by the ledger; a store with 64 bits may answer with text. */
  seq: number;
  at: number;
  kind: string;
  /** JSON. */
  body: string;
  prev: string;
  hash: string;
}

interface AuditHeadTable {
  /** Always 1: there is one row. */
  id: number;
  seq: number;
  hash: string;
}

interface BreakerResetTable {
  name: string;
  at: number;
  by_whom: string;
}

interface CancelWishTable {
  id: string;
  cluster: string;
  /** `wishKey`. */
  what: string;
  state: string;
  expires_at: number;
  /** Null while it is not over. */
  ended_at: number | null;
  body: string;
}

interface FiringAlertTable {
  fingerprint: string;
  heard_at: number;
  body: string;
}

/** Controllers that wait for a place for a move. */
interface PlaceQueueTable {
  controller: string;
  /** Lower is earlier. */
  number: number;
  /** When it last asked, by the ledger's own clock. */
  asked_at: number;
}

export interface LedgerSchema {
  place_queue: PlaceQueueTable;
  firing_alerts: FiringAlertTable;
  cancel_wishes: CancelWishTable;
  breaker_resets: BreakerResetTable;
  decisions: DecisionTable;
  decision_inputs: DecisionInputTable;
  moves: MoveTable;
  stages: StageTable;
  reservations: ReservationTable;
  orders: OrderTable;
  host_marks: HostMarkTable;
  host_failures: HostFailureTable;
  rule_memory: RuleMemoryTable;
  settings: SettingTable;
  applied_plans: AppliedPlanTable;
  observed_moves: ObservedMoveTable;
  approvals: ApprovalTable;
  shown_plans: ShownPlanTable;
  history: HistoryTable;
  leases: LeaseTable;
  lease_stops: LeaseStopTable;
  controllers: ControllerTable;
  audit: AuditTable;
  audit_head: AuditHeadTable;
}

const TABLES: Readonly<Record<keyof LedgerSchema, true>> = {
  place_queue: true,
  firing_alerts: true,
  cancel_wishes: true,
  breaker_resets: true,
  decisions: true,
  decision_inputs: true,
  moves: true,
  stages: true,
  reservations: true,
  orders: true,
  host_marks: true,
  host_failures: true,
  rule_memory: true,
  settings: true,
  applied_plans: true,
  observed_moves: true,
  approvals: true,
  shown_plans: true,
  history: true,
  leases: true,
  lease_stops: true,
  controllers: true,
  audit: true,
  audit_head: true,
};

/** What else stands beside them in a database belongs to others. */
export const LEDGER_TABLES: readonly string[] = Object.keys(TABLES);

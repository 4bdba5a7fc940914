/**
 * What the HTTP server can ask of the daemon, and the JSON views that it hands out. The app room
 * implements `Api`; the CLI reads the views. Views carry names beside ids, plain numbers in code
 * units, and `null` for what is not known: never zero.
 */

import type { Finding } from '../domain/finding.ts';
import type { MoveProgress } from '../domain/events.ts';
import type { HistoryEntry, MoveRecord, Outcome } from '../domain/journal.ts';
import type { SourceStatus } from '../domain/measured.ts';
import type { Order } from '../domain/order.ts';
import type { MoveEffect, Proof } from '../domain/plan.ts';
import type { Result } from '../domain/result.ts';
import type { ObservedRequest, ObservedView } from './api-observed.ts';
import type {
  Area,
  AreaRequest,
  EstimateRequest,
  EstimateView,
  OrderRequest,
  OrdersRequest,
  RollingPlanView,
  RollingRequest,
  RollingView,
} from './api-orders.ts';

export type * from './api-observed.ts';
export type * from './api-orders.ts';

export interface StatusView {
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly paused: boolean;
  readonly pausedBy: string;
  /** Mode by cluster name; `default` where no cluster says otherwise. */
  readonly modes: Readonly<Record<string, string>>;
  readonly policyRevision: string;
  readonly policyErrors: readonly string[];
  readonly sources: readonly SourceStatus[];
  readonly hosts: number;
  readonly vms: number;
  /** `takenAt` of the newest snapshot; null before the first. */
  readonly snapshotAt: number | null;
  readonly findings: readonly Finding[];
  readonly movesInFlight: number;
  /** They wait: all controllers together have as many open as may be. */
  readonly movesWithoutPlace: number;
  /**
   * Null before the first, and when the newest was rejected; but then it may be the plan of what
   * cannot wait alone.
   */
  readonly lastPlan: {
    readonly id: string;
    readonly at: number;
    readonly moves: number;
    /** Of these, how many wait for an approval (`drover approve ID`). */
    readonly waiting: number;
  } | null;
  /** The newest plan, where Drover's own checker found faults in it: nothing of it runs. */
  readonly rejectedPlan: {
    readonly id: string;
    readonly at: number;
    readonly faults: readonly string[];
  } | null;
  /** Plain sentences of the last planner report. */
  readonly notes: readonly string[];
  /** Who acts on which cluster; empty where one controller is alone with its ledger. */
  readonly leases: readonly LeaseView[];
  readonly breakers: readonly BreakerView[];
  readonly ledger: LedgerView;
}

export interface LedgerView {
  /** False: nothing is begun. */
  readonly writable: boolean;
  /** Why not, and what to do; else empty. */
  readonly detail: string;
}

/** A circuit breaker that is not closed. */
export interface BreakerView {
  /** For `drover breaker reset`. */
  readonly name: string;
  readonly state: 'open' | 'half-open';
  readonly failures: number;
  readonly until: number;
  readonly text: string;
}

export interface LeaseView {
  readonly cluster: string;
  /** Name of the controller; null: nobody. */
  readonly holder: string | null;
  readonly token: number;
  /** The controller that answers holds it, and may act. */
  readonly mine: boolean;
  /** The ledger is older than what was seen: an operator has to confirm. */
  readonly steppedBack: boolean;
}

export interface HostView {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly cluster: string | null;
  readonly state: string;
  readonly connection: string;
  readonly threads: number;
  /** Mean over the window, 0..1 of the host's threads. */
  readonly cpuRatio: number | null;
  /** Configured memory of the guests over (total - reserved). */
  readonly memoryRatio: number;
  readonly memoryBytes: number;
  readonly vms: number;
  readonly findings: readonly string[];
  readonly hypervisor: string;
}

export interface VmView {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly hostName: string;
  readonly criticality: string;
  readonly permission: string;
  readonly powerState: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  /** Cores, mean over the window. */
  readonly cpuCores: number | null;
  readonly moving: boolean;
}

export interface MigrationView {
  readonly record: MoveRecord;
  readonly fromName: string;
  readonly toName: string;
  readonly progress: MoveProgress | null;
}

export interface LocateView {
  readonly vm: string;
  readonly name: string;
  /** By asking every host now. */
  readonly sightings: readonly {
    readonly host: string;
    readonly hostName: string;
    readonly state: string;
    readonly persistent: boolean;
  }[];
  /** Hosts that did not answer: absence there proves nothing. */
  readonly blind: readonly string[];
  readonly lastMoves: readonly HistoryEntry[];
}

export interface WhyHostView {
  readonly host: HostView;
  readonly rules: readonly {
    readonly rule: string;
    readonly policy: string;
    readonly truth: 'true' | 'false' | 'unknown';
    readonly text: string;
  }[];
  readonly findings: readonly Finding[];
  /** Breakers about it, and about its source. */
  readonly breakers: readonly BreakerView[];
  /** What the last plan left open about this host. */
  readonly unresolved: readonly OpenNeed[];
}

/** A need that the last plan left open, and why nothing can be done, where that was looked into. */
export interface OpenNeed {
  readonly code: string;
  readonly detail: string;
  readonly proof?: Proof | undefined;
}

export interface WhyVmView {
  readonly vm: VmView;
  /** Every host with the reasons against it; no reasons: it could go there. */
  readonly hosts: readonly {
    readonly host: string;
    readonly name: string;
    readonly refusals: readonly {
      readonly code: string;
      readonly meaning: string;
      readonly detail: string;
      readonly hint: string;
    }[];
  }[];
  /** Moves of this VM in the last plan, and what the gate said. */
  readonly planned: readonly {
    readonly to: string;
    readonly text: string;
    readonly gate: string;
    /** Change of the objective's terms; negative is better. */
    readonly terms: Readonly<Record<string, number>>;
    readonly effects: readonly MoveEffect[];
  }[];
  /** What the last plan left open about the VM. */
  readonly unresolved: readonly OpenNeed[];
  readonly history: readonly HistoryEntry[];
}

export type WhyView =
  | ({ readonly about: 'host' } & WhyHostView)
  | ({ readonly about: 'vm' } & WhyVmView);

/** A refused request: `status` is the HTTP status that fits. */
export interface ApiProblem {
  readonly status: 400 | 404 | 409 | 503;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
}

export interface OrderView {
  /** Absent: nothing was ordered; the host was held out for its failure, and is readmitted. */
  readonly order?: Order | undefined;
  /** `repeated`: the same order was open already; `kept`: it stays, though an area is returned. */
  readonly what: 'given' | 'repeated' | 'changed' | 'kept';
  /** What will happen now, in the mode that is in force. */
  readonly text: string;
}

/** What became of the moves that the approved plan had asked for. */
export interface ApprovalView {
  /** These run now, as fast as the limits allow. */
  readonly moves: number;
  /** Approved, and held back by something else; they run when that is over in time. */
  readonly held: number;
  /** Approved before: they run, or wait for their turn. */
  readonly before: number;
  /** The newest plan does not want them any more. */
  readonly gone: number;
  /** Approved for the controllers that hold their clusters; taken up at their next tick. */
  readonly elsewhere: number;
  /** All this in a sentence. */
  readonly text: string;
}

export interface AppliedMove {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  /** `not-begun`: it was given up; else under way, or how it ended. */
  readonly state: 'waiting' | 'moving' | 'not-begun' | Outcome;
  readonly detail: string;
}

/** A plan that was handed in, and how far it is. */
export interface ApplyView {
  readonly id: string;
  /** Nothing more will begin or end. */
  readonly over: boolean;
  readonly moves: readonly AppliedMove[];
}

export interface CancelledMove {
  readonly move: string;
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  /** `cancelling`: it was under way and is asked to stop; its outcome tells whether it did. */
  readonly answer: 'cancelled' | 'cancelling' | 'too-late';
  readonly text: string;
}

/** A cancel that another controller is to carry out; the history tells what came of it. */
export interface PassedOnCancel {
  readonly id: string;
  readonly cluster: string;
  /** Name of the controller that acts there; null: nobody at the moment. */
  readonly to: string | null;
  readonly text: string;
}

export interface CancelView {
  readonly moves: readonly CancelledMove[];
  /** Absent: none, all was done here. */
  readonly passedOn?: readonly PassedOnCancel[];
  /** Orders that still ask for such moves, and how to withdraw them. */
  readonly notes: readonly string[];
}

/** One alert of an alerting system, reduced to what matters here. */
export interface AlertInput {
  readonly fingerprint: string;
  readonly name: string;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  /** When the sender takes it as over; empty, or the year 1: it does not say. */
  readonly endsAt: string;
}

/** What became of each alert of a webhook call. */
export interface AlertOutcome {
  readonly fingerprint: string;
  /** `dropped`: too many alerts fire for this one to be noted; `invalid`: it cannot be read. */
  readonly outcome:
    | 'ordered'
    | 'repeated'
    | 'noted'
    | 'resolved'
    | 'ignored'
    | 'dropped'
    | 'invalid';
  readonly host: string | null;
  readonly detail: string;
}

export interface HistoryRequest {
  /** A VM or host, by id or name; undefined: everything. */
  readonly about: string | undefined;
  /** Id of a plan, instead. */
  readonly plan?: string | undefined;
  readonly limit: number;
}

export interface Api {
  /** Ready: recovered, first snapshot taken, ledger writable; otherwise the reasons why not. */
  readiness(): { readonly ready: boolean; readonly reasons: readonly string[] };
  status(): StatusView;
  /** As of now; each is made as it is asked for, as those of a large fleet take a while. */
  hosts(): IteratorObject<HostView>;
  vms(): IteratorObject<VmView>;
  migrations(limit: number): Promise<readonly MigrationView[]>;
  history(request: HistoryRequest): Promise<Result<readonly HistoryEntry[], ApiProblem>>;
  /** Of mode observe: what would have been moved, and what really happened. */
  observed(request: ObservedRequest): Promise<ObservedView>;
  locate(vm: string): Promise<Result<LocateView, ApiProblem>>;
  /** About a VM or a host, by id or name; VMs are looked up first. */
  /** `host`: of a VM, only this one instead of all hosts. */
  why(name: string, host?: string): Promise<Result<WhyView, ApiProblem>>;
  /** The newest snapshot as a fleet file, in pieces that are made one by one as they are taken. */
  fleetFile(): Result<Iterable<string>, ApiProblem>;
  /** The newest plan in the form of `drover plan --json`. */
  latestPlan(): Result<unknown, ApiProblem>;
  orders(): Promise<readonly Order[]>;
  giveOrder(request: OrderRequest): Promise<Result<OrderView, ApiProblem>>;
  /** All at once, or none: no host is taken for a refuge that is to be emptied as well. */
  giveOrders(request: OrdersRequest): Promise<Result<readonly OrderView[], ApiProblem>>;
  /** What such orders would take. */
  estimate(request: EstimateRequest): Promise<Result<EstimateView, ApiProblem>>;
  /** Evacuates all hosts of a site or cluster at once, to what is elsewhere. */
  evacuateArea(request: AreaRequest): Promise<Result<readonly OrderView[], ApiProblem>>;
  /** What that would take. */
  estimateArea(request: AreaRequest): Promise<Result<EstimateView, ApiProblem>>;
  /** The way back: returns its hosts that were evacuated with it; names those with other orders. */
  returnArea(area: Area, by: string): Promise<Result<readonly OrderView[], ApiProblem>>;
  /** Maintenance of many hosts, one group after the other. */
  startRolling(request: RollingRequest): Promise<Result<RollingPlanView, ApiProblem>>;
  rollings(): Promise<readonly RollingView[]>;
  /** Hosts whose maintenance has begun are not touched by it. */
  steerRolling(
    id: string,
    what: 'pause' | 'resume' | 'cancel',
    by: string,
  ): Promise<Result<RollingView, ApiProblem>>;
  /** Ends maintenance or an evacuation: the host is returned to service, its VMs come home. */
  returnHost(host: string, by: string): Promise<Result<OrderView, ApiProblem>>;
  setPaused(paused: boolean, by: string): Promise<void>;
  /**
   * Approves the moves that waited in this plan (mode `approve`), as far as the newest plan still
   * wants them. The plan may be any that was shown within the last 30 minutes.
   */
  approve(plan: string, by: string): Promise<Result<ApprovalView, ApiProblem>>;
  /**
   * Carries out a plan in the form of `drover plan --json`. 409 where the fleet has moved on, or
   * another one is being applied; the same one again is told of.
   */
  apply(plan: unknown, by: string): Promise<Result<ApplyView, ApiProblem>>;
  applied(id: string): Promise<Result<ApplyView, ApiProblem>>;
  /**
   * Stops a move, the move of a VM, all moves away from a host (by id or name), or all of a plan;
   * by the id of an order, or with `withdraw`: also takes the order back. Idempotent.
   */
  cancel(request: {
    readonly name: string;
    readonly by: string;
    readonly withdraw: boolean;
  }): Promise<Result<CancelView, ApiProblem>>;
  /** What failed until now counts against it no more: `vm:NAME`, `out:HOST`, `into:HOST`, … */
  resetBreaker(name: string, by: string): Promise<Result<BreakerView, ApiProblem>>;
  /** Goes on in a cluster where the ledger was found to be an older copy. Rejects: LedgerError. */
  confirmLease(cluster: string, by: string): Promise<Result<LeaseView, ApiProblem>>;
  alerts(alerts: readonly AlertInput[]): Promise<readonly AlertOutcome[]>;
}

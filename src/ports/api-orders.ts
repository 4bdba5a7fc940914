/** What orders ask for and are answered with: single ones, whole areas, rolling maintenance. */

export interface OrderRequest {
  readonly kind: 'evacuate' | 'maintenance';
  /** Id or name. */
  readonly host: string;
  readonly reason: string;
  readonly by: { readonly kind: 'operator' | 'alert'; readonly name: string };
  /** Which alert asks, and since when it fires; empty: a person does. */
  readonly dedupeKey: string;
  readonly deadlineSeconds: number | null;
  /** Maintenance: what is to run when the host is empty; it returns by itself then. */
  readonly hook?: string | undefined;
}

/** The same for several hosts, by ids or names. */
export type OrdersRequest = Omit<OrderRequest, 'host'> & { readonly hosts: readonly string[] };

export type EstimateRequest = Pick<OrderRequest, 'kind' | 'deadlineSeconds'> & {
  /** Ids or names. */
  readonly hosts: readonly string[];
};

/** A whole site or cluster, by its id. */
export interface Area {
  readonly kind: 'site' | 'cluster';
  readonly name: string;
}

export interface AreaRequest {
  readonly area: Area;
  readonly reason: string;
  readonly by: string;
  readonly deadlineSeconds: number | null;
}

/** What it would take to empty the hosts, as things stand. Nothing was ordered. */
export interface EstimateView {
  /** `vms`: those that are not powered off. */
  readonly hosts: readonly { readonly id: string; readonly name: string; readonly vms: number }[];
  /** Every VM has somewhere to go. */
  readonly fits: boolean;
  /** Until the last VM has left, where all can; by the planner's forecast. */
  readonly seconds: number | null;
  readonly deadlineSeconds: number | null;
  /** Null: there is no deadline. */
  readonly meetsDeadline: boolean | null;
  /** In the order of the plan, with those that make room and what else is mandatory. */
  readonly moves: readonly {
    readonly vm: string;
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly method: string;
    readonly criticality: string;
    readonly startSeconds: number;
    readonly seconds: number;
    readonly downtimeSeconds: number;
    readonly bytes: number;
  }[];
  /** VMs that cannot leave, and why. */
  readonly stays: readonly {
    readonly id: string;
    readonly name: string;
    readonly host: string;
    readonly code: string;
    readonly detail: string;
    readonly proof: string | null;
  }[];
  /** Hard placement rules that hold now and would not with the hosts empty: their ids. */
  readonly breaks: readonly string[];
  /** What would keep moves from starting now: refusal codes, or `would-execute` (mode observe). */
  readonly held: readonly {
    readonly code: string;
    readonly detail: string;
    readonly moves: number;
  }[];
}

export interface RollingRequest {
  /** Hosts or clusters, by id or name; their turn is in this order, within a cluster by name. */
  readonly names: readonly string[];
  /** At most so many hosts at once, where they fit; >= 1. */
  readonly batch: number;
  readonly hook?: string | undefined;
  readonly reason: string;
  readonly by: string;
  /** Only tell the groups. */
  readonly dryRun: boolean;
}

/** Hosts that are emptied at once, as things stand now; chosen anew when their turn comes. */
export interface RollingGroup {
  readonly hosts: readonly string[];
  /** Everybody on them has a place meanwhile, and no hard rule is broken that holds now. */
  readonly fits: boolean;
  /** Until they are empty; null: not known. */
  readonly seconds: number | null;
  /** Why they do not fit; empty where they do. */
  readonly reasons: readonly string[];
}

export interface RollingPlanView {
  /** Null: nothing was ordered. */
  readonly id: string | null;
  readonly groups: readonly RollingGroup[];
}

/** How far a rolling maintenance is; hosts by name, in their turn. */
export interface RollingView {
  readonly id: string;
  readonly reason: string;
  readonly by: string;
  readonly done: readonly string[];
  readonly active: readonly { readonly host: string; readonly state: string }[];
  readonly waiting: readonly string[];
  /** Why no further host is taken on; null: nothing holds it. */
  readonly heldBy: string | null;
}

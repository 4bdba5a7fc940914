/**
 * What operators decide, after parsing and merging: plain numbers in code units. The file form,
 * its defaults and its JSON Schema live in the config room; this is what the tick works with.
 */

import type { FindingKind, Response, Tier } from './finding.ts';
import type { OwnRole, WithoutStandby } from './own-vm.ts';
import type { PlacementKind, PreserveRule } from './placement.ts';
import type { MoveMethod } from './plan.ts';
import type { BalanceWeight, ResourceSpec } from './resource-spec.ts';
import type { Selector } from './selector.ts';
import type { Bytes, BytesPerSecond, Ratio, Seconds } from './units.ts';
import type { Criticality, Permission } from './vm.ts';

/** `observe` executes nothing, `approve` asks, `automatic` acts. */
export const MODES = ['observe', 'approve', 'automatic'] as const;
export type Mode = (typeof MODES)[number];

export interface ModeSettings {
  /** `by-source`: automatic on the simulated hypervisor, observe on every real one. */
  readonly default: Mode | 'by-source';
  readonly clusters: Readonly<Record<string, Mode>>;
  /** In mode `approve`: which tiers need an approval; the others act. */
  readonly approve: readonly Tier[];
}

export type { Selector } from './selector.ts';

/** A condition in json-rules-engine's own syntax, over the fact catalogue (facts.ts). */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | FactCondition;

export interface FactCondition {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
}

export interface Rule {
  readonly name: string;
  /** `file:line` for messages. */
  readonly origin: string;
  readonly policy: string;
  readonly finding: FindingKind;
  readonly response: Response;
  readonly tier: Tier;
  /** Hosts that the rule looks at; undefined: all. */
  readonly hosts: Selector | undefined;
  readonly when: Condition;
  /** The condition has to hold without a break for this long before it is a finding. */
  readonly forSeconds: Seconds;
  /** The finding ends when this holds; undefined: when `when` no longer does. */
  readonly clear: Condition | undefined;
  /** `relieve`: the utilisation to get below; undefined: limits.safetyCapacity.cpu. */
  readonly relieveBelow: Ratio | undefined;
}

export interface CriticalityRule {
  readonly vms: Selector;
  readonly criticality: Criticality;
}

export interface PermissionRule {
  readonly vms: Selector;
  readonly permission: Permission;
}

/** VMs that Drover stands on. */
export interface OwnRule {
  readonly vms: Selector;
  readonly role: OwnRole;
  /** `file:line` for messages. */
  readonly origin: string;
  /** Role controller: its name; absent: it may be any. */
  readonly controller?: string | undefined;
}

/** Moves of these VMs are taken to cost so many times as much. */
export interface CostRule {
  readonly vms: Selector;
  /** > 0. */
  readonly factor: number;
}

/** Touching any of these VMs costs so much, once for each plan. */
export interface GroupCostRule {
  readonly origin: string;
  readonly vms: Selector;
  /** > 0. */
  readonly once: Bytes;
}

/** Moves on such a path are taken to cost so many times as much; see MoveCosts. */
export interface PathCostRule {
  readonly origin: string;
  /** > 0. */
  readonly factor: number;
  readonly path: { readonly from: Selector; readonly to: Selector } | { readonly across: string };
}

/** A placement rule as written: who it is about is still a selector. */
export interface PlacementSpec {
  readonly id: string;
  readonly origin: string;
  readonly kind: PlacementKind;
  readonly strength: 'hard' | 'soft';
  readonly hold: 'always' | 'finally';
  /** Absent where the kind is about no VMs in particular. */
  readonly vms?: Selector | undefined;
  /** dependency: the VMs of which each needs one beside it. */
  readonly on?: Selector | undefined;
  /** pin, avoid, licensed, preserve, spare, failover-reserve: the hosts. */
  readonly hosts?: Selector | undefined;
  /** among: the sets of hosts. */
  readonly sets?: readonly Selector[] | undefined;
  /** affinity, anti-affinity, spread, dependency: 'host' (if absent) or a kind of fault domain. */
  readonly over?: string | undefined;
  /** spread: how many of them, at least. */
  readonly minimum?: number | undefined;
  /** licensed: on how many hosts, at most. */
  readonly maximum?: number | undefined;
  /** preserve: whether each host keeps that free (if absent), or all of them in total. */
  readonly scope?: PreserveRule['scope'];
  /** preserve: what is kept free. */
  readonly free?: PreserveRule['free'] | undefined;
  /** failover-reserve: how many hosts may be lost at once; absent: 1. */
  readonly failures?: number | undefined;
}

/** A recurring window of time: minutes of the day in a time zone, on some days of the week. */
export interface TimeWindow {
  readonly name: string;
  /** IANA zone, e.g. Europe/Berlin. */
  readonly zone: string;
  /** ISO weekdays, 1 = Monday … 7 = Sunday. */
  readonly days: readonly number[];
  /** Minutes after local midnight; `end` <= `start` reaches into the next day. */
  readonly startMinute: number;
  readonly endMinute: number;
}

export interface Limits {
  /** What no target may exceed after all arrivals, as a share of its capacity. */
  readonly safetyCapacity: { readonly cpu: Ratio; readonly memory: Ratio };
  /** Guests' memory over (total - reserved); >= 1. */
  readonly overcommit: { readonly memory: Ratio };
  readonly concurrency: {
    readonly total: number;
    readonly perHostIn: number;
    readonly perHostOut: number;
    /** Over one uplink of a switch, in each direction. */
    readonly perLink: number;
    /** That touch one cluster: in, into or out of it; >= 1; absent: no limit of its own. */
    readonly perCluster?: number | undefined;
  };
  /** A VM that was moved rests for this long; optional and corrective moves only. */
  readonly cooldownSeconds: Seconds;
  /** Where another balancer moves VMs by itself: `mandatory` moves are made, or none. */
  readonly nativeBalancer: 'mandatory' | 'none';
  /** Corrective and optional moves that one plan may hold; absent: as many as it takes. */
  readonly movesPerPlan?: number | undefined;
  /** A VM is not moved back to where it was this recently; mandatory and home moves are. */
  readonly reverseMoveSeconds: Seconds;
  readonly budgets: {
    readonly movesPerHour: number;
    readonly movesPerVmPerDay: number;
    /** Away from a host, and to it, each; absent, here and below: no limit of its own. */
    readonly movesPerHostPerHour?: number | undefined;
    readonly movesPerClusterPerHour?: number | undefined;
    /** Over one uplink of a switch, in each direction. */
    readonly movesPerLinkPerHour?: number | undefined;
  };
  /** Optional moves start inside one of these only; empty: at any time. */
  readonly windows: readonly TimeWindow[];
  /** No optional or corrective move starts inside one of these. */
  readonly blackouts: readonly TimeWindow[];
  /** The largest share of a cluster's hosts that may be evacuated at once. */
  readonly evacuatedShare: Ratio;
  /** More hosts than this share newly `failing` at once: suspect the monitoring, stop, alert. */
  readonly massFailureShare: Ratio;
  /**
   * VMs of which corrective moves are begun within an hour without being asked for in mode
   * automatic; of more each asks for an approval. Integer >= 0.
   */
  readonly repairsUnasked: number;
  /** An optional plan must lower the objective by this share more than it costs. */
  readonly gainMargin: Ratio;
  readonly consolidation: {
    /** What no host may exceed that takes in VMs of hosts that are emptied to save power. */
    readonly fillTo: { readonly cpu: Ratio; readonly memory: Ratio };
    /** So many hosts of a cluster can be lost, and those left on still carry everything. */
    readonly keepSpare: number;
  };
}

/**
 * One rung of the ladder that a live migration climbs when it does not converge:
 * - `pre-copy`: memory is copied while the guest runs; the source keeps a whole copy to the end.
 * - `auto-converge`: the guest is slowed down until it writes less than is copied.
 * - `post-copy`: the guest is switched over and pulls the rest of its memory from the source. From
 *   then on neither side has all of it: if the link or one of the hosts is lost before the last
 *   page, the guest stands still until the link is back and a person resumes it, and where a host
 *   is gone its memory is: it has to be started anew from its disks.
 * - `cold`: given up, and moved by a stop and a start, where its permission allows that.
 */
export const LADDER_STEPS = ['pre-copy', 'auto-converge', 'post-copy', 'cold'] as const;
export type LadderStep = (typeof LADDER_STEPS)[number];

export interface MigrationSettings {
  readonly ladder: Readonly<Record<Criticality, readonly LadderStep[]>>;
  /** What is aimed at first. */
  readonly downtimeLimitSeconds: Seconds;
  /** What the limit is raised to, step by step, when a move does not converge; ascending. */
  readonly downtimeSteps: Readonly<Record<Criticality, readonly Seconds[]>>;
  /** Given up after this long per GiB of configured memory (never under 60 s). */
  readonly timeoutSecondsPerGib: Seconds;
  /** Cap per migration; undefined: the link's own. */
  readonly bandwidth: BytesPerSecond | undefined;
  readonly coldCrossVendor: 'allow' | 'refuse';
  readonly methods: readonly MoveMethod[];
  readonly ownWithoutStandby: WithoutStandby;
}

/** How hosts are emptied by order, and come back. */
export interface MaintenanceSettings {
  /** So many of the least important VMs come home first; 0: without a trial. */
  readonly canaries: number;
  /** So long they run there, with nothing against the host, before the others follow. */
  readonly canarySeconds: Seconds;
  /** When an order's deadline has passed and the host is not empty. */
  readonly onDeadline: 'keep-on' | 'withdraw';
}

/** What is done about hosts that die; nothing, unless it is said. */
export interface HostFailureSettings {
  /** `fenced`: VMs of a host whose power is confirmed off are started elsewhere. */
  readonly restart: 'never' | 'fenced';
  /** `automatic`: the power of a host that is suspected dead is cut; in mode automatic only. */
  readonly fence: 'never' | 'automatic';
  /** How long two independent signs must agree before a host is suspected dead. */
  readonly suspectAfterSeconds: Seconds;
  /** False: VMs are restarted also where no lock keeps a second copy off their disks. */
  readonly requireStorageLocks: boolean;
  /** Glob patterns of storages on which no two guests can open the same disk. */
  readonly storagesWithLocks: readonly string[];
  /** Names of alerts that say that a host is down. */
  readonly alerts: readonly string[];
  /** Who takes a host back that was dead and is clean again. */
  readonly readmit: 'operator' | 'automatic';
}

/** Weights of the objective; see the planner for the formula of each term. */
export interface Weights {
  readonly overload: number;
  readonly imbalance: number;
  readonly softRules: number;
  readonly moveCost: number;
  /** Of 100 W (POWER_UNIT_WATTS) that hosts with VMs draw when idle. */
  readonly power: number;
  /** Pairs of resources of which hosts are to have the same proportion free; absent: none. */
  readonly balance?: readonly BalanceWeight[] | undefined;
  /** What one move is taken to cost beside its memory: set-up, switchover, attention. */
  readonly perMoveBytes: Bytes;
}

/** The merged policies in force. */
export interface PolicySet {
  /** SHA-256 over the files in order: names the revision in decisions and logs. */
  readonly revision: string;
  readonly files: readonly string[];
  readonly rules: readonly Rule[];
  readonly criticality: readonly CriticalityRule[];
  readonly permissions: readonly PermissionRule[];
  readonly own: readonly OwnRule[];
  readonly costs: readonly CostRule[];
  readonly groupCosts: readonly GroupCostRule[];
  readonly pathCosts: readonly PathCostRule[];
  readonly placement: readonly PlacementSpec[];
  /** By name. */
  readonly resources: readonly ResourceSpec[];
  readonly limits: Limits;
  readonly migration: MigrationSettings;
  readonly maintenance: MaintenanceSettings;
  readonly hostFailure: HostFailureSettings;
  readonly mode: ModeSettings;
  readonly weights: Weights;
}

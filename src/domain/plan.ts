/**
 * A plan is complete and immutable: VM, source, target, method, order and reason of every move.
 * Execution has nothing left to choose.
 */

import type { Evidence, Tier } from './finding.ts';
import type { FindingId, HostId, MoveId, PlanId, RuleId, VmId } from './ids.ts';
import type { MovePrice } from './move-costs.ts';
import type { Refusal, RefusalCode, RefusalCounts } from './refusal.ts';
import type { Bytes, EpochSeconds, Seconds } from './units.ts';
import type { Criticality } from './vm.ts';

/**
 * - `pre-copy`: live; memory is copied while the guest runs, the rest in a short stop.
 * - `post-copy`: live; the guest is switched early and pulls its memory: no way back.
 * - `cold`: shut down (or suspended), moved, started again.
 * - `storage`: live, and the disks are copied along.
 * - `restart`: started again elsewhere from its shared disks after its host died.
 */
export const MOVE_METHODS = ['pre-copy', 'post-copy', 'cold', 'storage', 'restart'] as const;
export type MoveMethod = (typeof MOVE_METHODS)[number];

/**
 * What one move changes, when all moves before it in the list are done: how full a host is (`cpu`,
 * `memory`: share of its capacity; `resource`: of one that a policy names, where the host is or
 * was above its share), how many VMs still have to leave it (`to-leave`), the watts
 * that it draws when idle and need not once it is empty (`power`), how many VMs stand against a
 * placement rule (`rule`).
 */
export type MoveEffect =
  | {
      readonly term: 'cpu' | 'memory' | 'to-leave' | 'power';
      readonly host: HostId;
      readonly before: number;
      readonly after: number;
    }
  | {
      readonly term: 'resource';
      readonly resource: string;
      readonly host: HostId;
      readonly before: number;
      readonly after: number;
    }
  | {
      readonly term: 'rule';
      readonly rule: RuleId;
      readonly before: number;
      readonly after: number;
    };

/** Why this move is in the plan. */
export interface MoveReason {
  readonly finding: FindingId;
  readonly text: string;
  readonly evidence: readonly Evidence[];
  /** What the move does to the objective's terms; negative is better. */
  readonly terms: Readonly<Record<string, number>>;
  /** Absent in plans that were made before it was said. */
  readonly effects?: readonly MoveEffect[] | undefined;
  /** What it is taken to cost, where the policy's prices of paths, disks or groups are in it. */
  readonly price?: MovePrice | undefined;
}

export interface Prediction {
  /** From the start of the plan. */
  readonly startSeconds: Seconds;
  readonly seconds: Seconds;
  readonly downtimeSeconds: Seconds;
  readonly bytes: Bytes;
}

export interface Move {
  readonly id: MoveId;
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly method: MoveMethod;
  readonly tier: Tier;
  readonly criticality: Criticality;
  readonly reason: MoveReason;
  /** Moves that must have ended well before this one may start. */
  readonly dependsOn: readonly MoveId[];
  readonly predicted: Prediction;
  /**
   * The target's CPU may go above the safety capacity: its host has to be emptied, and no other has
   * the room. CPU is shared out in time, so the guests there get slower; memory is never exceeded.
   * Mandatory moves only.
   */
  readonly overCpu?: true;
  /**
   * The same of resources that the policy calls `soft`: above their safety capacity, but never
   * above what the target has of them.
   */
  readonly overSoft?: true;
  /**
   * Of a VM that Drover stands on (own-vm.ts): it starts when nothing else is under way or could
   * start, nothing starts beside it, and it is given up rather than made to converge.
   */
  readonly alone?: true;
  /** The move that came to nothing, in whose place this one is tried; never in a plan. */
  readonly insteadOf?: MoveId | undefined;
  /** A person has said yes to it, or has handed it in; never in a plan. */
  readonly asked?: true;
  /** Other targets that were considered, best first, and why they were not taken. */
  readonly rejected: readonly { readonly host: HostId; readonly code: RefusalCode }[];
}

/** The objective, lower is better; `terms` sum up to the value. */
export interface Objective {
  readonly before: number;
  readonly after: number;
  readonly terms: Readonly<Record<string, { readonly before: number; readonly after: number }>>;
}

/** One of the rules, limits or facts that together leave a VM no way out. */
export interface ProofCause {
  readonly vm: VmId;
  readonly code: RefusalCode;
  /** The rule and where it is written, the figures, the features; may be empty. */
  readonly detail: string;
  /** The targets that it rules out and no cause before it in the list does. */
  readonly hosts: readonly HostId[];
}

/** Why a need cannot be met: take any one cause away, and something could move. */
export interface Proof {
  /**
   * True: no plan can meet it, whatever else it moves. False: none was found, with everything
   * else where the plan leaves it.
   */
  readonly certain: boolean;
  /** For people, with names. */
  readonly text: string;
  readonly causes: readonly ProofCause[];
}

/**
 * Hard placement rules that no placement can satisfy together: leave any one of them out, and what
 * is told here is none any more.
 */
export interface Contradiction {
  readonly rules: readonly { readonly id: RuleId; readonly origin: string }[];
  /** Whom they leave no way. */
  readonly vms: readonly VmId[];
  /** For people, with names and the rules' places. */
  readonly text: string;
}

/** A need that the plan leaves open, with the reason and the pairs that were tried. */
export interface Unresolved {
  readonly subject:
    | { readonly kind: 'host'; readonly host: HostId }
    | { readonly kind: 'vm'; readonly vm: VmId };
  readonly finding: FindingId | undefined;
  readonly code: RefusalCode;
  readonly detail: string;
  /**
   * Each with its first reason. Where there are very many, some of each reason; but all of those
   * that say who else is to be asked (`other-controller`, `own-leases`).
   */
  readonly pairs: readonly Refusal[];
  /** How many pairs there are beside those, by reason; absent: none. */
  readonly unlisted?: Readonly<Partial<Record<RefusalCode, number>>>;
  /** Absent where there are more open needs than are looked into. */
  readonly proof?: Proof | undefined;
}

export interface Plan {
  readonly id: PlanId;
  /** `takenAt` of the snapshot it was made from. */
  readonly snapshotAt: EpochSeconds;
  /** In the order in which they may start; strictly one after the other is always valid too. */
  readonly moves: readonly Move[];
  readonly objective: Objective;
}

/** What the planner has to say beside the plan, also when there is nothing to do. */
export interface PlanReport {
  readonly refusals: RefusalCounts;
  readonly unresolved: readonly Unresolved[];
  /**
   * Absent where it was not looked for: in first answers, and in plans from before it was. That
   * says nothing about the rules.
   */
  readonly contradictions?: readonly Contradiction[] | undefined;
  /** Plain sentences: "nothing to do: no host above 80 % CPU". */
  readonly notes: readonly string[];
  readonly stats: {
    readonly hosts: number;
    readonly vms: number;
    readonly evaluatedMoves: number;
    readonly seed: number;
    /** The step budget, of each try; a replay is exact with it. */
    readonly stepsGranted: number;
    /** Of all tries together: where hosts stay overloaded there are several. */
    readonly stepsUsed: number;
  };
}

export interface PlanResult {
  readonly plan: Plan;
  readonly report: PlanReport;
}

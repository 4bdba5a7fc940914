/**
 * Placement rules with their VMs and hosts already resolved (selectors live in policies). A rule
 * is `hard` or `soft`, and holds `always` (in every intermediate state of a plan) or `finally`
 * (only in the end); the distinction is BtrPlace's continuous and discrete restriction.
 */

import type { HostId, RuleId, VmId } from './ids.ts';
import type { Ratio } from './units.ts';

export const PLACEMENT_KINDS = [
  'affinity',
  'anti-affinity',
  'pin',
  'avoid',
  'among',
  'spread',
  'lonely',
  'licensed',
  'dependency',
  'preserve',
  'spare',
  'failover-reserve',
] as const;
export type PlacementKind = (typeof PLACEMENT_KINDS)[number];

interface RuleCommon {
  readonly id: RuleId;
  readonly strength: 'hard' | 'soft';
  readonly hold: 'always' | 'finally';
  /** Where the rule was written, for messages: "policies/web.yaml:12" or "fleet file". */
  readonly origin: string;
}

/** All of `vms` on one host (`over: 'host'`), or in one fault domain of the named kind. */
export interface AffinityRule extends RuleCommon {
  readonly kind: 'affinity';
  readonly vms: readonly VmId[];
  readonly over: string;
}

/** No two of `vms` on one host (`over: 'host'`), or in one fault domain of the named kind. */
export interface AntiAffinityRule extends RuleCommon {
  readonly kind: 'anti-affinity';
  readonly vms: readonly VmId[];
  readonly over: string;
}

/** Each of `vms` only on one of `hosts`. */
export interface PinRule extends RuleCommon {
  readonly kind: 'pin';
  readonly vms: readonly VmId[];
  readonly hosts: readonly HostId[];
}

/** None of `vms` on any of `hosts`. */
export interface AvoidRule extends RuleCommon {
  readonly kind: 'avoid';
  readonly vms: readonly VmId[];
  readonly hosts: readonly HostId[];
}

/** All of `vms` on hosts of one and the same set; no host is in two of them. */
export interface AmongRule extends RuleCommon {
  readonly kind: 'among';
  readonly vms: readonly VmId[];
  readonly sets: readonly (readonly HostId[])[];
}

/** `vms` in at least `minimum` fault domains of the named kind (`host`: hosts). */
export interface SpreadRule extends RuleCommon {
  readonly kind: 'spread';
  readonly vms: readonly VmId[];
  readonly over: string;
  readonly minimum: number;
}

/**
 * `vms` only on `hosts` (absent: on any), and on at most `maximum` of them at once: what licences
 * by the core or the host allow. `always`: a VM that moves is on both of its hosts, and who is in
 * flight may be on either.
 */
export interface LicensedRule extends RuleCommon {
  readonly kind: 'licensed';
  readonly vms: readonly VmId[];
  readonly hosts?: readonly HostId[] | undefined;
  readonly maximum: number;
}

/** No other VM runs on the hosts on which `vms` run. */
export interface LonelyRule extends RuleCommon {
  readonly kind: 'lonely';
  readonly vms: readonly VmId[];
}

/**
 * Each of `vms` that runs has another VM of `on` that runs with it on one host (`over: 'host'`),
 * or in one fault domain of the named kind. Who has none already may stay without, and may move.
 */
export interface DependencyRule extends RuleCommon {
  readonly kind: 'dependency';
  readonly vms: readonly VmId[];
  readonly on: readonly VmId[];
  readonly over: string;
}

/** So much of a resource: in its unit (bytes, threads), or as a share of the host's capacity. */
export type Room = { readonly amount: number } | { readonly share: Ratio };

interface HostRuleCommon extends RuleCommon {
  /** Always empty: it is about hosts, whoever runs there. */
  readonly vms: readonly VmId[];
  readonly hosts: readonly HostId[];
}

/**
 * Each of `hosts` keeps at least so much of its capacity free, or (`scope: 'all'`) all of them in
 * total: what those in service can hold, less what runs on any of them; a share is of that sum.
 * Absent: nothing is asked of it.
 */
export interface PreserveRule extends HostRuleCommon {
  readonly kind: 'preserve';
  /** Absent: each. */
  readonly scope?: 'each' | 'all' | undefined;
  readonly free: { readonly memory?: Room | undefined; readonly cpu?: Room | undefined };
}

/** `hosts` are kept empty; only mandatory moves (evacuations) may go there. */
export interface SpareRule extends HostRuleCommon {
  readonly kind: 'spare';
}

/**
 * After the loss of any `failures` of `hosts`, what runs on all of them has room on the others:
 * per resource (CPU, memory), the load of all is at most the sum of the limits (safety capacity)
 * of those in service without the `failures` largest. This is what VMware HA calls admission
 * control by a percentage of the cluster's resources, the percentage being that of the largest
 * hosts (vSphere Availability guide, "Cluster resource percentage"). It promises no more than that
 * one does: room can be scattered, so that a large VM fits into none of the gaps, and other rules
 * can be against a place. Mandatory moves may use what is reserved: that is what it is for.
 */
export interface FailoverReserveRule extends HostRuleCommon {
  readonly kind: 'failover-reserve';
  readonly failures: number;
}

/** Rules about what hosts hold, whoever the VMs are. */
export type HostRule = PreserveRule | SpareRule | FailoverReserveRule;

export type VmRule =
  | AffinityRule
  | AntiAffinityRule
  | PinRule
  | AvoidRule
  | AmongRule
  | SpreadRule
  | LonelyRule
  | LicensedRule
  | DependencyRule;

export type PlacementRule = VmRule | HostRule;

export function isHostRule(rule: PlacementRule): rule is HostRule {
  return rule.kind === 'preserve' || rule.kind === 'spare' || rule.kind === 'failover-reserve';
}

/** What a rule keeps free of a host's capacity, in the capacity's unit; it may be more than all. */
export function keptFree(room: Room | undefined, capacity: number): number {
  if (room === undefined) return 0;
  return 'share' in room ? room.share * capacity : room.amount;
}

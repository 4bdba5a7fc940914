/**
 * Placement rules with their VMs and hosts already resolved (selectors live in policies). A rule
 * is `hard` or `soft`, and holds `always` (in every intermediate state of a plan) or `finally`
 * (only in the end); the distinction is BtrPlace's continuous and discrete restriction.
 */

import type { HostId, RuleId, VmId } from './ids.ts';

export const PLACEMENT_KINDS = [
  'affinity',
  'anti-affinity',
  'pin',
  'avoid',
  'among',
  'spread',
  'lonely',
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

/** No other VM runs on the hosts on which `vms` run. */
export interface LonelyRule extends RuleCommon {
  readonly kind: 'lonely';
  readonly vms: readonly VmId[];
}

export type PlacementRule =
  | AffinityRule
  | AntiAffinityRule
  | PinRule
  | AvoidRule
  | AmongRule
  | SpreadRule
  | LonelyRule;

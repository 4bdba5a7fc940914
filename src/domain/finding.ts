/** What the rules (or an order) found: who needs what, why, since when, on which evidence. */

import type { FindingId, HostId, VmId } from './ids.ts';
import type { EpochSeconds, Ratio } from './units.ts';

/** In the order in which they are served. `mandatory` is never given up for cost. */
export const TIERS = ['mandatory', 'corrective', 'optional'] as const;
export type Tier = (typeof TIERS)[number];

export const FINDING_KINDS = [
  'overloaded',
  'failing',
  'maintenance',
  'evacuation-ordered',
  'host-down',
  'rule-broken',
  'imbalanced',
  'underused',
  'return-home',
  'notice',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** What is to be done about it. */
export const RESPONSES = [
  'relieve',
  'evacuate',
  'restart',
  'quarantine',
  'repair',
  'level',
  'consolidate',
  'return',
  'notify',
] as const;
export type Response = (typeof RESPONSES)[number];

/** One condition that held: fact, operator and threshold as written, and the value it met. */
export interface Evidence {
  readonly fact: string;
  readonly operator: string;
  readonly threshold: unknown;
  readonly value: unknown;
}

/** What started it: a rule of a policy, an alert, or a person. */
export type Trigger =
  | { readonly kind: 'rule'; readonly policy: string; readonly rule: string }
  | { readonly kind: 'alert'; readonly alert: string }
  | { readonly kind: 'operator'; readonly who: string }
  | { readonly kind: 'placement'; readonly rule: string };

export type Subject =
  | { readonly kind: 'host'; readonly host: HostId }
  | { readonly kind: 'vm'; readonly vm: VmId }
  | { readonly kind: 'fleet' };

export interface Finding {
  readonly id: FindingId;
  readonly kind: FindingKind;
  readonly response: Response;
  readonly tier: Tier;
  readonly subject: Subject;
  readonly trigger: Trigger;
  readonly since: EpochSeconds;
  readonly evidence: readonly Evidence[];
  /** For people, one sentence: "host h3: cpu p95 91 % > 85 % for 5 min". */
  readonly text: string;
  /** `relieve`: the utilisation to get below; undefined: the policy's safety capacity. */
  readonly relieveBelow: Ratio | undefined;
  /** Maintenance and evacuation: to be empty by then, if somebody said so. */
  readonly deadline: EpochSeconds | undefined;
}

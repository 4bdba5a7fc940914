/** The `resources` of a policy, as written: who an entry is about is still a selector. */

import type { VmMetric } from './metrics.ts';
import type { ResourceUnit } from './resource.ts';
import type { Selector } from './selector.ts';
import type { Ratio } from './units.ts';

/** Where an amount is read: written in the policy, or said by a label, an adapter, a metric. */
export type AmountSource =
  | { readonly kind: 'amount'; readonly amount: number }
  /** A number on the label, times `each`. */
  | { readonly kind: 'label'; readonly label: string; readonly each: number }
  /** By the adapter or the fleet file, under the resource's name. */
  | { readonly kind: 'declared' }
  | {
      readonly kind: 'metric';
      readonly metric: VmMetric;
      readonly statistic: 'last' | 'mean' | 'p95';
    };

/** What hosts have; of several the nearest selector decides, of equally near ones the least. */
export interface HostHas {
  /** Absent: all. */
  readonly hosts: Selector | undefined;
  /** Absent for CPU and memory, of which hosts have what they have. */
  readonly source: AmountSource | undefined;
  /** Absent: for CPU and memory as `limits` say, else all of it. */
  readonly safety: Ratio | undefined;
  /** Absent: for memory as `limits` say, else 1. */
  readonly overcommit: Ratio | undefined;
}

/** What VMs need; of several the nearest selector decides, of equally near ones the most. */
export interface VmNeeds {
  /** Absent: all. */
  readonly vms: Selector | undefined;
  readonly source: AmountSource;
  /** Taken where the source says nothing; absent: then it is unknown. */
  readonly ifUnknown: number | undefined;
}

/**
 * Two resources (`cpu`, `memory`, or one that the policy names) that are of use together only: what
 * it counts when hosts have them left in different proportions.
 */
export interface BalanceWeight {
  readonly resources: readonly [string, string];
  readonly weight: number;
}

/** A resource, or with the name `cpu` or `memory` only how far hosts are filled with that. */
export interface ResourceSpec {
  readonly name: string;
  readonly origin: string;
  readonly unit: ResourceUnit;
  readonly transient: boolean;
  readonly soft: boolean;
  readonly imbalance: number;
  readonly has: readonly HostHas[];
  readonly needs: readonly VmNeeds[];
}

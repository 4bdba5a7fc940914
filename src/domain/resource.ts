/**
 * Resources that a policy names beside CPU, memory and huge pages: network bandwidth, disk
 * throughput, GPU memory, licences. Resolved to hosts and VMs (rules/resources.ts), so that plan,
 * check and gate look at the same figures; each counts them in its own way.
 *
 * A host that is full of one takes no VM that needs it, as with memory. Unknown is never zero: a
 * VM of which nobody knows what it needs is not moved, and a host on which such a VM runs takes
 * nobody who needs the resource, unless the policy says what to take instead.
 *
 * While a VM moves, a transient resource is held on both of its hosts, as memory is. Any other is
 * counted only where the VM is going to run: the room that it leaves can be promised at once, and
 * its old host may hold a little too much until it is gone.
 */

import type { HostId, VmId } from './ids.ts';
import type { Ratio } from './units.ts';

export const RESOURCE_UNITS = ['number', 'bytes', 'bytes/s'] as const;
export type ResourceUnit = (typeof RESOURCE_UNITS)[number];

/** What is the planner's own; a policy can say of them only how far hosts are filled. */
export const ORDINARY_RESOURCES = ['cpu', 'memory'] as const;
export type OrdinaryResource = (typeof ORDINARY_RESOURCES)[number];

/** What one host has. */
export interface HostShare {
  /** What its guests may be given, overcommit included; >= 0, in the resource's unit. */
  readonly capacity: number;
  /** What no arrival may exceed, as a share of the capacity. */
  readonly safety: Ratio;
}

export interface Resource {
  readonly name: string;
  readonly unit: ResourceUnit;
  readonly transient: boolean;
  /** Who has to leave its host may go above the safety capacity; absent: nobody may. */
  readonly soft?: boolean | undefined;
  /** Whether needs are measured, and so go up and down between the plan and a move. */
  readonly measured: boolean;
  /** What the standard deviation of its use over the hosts counts in the objective. */
  readonly imbalance: number;
  /** Of a host that is not here nobody knows what it has: it takes nobody who needs it. */
  readonly hosts: ReadonlyMap<HostId, HostShare>;
  /** What each VM takes, powered off none. Of one that is not here nobody knows. */
  readonly vms: ReadonlyMap<VmId, number>;
}

/** How far one host is filled with CPU and memory, where that is not as `limits` say. */
export interface HostMargins {
  readonly safety: Readonly<Partial<Record<OrdinaryResource, Ratio>>>;
  readonly overcommitMemory?: Ratio | undefined;
}

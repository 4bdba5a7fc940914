/** What a simulated datacenter consists of before anything happens in it. Plain data. */

import type { RuleId, VmId } from '../domain/ids.ts';
import type { Storage } from '../domain/storage.ts';
import type { HostFacts, VmFacts } from '../ports/hypervisor.ts';
import type { LoadProfile } from './load-curve.ts';

/** A guest and how it behaves. `facts.host` is where it runs at first. */
export interface SimulatedVmSpec {
  readonly facts: VmFacts;
  readonly load: LoadProfile;
  /** Share of the configured memory that the guest has touched: what a first round sends. */
  readonly touchedShare: number;
  /** Share of the configured memory that it writes again and again. */
  readonly workingSetShare: number;
  /** Bytes that it dirties in a second when all its vCPUs are busy. */
  readonly dirtyRateBusy: number;
  /** Bytes a second, whatever its CPU does; absent: as much as its CPU is busy. */
  readonly traffic?: { readonly network?: number; readonly disk?: number } | undefined;
}

/** Guests that do the same work: no two of them should share a host. */
export interface SimulatedGroup {
  readonly id: RuleId;
  readonly vms: readonly VmId[];
}

export interface FleetSpec {
  /** Decides load curves, sensor noise and latencies. */
  readonly seed: number;
  /** Hosts may be `disconnected` from the start: then they are powered off. */
  readonly hosts: readonly HostFacts[];
  readonly vms: readonly SimulatedVmSpec[];
  readonly groups: readonly SimulatedGroup[];
  /** What is known of storages at first; of one that is not here nobody knows its room. */
  readonly storages?: readonly Storage[] | undefined;
  /** The storage locks disks: a host that boots starts no second copy of a guest that runs. */
  readonly storageLocks?: boolean | undefined;
}

/** A hypervisor host as Drover sees it at one moment. */

import type { HostCpu } from './cpu.ts';
import type { HostFailure } from './host-failure.ts';
import type { ClusterId, HostId, NetworkId, SiteId, SourceId, StorageId } from './ids.ts';
import type { MetricWindow } from './measured.ts';
import type { HostMetric } from './metrics.ts';
import type { HostMargins } from './resource.ts';
import type { Bytes, BytesPerSecond, EpochSeconds, Watts } from './units.ts';

/**
 * The ladder of host states. `quarantined` to `maintenance` take no VM in; a host in `maintenance`
 * takes nothing back until it is returned to service. `returning` is back in service: its VMs are
 * coming home, and others may come too.
 */
export const HOST_STATES = [
  'healthy',
  'warn',
  'quarantined',
  'draining',
  'evacuating',
  'maintenance',
  'returning',
] as const;
export type HostState = (typeof HOST_STATES)[number];

/** Whether the hypervisor answers for this host. Not a state of the ladder: both can be true. */
export type Connection = 'connected' | 'disconnected';

export const HYPERVISOR_KINDS = [
  'simulated',
  'kvm',
  'xen',
  'vsphere',
  'hyperv',
  'proxmox',
  'openstack',
] as const;
export type HypervisorKind = (typeof HYPERVISOR_KINDS)[number];

export interface HypervisorInfo {
  readonly kind: HypervisorKind;
  /** As printed by the hypervisor, numbers first ("10.0.2"); compared part by part. */
  readonly version: string;
  /** Machine types that can be started here. Undefined where the hypervisor has none. */
  readonly machineTypes: readonly string[] | undefined;
}

export const HEALTH_COMPONENTS = [
  'memory',
  'disk',
  'nic',
  'power',
  'fan',
  'temperature',
  'cpu',
  'storage',
  'connection',
] as const;
export type HealthComponent = (typeof HEALTH_COMPONENTS)[number];
export const HEALTH_LEVELS = ['ok', 'warning', 'critical'] as const;
export type HealthLevel = (typeof HEALTH_LEVELS)[number];

/** One judgement about one part of a host, by a sensor or an exporter. */
export interface HealthSignal {
  readonly component: HealthComponent;
  /** Which of the source's sensors says so; absent: it has one for the component. */
  readonly sensor?: string | undefined;
  readonly level: HealthLevel;
  /** What was seen, for people: "4 uncorrected memory errors in 1 h on mc0". */
  readonly detail: string;
  readonly at: EpochSeconds;
  readonly source: SourceId;
}

/** One that tells nothing any more. */
export interface SilentSensor {
  readonly component: HealthComponent;
  /** As its signals named it; empty: its source has one for the component. */
  readonly sensor: string;
}

/** An alert of an alerting system that names this host and still fires. */
export interface FiringAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly since: EpochSeconds;
}

export interface HostMemory {
  readonly totalBytes: Bytes;
  /** Not for guests: the host's own system and the operator's reserve. */
  readonly reservedBytes: Bytes;
  /** Huge pages of each size, a resource of their own. */
  readonly hugePages: readonly { readonly pageBytes: Bytes; readonly totalBytes: Bytes }[];
}

/** A device that a guest can be bound to (passed-through PCI, SR-IOV, GPU, USB). */
export interface Device {
  readonly kind: 'pci' | 'usb' | 'mdev' | 'sriov' | 'vdpa' | 'other';
  readonly id: string;
}

/** In `Host.copiesTo`: every disk that is not named there. */
export const ANY_DISK = '*';

/** The link of a switch to all others, which the hosts behind it share. */
export interface Uplink {
  readonly id: string;
  /** What one direction of it carries. */
  readonly bandwidth: BytesPerSecond;
}

export interface Host {
  readonly id: HostId;
  readonly name: string;
  readonly source: SourceId;
  readonly site: SiteId | undefined;
  readonly cluster: ClusterId | undefined;
  /** Fault domains by kind: {"rack": "r4", "power": "feed-b"}. */
  readonly faultDomains: Readonly<Record<string, string>>;
  readonly state: HostState;
  readonly connection: Connection;
  /**
   * Only in what is planned, where several controllers share the fleet: it takes nothing in because
   * it is not this controller's to act on. Absent: it is.
   */
  readonly actedOnElsewhere?: true | undefined;
  /** Whether its platform has it in maintenance mode; absent: not known, or it has no such mode. */
  readonly inMaintenanceMode?: boolean | undefined;
  /** Absent: nothing is wrong with it as a whole, as far as anybody knows. */
  readonly failure?: HostFailure | undefined;
  readonly cpu: HostCpu;
  readonly memory: HostMemory;
  readonly networks: readonly NetworkId[];
  readonly storages: readonly StorageId[];
  /**
   * Where disks go that a move copies here, by a name that they go by (`VmDisk.copyNames`), or
   * {@link ANY_DISK}; no entry for a disk: it cannot be copied here. Absent: nobody says.
   */
  readonly copiesTo?: Readonly<Record<string, StorageId>> | undefined;
  /** What one direction of the migration link carries. */
  readonly migrationBandwidth: BytesPerSecond;
  /** Absent: not known, or wide enough for all that the hosts behind it can send. */
  readonly uplink?: Uplink | undefined;
  /**
   * Something else moves VMs of this host by itself (a native balancer of its platform), for
   * people; absent: nothing is known to.
   */
  readonly balancedBy?: string | undefined;
  /**
   * Guests that are there, for people, and of which no VM of the snapshot tells: they cannot be
   * described, or run elsewhere, too. Such a host is not empty, and what they need nobody knows:
   * nothing goes there. Absent: there are none.
   */
  readonly unlistedGuests?: readonly string[] | undefined;
  readonly devices: readonly Device[];
  readonly hypervisor: HypervisorInfo;
  readonly power: { readonly idle: Watts; readonly peak: Watts } | undefined;
  readonly health: readonly HealthSignal[];
  /**
   * They told of a fault before they fell silent: how their components do is not known. Absent: of
   * all that was bad something is told.
   */
  readonly silentSensors?: readonly SilentSensor[] | undefined;
  readonly alerts: readonly FiringAlert[];
  readonly labels: Readonly<Record<string, string>>;
  /** What its adapter says that it has of resources by name (a policy's `resources`). */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  /** Where a policy wants it filled otherwise than the others. */
  readonly margins?: HostMargins | undefined;
  /** A metric that is absent here was never seen. */
  readonly metrics: Readonly<Partial<Record<HostMetric, MetricWindow>>>;
}

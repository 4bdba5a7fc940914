/** A virtual machine as Drover sees it at one moment. */

import type { GuestCpu } from './cpu.ts';
import type { Device } from './host.ts';
import type { HostId, NetworkId, SourceId, StorageId, VmId } from './ids.ts';
import type { MetricWindow } from './measured.ts';
import type { VmMetric } from './metrics.ts';
import type { OwnVm } from './own-vm.ts';
import type { Bytes } from './units.ts';

/** Most important first: this is the order in which VMs are made safe. */
export const CRITICALITIES = ['mission-critical', 'business', 'standard', 'best-effort'] as const;
export type Criticality = (typeof CRITICALITIES)[number];

/** What Drover may do to a VM; each level includes those before it. */
export const PERMISSIONS = ['observe', 'live', 'cold', 'restart'] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Whether somebody with the permission `given` may have done what asks for `needed`. */
export function covers(given: Permission, needed: Permission): boolean {
  return PERMISSIONS.indexOf(given) >= PERMISSIONS.indexOf(needed);
}

export const POWER_STATES = ['running', 'paused', 'off', 'crashed', 'unknown'] as const;
export type PowerState = (typeof POWER_STATES)[number];

export interface VmDisk {
  readonly storage: StorageId;
  /** 0: nobody says. */
  readonly bytes: Bytes;
  /** True when every host that reaches the storage sees the same data. */
  readonly shared: boolean;
  /**
   * By which hosts choose where a copy goes (`Host.copiesTo`), best first; absent: its storage;
   * empty: it cannot be copied.
   */
  readonly copyNames?: readonly string[] | undefined;
  /** Room that a copy has to find; absent: `bytes`. */
  readonly copyBytes?: Bytes | undefined;
}

export const MEDIUM_KINDS = ['cdrom', 'floppy'] as const;

/** What lies in a removable drive of the guest, its own or the host's; an empty drive has none. */
export interface VmMedium {
  readonly kind: (typeof MEDIUM_KINDS)[number];
  /** By which people know it: the file of an image, the device of a host's drive. */
  readonly name: string;
  readonly storage: StorageId;
  /** True when every host that reaches the storage sees the same medium. */
  readonly shared: boolean;
}

/** Where state lies that has to go along: a shared place, or a file on the host itself. */
export type StatePlace = 'none' | 'local' | 'shared';

export interface Firmware {
  readonly kind: 'bios' | 'uefi' | 'unknown';
  readonly nvram: StatePlace;
  readonly tpm: StatePlace;
}

export interface VmDevice extends Device {
  /** False for a passed-through device that live migration cannot take along. */
  readonly migratable: boolean;
}

export interface Vm {
  readonly id: VmId;
  readonly name: string;
  readonly source: SourceId;
  readonly host: HostId;
  readonly vcpus: number;
  /** Configured memory: what has to fit, whatever the guest uses at the moment. */
  readonly memoryBytes: Bytes;
  /** What the hypervisor itself needs beside the guest's memory (the adapter's figure). */
  readonly overheadBytes: Bytes;
  /** Size of the huge pages that back the memory; undefined: ordinary pages. */
  readonly hugePageBytes: Bytes | undefined;
  readonly cpu: GuestCpu;
  readonly machineType: string | undefined;
  readonly firmware: Firmware;
  readonly confidential: 'none' | 'sev' | 'tdx' | 'other';
  readonly disks: readonly VmDisk[];
  /** Never copied along: the target has to see it. Absent: none is in any drive. */
  readonly media?: readonly VmMedium[] | undefined;
  readonly networks: readonly NetworkId[];
  readonly devices: readonly VmDevice[];
  readonly powerState: PowerState;
  readonly criticality: Criticality;
  readonly permission: Permission;
  /** How often what it would usually cost a move of it is taken to cost (> 0); absent: once. */
  readonly moveFactor?: number | undefined;
  /** Drover itself stands on it; absent: it does not. */
  readonly own?: OwnVm | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** What its adapter says that it needs of resources by name (a policy's `resources`). */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  /** Why the policy does not let it be started elsewhere when its host is dead; absent: it may. */
  readonly noRestart?: string | undefined;
  /**
   * Why nobody knows any more that it is where it is listed (its host is silent, and nobody looked
   * for days): it is not restarted before a person has looked. Absent: it is known.
   */
  readonly unwatched?: string | undefined;
  /** The other automation that owns this VM's placement (HA, a native balancer), if any. */
  readonly managedBy: string | undefined;
  /** True when the hypervisor says that something else holds the VM (backup, snapshot). */
  readonly locked: boolean;
  /** A metric that is absent here was never seen. To be read by name only (window-rows.ts). */
  readonly metrics: Readonly<Partial<Record<VmMetric, MetricWindow | undefined>>>;
}

/** Of a host that does not answer libvirt's guests are `unknown`, and may run all the same. */
export function mayRun({ powerState }: Pick<Vm, 'powerState'>): boolean {
  return powerState === 'running' || powerState === 'unknown';
}

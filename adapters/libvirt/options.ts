/**
 * What operators configure about a libvirt source. Plain numbers in code units; the names carry
 * the unit. Unknown keys are refused, so that a misspelt one is not silently without effect.
 */

import { z } from 'zod';

import { isIdText } from '../../src/domain/ids.ts';
import { GIB, MIB } from '../../src/domain/units.ts';
import type { OptionProblem } from '../adapter.ts';

const id = z.string().refine(isIdText, 'expected 1 to 256 characters, no control characters');
const seconds = z.number().positive();
const amount = z.number().nonnegative();

const host = z.strictObject({
  /** Default: the host name in `uri`. */
  id: id.optional(),
  /** Default: the id. */
  name: z.string().min(1).optional(),
  /** How Drover reaches the daemon: qemu+tls://h1/system, qemu+ssh://…, qemu+unix://…?socket=. */
  uri: z.string().regex(/^[a-z]+(\+[a-z]+)?:\/\/\S*$/, 'expected a libvirt URI'),
  /** How the other hosts' daemons reach it. Default: `uri`. */
  migrateUri: z.string().min(1).optional(),
  /** Where memory is sent (tcp://10.0.0.11): the migration network. Default: libvirt's choice. */
  dataUri: z.string().min(1).optional(),
  /** Where disks are sent (tcp://10.0.0.11); with a port, one guest at a time. Default: dataUri. */
  disksUri: z
    .string()
    .regex(/^tcp:\/\/\S+$/, 'expected tcp://HOST or tcp://HOST:PORT')
    .optional(),
  /**
   * With `tls`: the host name in this host's certificate, where it is not what libvirt or `dataUri`
   * send the data to, such as an address of the migration network. Takes libvirt 6.0.
   */
  tlsName: z.string().min(1).optional(),
  /** The pool for disks of arriving guests. Default: of the same folder, or of the same name. */
  diskPool: z.string().min(1).optional(),
  site: id.optional(),
  cluster: id.optional(),
  faultDomains: z.record(z.string(), z.string()).default({}),
  labels: z.record(z.string(), z.string()).default({}),
  /** What the host's own system keeps for itself. */
  reservedMemoryBytes: amount.default(GIB),
  /** One direction of the migration link. Default: 1 Gbit/s. */
  migrationBandwidthBytesPerSecond: z.number().positive().default(125_000_000),
  /** The uplink of its switch, which the hosts behind it share. Default: never in the way. */
  uplink: z.strictObject({ id, bandwidthBytesPerSecond: z.number().positive() }).optional(),
  /** Speed of one thread relative to the fleet's reference. */
  coreSpeed: z.number().positive().default(1),
  power: z.strictObject({ idleWatts: amount, peakWatts: amount }).optional(),
  /** Networks beyond those that libvirt reports: bridge:br0, network:default, direct:eth1. */
  networks: z.array(id).default([]),
  /** Storages beyond the shared ones and those that libvirt reports. */
  storages: z.array(id).default([]),
});

const sharedStorage = z.strictObject({
  id,
  /** Folders that show the same files on all of its hosts (NFS, CephFS, GFS2, …). */
  paths: z.array(z.string().startsWith('/')).default([]),
  /** Network disks, by protocol and the first part of the name: "rbd:vms". */
  networkDisks: z.array(z.string().regex(/^[a-z]+:.+$/, 'expected protocol:name')).default([]),
  /** Ids of the hosts that reach it. Default: all. */
  hosts: z.array(id).optional(),
});

const defaults = {
  keepAlive: { intervalSeconds: 5, count: 3 },
  cold: { shutdownSeconds: 180, force: false },
  // Page tables take 8 bytes for each 4 KiB page; the rest is QEMU with its usual devices
  // (97 MiB beyond the guest's memory were seen under emulation).
  overhead: { fixedBytes: 96 * MIB, perVcpuBytes: 8 * MIB, memoryShare: 1 / 512 },
};

/** Parser of the source's options. */
export const libvirtOptions = z.strictObject({
  hosts: z.array(host).min(1, 'expected at least one host'),
  /** Networks that all hosts have, beyond those that libvirt reports. */
  networks: z.array(id).default([]),
  sharedStorages: z.array(sharedStorage).default([]),
  /**
   * Whose CPU time is the host's: the machine's, or the sum of its guests', where several hosts
   * share one machine (a lab). Steal time is not reported then: it is the machine's.
   */
  cpuFrom: z.enum(['node', 'domains']).default('node'),
  /** The machine's memory, or that of its guests and `reservedMemoryBytes`. */
  memoryFrom: z.enum(['node', 'domains']).default('node'),
  /** Longest wait for one answer. */
  callSeconds: seconds.default(10),
  /** Longest wait until a migration that was ordered is seen to run. */
  startSeconds: seconds.default(30),
  keepAlive: z
    .strictObject({ intervalSeconds: z.int().positive(), count: z.int().positive() })
    .default(defaults.keepAlive),
  /** Migration data over TLS; needs certificates for QEMU on all hosts. */
  tls: z.boolean().default(false),
  cold: z
    .strictObject({
      /** How long a guest may take to shut down. */
      shutdownSeconds: seconds.default(defaults.cold.shutdownSeconds),
      /** Then cut its power; otherwise the move fails and the guest runs on. */
      force: z.boolean().default(defaults.cold.force),
    })
    .default(defaults.cold),
  /** Let libvirt sample how fast guests dirty memory; off where absent. */
  dirtyRate: z
    .strictObject({ everySeconds: seconds, measureSeconds: z.int().min(1).max(60) })
    .optional(),
  /**
   * Guests that see vmx or svm: whether they count as running guests of their own. QEMU itself
   * refuses to migrate one whose nested state cannot go along.
   */
  nestedGuests: z.enum(['movable', 'pinned']).default('movable'),
  overhead: z
    .strictObject({
      fixedBytes: amount.default(defaults.overhead.fixedBytes),
      perVcpuBytes: amount.default(defaults.overhead.perVcpuBytes),
      memoryShare: amount.default(defaults.overhead.memoryShare),
    })
    .default(defaults.overhead),
});

export type LibvirtOptions = z.output<typeof libvirtOptions>;
export type LibvirtOptionsInput = z.input<typeof libvirtOptions>;
export type HostOptions = LibvirtOptions['hosts'][number];

/** What the schema cannot say: every host has an id, and no two the same. */
export function optionProblems(options: LibvirtOptions): OptionProblem[] {
  const seen = new Set<string>();
  return options.hosts.flatMap((host, index): OptionProblem[] => {
    const id = hostIdText(host);
    if (id === undefined) {
      const message = 'the URI names no host';
      return [{ path: ['hosts', index, 'id'], message, expected: 'an id' }];
    }
    if (seen.has(id)) {
      const message = `another host has the id ${id}, too`;
      return [{ path: ['hosts', index, 'id'], message, expected: 'an id of its own' }];
    }
    seen.add(id);
    return [];
  });
}

/** The id under which a host appears; undefined where neither an id nor a host name was given. */
export function hostIdText(options: HostOptions): string | undefined {
  if (options.id !== undefined) return options.id;
  const name = URL.canParse(options.uri) ? new URL(options.uri).hostname : '';
  return name === '' ? undefined : name;
}

/** Which refusals no moves of other VMs undo: proofs may rely on them (proof.ts). */

import type { RefusalCode } from '../domain/refusal.ts';

/** Reasons that do not go away when other VMs are moved. */
export const LASTING: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'quarantined',
  'other-controller',
  'disconnected',
  'other-source',
  'own-leases',
  'vcpus',
  'arch',
  'cpu-unknown',
  'cpu-vendor',
  'cpu-features',
  'cpu-passthrough',
  'machine-type',
  'hypervisor-version',
  'hypervisor-kind',
  'firmware',
  'tsc',
  'nested',
  'confidential',
  'device',
  'media',
  'network',
  'storage',
  'pin',
  'avoid',
  'spare',
  'permission',
  'managed-elsewhere',
  'locked',
  'power-state',
  'in-flight',
  'stale-metrics',
  'resource-unknown',
  'cool-down',
  'method-unsupported',
  'world-moved-on',
]);

/** Of one host that falls short: what is said must name the host, not only the figures. */
export const OF_THE_HOST: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'memory',
  'cpu',
  'huge-pages',
  'resource',
  'preserve',
]);

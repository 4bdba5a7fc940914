/**
 * The metrics that Drover understands, per host and per VM: name, unit, and the bound above which
 * a sample is implausible. Adapters and metric stores report in these names and units only.
 */

/** `capacity`: what bounds a plausible sample from above; `none`: only finite and >= 0. */
export interface MetricInfo {
  readonly unit: 'cores' | 'bytes' | 'bytes/s' | 'ratio' | 'celsius' | 'watts';
  readonly bound: 'host-threads' | 'host-memory' | 'vm-vcpus' | 'vm-memory' | 'one' | 'none';
  readonly doc: string;
}

export const HOST_METRICS = {
  'cpu.used': { unit: 'cores', bound: 'host-threads', doc: 'hardware threads busy' },
  'memory.used': { unit: 'bytes', bound: 'host-memory', doc: 'memory in use, caches excluded' },
  'network.used': { unit: 'bytes/s', bound: 'none', doc: 'received plus sent, physical NICs' },
  'psi.cpu.some': { unit: 'ratio', bound: 'one', doc: 'CPU pressure stall (some), avg over 60 s' },
  'psi.memory.some': { unit: 'ratio', bound: 'one', doc: 'memory pressure stall (some)' },
  'psi.memory.full': { unit: 'ratio', bound: 'one', doc: 'memory pressure stall (full)' },
  'psi.io.some': { unit: 'ratio', bound: 'one', doc: 'I/O pressure stall (some)' },
  temperature: { unit: 'celsius', bound: 'none', doc: 'hottest CPU package or inlet sensor' },
  'power.used': { unit: 'watts', bound: 'none', doc: 'power drawn' },
} as const satisfies Record<string, MetricInfo>;
export type HostMetric = keyof typeof HOST_METRICS;

export const VM_METRICS = {
  'cpu.used': { unit: 'cores', bound: 'vm-vcpus', doc: 'CPU time used by the guest' },
  'cpu.steal': {
    unit: 'cores',
    bound: 'vm-vcpus',
    doc: 'CPU time that the guest was ready to use and did not get (steal, ready time)',
  },
  'memory.used': { unit: 'bytes', bound: 'vm-memory', doc: 'memory in use inside the guest' },
  'memory.dirty': { unit: 'bytes/s', bound: 'none', doc: 'rate at which the guest dirties memory' },
  'network.used': { unit: 'bytes/s', bound: 'none', doc: 'received plus sent' },
  'disk.used': { unit: 'bytes/s', bound: 'none', doc: 'read plus written' },
} as const satisfies Record<string, MetricInfo>;
export type VmMetric = keyof typeof VM_METRICS;

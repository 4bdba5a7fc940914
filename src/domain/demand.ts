/**
 * What a VM needs and what a host has. Every room that compares the two uses these functions, so
 * that "full" means the same everywhere. Unknown demand stays unknown: the caller decides.
 */

import type { Host } from './host.ts';
import { type Measured, known, missing } from './measured.ts';
import { type Bytes, type Cores, type Ratio, bytes, cores, seconds } from './units.ts';
import type { Vm } from './vm.ts';

/** Which part of a metric's window the demand is taken from. */
export type DemandStatistic = 'last' | 'mean' | 'p95';

/**
 * The CPU that the VM would use without contention: min(used + steal, vCPUs), in busy hardware
 * threads of the host it runs on (times that host's coreSpeed it compares between hosts). A VM
 * that is powered off uses none. Where no source reports steal, used stands alone; a steal that
 * was there and is not any more (stale, implausible, …) makes the demand unknown.
 */
export function cpuDemand(vm: Vm, statistic: DemandStatistic = 'mean'): Measured {
  if (vm.powerState === 'off') return known(0, seconds(0));
  const used = vm.metrics['cpu.used']?.[statistic] ?? missing('never-seen');
  if (used.kind === 'missing') return used;
  const steal = vm.metrics['cpu.steal']?.[statistic] ?? missing('unsupported');
  if (steal.kind === 'missing') {
    const absent = steal.reason === 'unsupported' || steal.reason === 'never-seen';
    return absent ? bounded(used.value, vm.vcpus, used) : steal;
  }
  const older = used.ageSeconds >= steal.ageSeconds ? used : steal;
  return bounded(used.value + steal.value, vm.vcpus, older);
}

function bounded(value: number, most: number, like: Measured & { kind: 'known' }): Measured {
  if (!Number.isFinite(value) || value < 0) return missing('implausible');
  return known(Math.min(value, most), like.ageSeconds);
}

/**
 * Ordinary memory that the VM takes on a host: configured memory plus the hypervisor's overhead,
 * whatever the guest uses at the moment. Memory backed by huge pages is a resource of its own
 * ({@link hugePageNeed}): of such a VM only the overhead counts here. Off: nothing.
 */
export function memoryNeed(vm: Vm): Bytes {
  if (vm.powerState === 'off') return bytes(0);
  const configured = vm.hugePageBytes === undefined ? vm.memoryBytes : 0;
  return bytes(configured + vm.overheadBytes);
}

/** The huge pages that the VM takes, in bytes and whole pages; undefined: it uses none. */
export function hugePageNeed(
  vm: Vm,
): { readonly pageBytes: Bytes; readonly bytes: Bytes } | undefined {
  if (vm.hugePageBytes === undefined || vm.powerState === 'off') return undefined;
  const pages = Math.ceil(vm.memoryBytes / vm.hugePageBytes);
  return { pageBytes: vm.hugePageBytes, bytes: bytes(pages * vm.hugePageBytes) };
}

/**
 * Ordinary memory that guests may be given: (total - reserved - huge pages) × overcommit, >= 0.
 * Huge pages are set aside from the total and are never overcommitted.
 */
export function memoryCapacity(host: Host, overcommit: Ratio): Bytes {
  const huge = host.memory.hugePages.reduce((sum, pool) => sum + pool.totalBytes, 0);
  const ordinary = host.memory.totalBytes - host.memory.reservedBytes - huge;
  return bytes(Math.max(0, ordinary) * overcommit);
}

/** Huge pages of one size that the host has, in bytes; 0 where it has none of that size. */
export function hugePageCapacity(host: Host, pageBytes: Bytes): Bytes {
  const pools = host.memory.hugePages.filter((pool) => pool.pageBytes === pageBytes);
  return bytes(pools.reduce((sum, pool) => sum + pool.totalBytes, 0));
}

/** CPU of the host in threads of the fleet's reference speed: threads × coreSpeed. */
export function cpuCapacity(host: Host): Cores {
  return cores(host.cpu.threads * host.cpu.coreSpeed);
}

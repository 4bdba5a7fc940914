// Role: translates a fleet of the neutral benchmark (`vmbal-snapshot/1`) into a Drover fleet file,
// so that `drover plan --fleet` can be judged on the same fleets. It names what the benchmark
// knows and leaves the rest to the fleet file's own defaults.
import type { CpuVendor } from '../../src/domain/cpu.ts';
import { MIB } from '../../src/domain/units.ts';
import { type VmbalSnapshot, criticalityOf } from './vmbal.ts';

/** What every host of a vendor offers and every guest there sees: the judge compares vendors. */
const BASELINE = ['baseline'];
const BITS_PER_BYTE = 8;

export function toFleetFile(fleet: VmbalSnapshot): object {
  const vendors = new Map<string, CpuVendor>(fleet.hosts.map((host) => [host.id, host.cpuVendor]));
  const used = new Map<string, number>();
  for (const vm of fleet.vms) used.set(vm.host, (used.get(vm.host) ?? 0) + vm.cpuUsedCores);
  return {
    apiVersion: 'drover/v1',
    kind: 'Fleet',
    defaults: { cpu: { vendor: 'intel', features: BASELINE } },
    hosts: fleet.hosts.map((host) => ({
      id: host.id,
      cores: host.cpuCores,
      threads: host.cpuCores,
      memory: {
        totalBytes: host.memMiB * MIB,
        reservedBytes: host.memReservedMiB * MIB,
      },
      cpu: { vendor: host.cpuVendor, features: BASELINE },
      ...(host.rack === undefined ? {} : { faultDomains: { rack: host.rack } }),
      migrationBandwidth: (host.netGbps * 1e9) / BITS_PER_BYTE,
      // The sum over the guests can be a hair above the cores, which is no plausible measurement.
      cpuUsed: Math.min(used.get(host.id) ?? 0, host.cpuCores),
    })),
    vms: fleet.vms.map((vm) => ({
      id: vm.id,
      host: vm.host,
      vcpus: vm.vcpus,
      memoryBytes: vm.memMiB * MIB,
      cpu: { mode: 'named', vendor: vendors.get(vm.host) ?? 'intel', features: BASELINE },
      criticality: criticalityOf(vm.priority),
      permission: 'live',
      cpuUsed: vm.cpuUsedCores,
      dirtyRate: vm.dirtyMiBps * MIB,
    })),
    placement: {
      rules: fleet.antiAffinity.map(({ id, hard, vms }) => ({
        id,
        kind: 'anti-affinity',
        strength: hard ? 'hard' : 'soft',
        hold: 'always',
        vms,
        over: 'host',
      })),
    },
  };
}

// Role: small simulated datacenters for tests: a few equal hosts, a few equal guests.
import { hostId, networkId, sourceId, storageId, vmId } from '../../src/domain/ids.ts';
import type { HostId, VmId } from '../../src/domain/ids.ts';
import { bytes, bytesPerSecond, GIB, MIB, ratio } from '../../src/domain/units.ts';
import type { HostFacts, VmFacts } from '../../src/ports/hypervisor.ts';
import { CPU_GENERATIONS, type CpuGeneration } from '../../src/simulate/cpu-catalogue.ts';
import type { SimulatedVmSpec } from '../../src/simulate/fleet-spec.ts';
import { LOAD_PROFILES } from '../../src/simulate/load-curve.ts';

export const SAN = storageId('san');
const LAN = networkId('lan');
/** 10 Gbit/s. */
export const LINK = bytesPerSecond(1.25e9);

export function simHost(
  name: string,
  cpu: CpuGeneration = CPU_GENERATIONS.intel[0],
  facts: Partial<HostFacts> = {},
): HostFacts {
  const { vendor, model, level, features } = cpu;
  const id = hostId(name);
  return {
    id,
    name,
    source: sourceId('simulated'),
    site: undefined,
    cluster: undefined,
    faultDomains: {},
    connection: 'connected',
    cpu: {
      arch: 'x86_64',
      vendor,
      model,
      level,
      features,
      sockets: 1,
      cores: 8,
      threads: 16,
      coreSpeed: ratio(1),
      baseline: undefined,
    },
    memory: { totalBytes: bytes(64 * GIB), reservedBytes: bytes(2 * GIB), hugePages: [] },
    networks: [LAN],
    storages: [SAN],
    migrationBandwidth: LINK,
    devices: [],
    hypervisor: { kind: 'simulated', version: '1.0.0', machineTypes: ['sim-1'] },
    power: undefined,
    labels: {},
    ...facts,
  };
}

/** 4 GiB, of which 2 are touched and 400 MiB written again and again at 20 MiB/s a busy vCPU. */
export function simVm(
  name: string,
  host: string,
  cpu: CpuGeneration = CPU_GENERATIONS.intel[0],
  details: Omit<Partial<SimulatedVmSpec>, 'facts'> & { facts?: Partial<VmFacts> } = {},
): SimulatedVmSpec {
  const { vendor, model, features } = cpu;
  return {
    load: LOAD_PROFILES.application,
    touchedShare: 0.5,
    workingSetShare: 0.1,
    dirtyRateBusy: 40 * MIB,
    ...details,
    facts: {
      id: vmId(name),
      name,
      source: sourceId('simulated'),
      host: hostId(host),
      vcpus: 2,
      memoryBytes: bytes(4 * GIB),
      overheadBytes: bytes(128 * MIB),
      hugePageBytes: undefined,
      cpu: {
        mode: 'named',
        vendor,
        model,
        features,
        baseline: undefined,
        invariantTsc: false,
        nested: false,
      },
      machineType: 'sim-1',
      firmware: { kind: 'bios', nvram: 'none', tpm: 'none' },
      confidential: 'none',
      disks: [{ storage: SAN, bytes: bytes(20 * GIB), shared: true }],
      networks: [LAN],
      devices: [],
      powerState: 'running',
      labels: {},
      managedBy: undefined,
      locked: false,
      ...details.facts,
    },
  };
}

export function h(name: string): HostId {
  return hostId(name);
}

export function v(name: string): VmId {
  return vmId(name);
}

// Role: the simulated datacenter as a world for the contract suite, in virtual time.
import { hostId, networkId, sourceId, storageId, vmId } from '../../src/domain/ids.ts';
import type { HostId } from '../../src/domain/ids.ts';
import { bytes, bytesPerSecond, GIB, MIB, ratio, seconds } from '../../src/domain/units.ts';
import type { HostFacts, VmFacts } from '../../src/ports/hypervisor.ts';
import { CPU_GENERATIONS, type CpuGeneration } from '../../src/simulate/cpu-catalogue.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { FleetSpec, SimulatedVmSpec } from '../../src/simulate/fleet-spec.ts';
import { LOAD_PROFILES } from '../../src/simulate/load-curve.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { virtualClock } from '../support/virtual-time.ts';
import type { ContractWorld } from './contract-world.ts';

const SAN = storageId('san');
const LAN = networkId('lan');
const [OLD, NEW] = CPU_GENERATIONS.intel;
const HOSTS = [hostId('host-a'), hostId('host-b')] as const;
const OTHER = hostId('host-old');
const VMS = [vmId('vm-1'), vmId('vm-2')] as const;
const MISFIT = vmId('vm-new');
const BUSY_BANDWIDTH = bytesPerSecond(40 * MIB);

export async function simulatedWorld(): Promise<ContractWorld> {
  const clock = virtualClock();
  const datacenter = new SimulatedDatacenter(smallFleet(), clock);
  const hypervisor = new SimulatedHypervisor({ datacenter, clock });
  return {
    hypervisor,
    clock,
    hosts: HOSTS,
    vms: VMS,
    misfit: { vm: MISFIT, host: OTHER, code: 'cpu-features' },
    busyBandwidth: BUSY_BANDWIDTH,
    run: (body) => clock.run(body),
    async settle() {
      for (const kind of ['control-cut', 'link', 'dirty-rate', 'host-crash'] as const) {
        datacenter.heal(kind);
      }
      await clock.sleep(seconds(300));
    },
    async truth(vm) {
      const { runningOn, definedOn, boots } = datacenter.truth.whereabouts(vm);
      return { runningOn, definedOn, boot: String(boots) };
    },
    secondClient: async () => new SimulatedHypervisor({ datacenter, clock }),
    async setBusy(vm, busy) {
      datacenter.heal('dirty-rate');
      const rate = busy ? 400 * MIB : 0;
      datacenter.inject({ kind: 'dirty-rate', vm, bytesPerSecond: rate, forSeconds: Infinity });
    },
    async moveByHand(vm, to) {
      datacenter.inject({ kind: 'drift', vm, to });
    },
    async cutControl(host) {
      datacenter.inject({ kind: 'control-cut', host, forSeconds: Infinity });
    },
    async restoreControl(host) {
      datacenter.heal('control-cut', host);
    },
    async cutMigrationLink() {
      for (const host of HOSTS) {
        datacenter.inject({ kind: 'link', host, factor: 0, forSeconds: Infinity });
      }
    },
    async restoreMigrationLink() {
      datacenter.heal('link');
    },
    async dispose() {},
  };
}

function smallFleet(): FleetSpec {
  return {
    seed: 7,
    hosts: [host(HOSTS[0], NEW), host(HOSTS[1], NEW), host(OTHER, OLD)],
    vms: [vm(VMS[0], HOSTS[0], OLD), vm(VMS[1], HOSTS[1], OLD), vm(MISFIT, HOSTS[0], NEW)],
    groups: [],
  };
}

function host(id: HostId, cpu: CpuGeneration): HostFacts {
  const { vendor, model, level, features } = cpu;
  return {
    id,
    name: id,
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
    migrationBandwidth: bytesPerSecond(1.25e9),
    devices: [],
    hypervisor: { kind: 'simulated', version: '1.0.0', machineTypes: ['sim-1'] },
    power: undefined,
    labels: {},
  };
}

function vm(id: VmFacts['id'], at: HostId, cpu: CpuGeneration): SimulatedVmSpec {
  const { vendor, model, features } = cpu;
  return {
    facts: {
      id,
      name: id,
      source: sourceId('simulated'),
      host: at,
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
    },
    load: LOAD_PROFILES.application,
    touchedShare: 0.5,
    workingSetShare: 0.1,
    dirtyRateBusy: 20 * MIB,
  };
}

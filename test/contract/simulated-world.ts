// Role: the simulated datacenter as a world for the contract suite, in virtual time.
import { hostId, type HostId, moveId, storageId, vmId, type VmId } from '../../src/domain/ids.ts';
import { bytes, bytesPerSecond, GIB, MIB, seconds } from '../../src/domain/units.ts';
import type { HostFacts } from '../../src/ports/hypervisor.ts';
import { CPU_GENERATIONS, type CpuGeneration } from '../../src/simulate/cpu-catalogue.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { BreakStage } from '../../src/simulate/fault.ts';
import type { FleetSpec } from '../../src/simulate/fleet-spec.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { SAN, simHost, simVm } from '../support/datacenter.ts';
import { virtualClock } from '../support/virtual-time.ts';
import type { ContractWorld, MoveBreak } from './contract-world.ts';

const [OLD, NEW] = CPU_GENERATIONS.intel;
const HOSTS = [hostId('host-a'), hostId('host-b')] as const;
const OTHER = hostId('host-old');
const VMS = [vmId('vm-1'), vmId('vm-2')] as const;
const MISFIT = vmId('vm-new');
const OWN_DISK = vmId('vm-local');
const LOCAL = { storage: storageId('local-host-a'), bytes: bytes(10 * GIB), shared: false };
const NO_LIMITS = {
  downtimeLimitSeconds: seconds(1),
  bandwidth: undefined,
  autoConverge: false,
  allowPostCopy: false,
};
const BREAKS: Readonly<Record<MoveBreak, BreakStage>> = {
  before: 'pre-copy',
  after: 'commitment',
  'never-left': 'false-success',
};
const BUSY_BANDWIDTH = bytesPerSecond(40 * MIB);

/** `storageLocks`: a host that boots starts no guest that runs elsewhere by now. */
export async function simulatedWorld(storageLocks = false): Promise<ContractWorld> {
  const clock = virtualClock();
  const datacenter = new SimulatedDatacenter({ ...smallFleet(), storageLocks }, clock);
  const hypervisor = new SimulatedHypervisor({ datacenter, clock });
  return {
    hypervisor,
    clock,
    hosts: HOSTS,
    vms: VMS,
    misfit: { vm: MISFIT, host: OTHER, code: 'cpu-features' },
    ownDisk: OWN_DISK,
    busyBandwidth: BUSY_BANDWIDTH,
    run: (body) => clock.run(body),
    async settle() {
      for (const kind of ['control-cut', 'link', 'dirty-rate', 'host-crash'] as const) {
        datacenter.heal(kind);
      }
      // A guest that writes nothing ends its migration, whatever an earlier case left behind.
      for (const vm of VMS) {
        datacenter.inject({ kind: 'dirty-rate', vm, bytesPerSecond: 0, forSeconds: 300 });
      }
      await clock.sleep(seconds(301));
      for (const vm of VMS) forgetElsewhere(datacenter, vm);
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
    async killHost(host) {
      datacenter.inject({ kind: 'host-crash', host, forSeconds: Infinity });
    },
    async breakNextMove(vm, how) {
      datacenter.inject({ kind: 'migration', vm, stage: BREAKS[how] });
    },
    async begun(vm) {
      return datacenter.truth.migrations().filter(({ order }) => order.vm === vm).length;
    },
    async dispose() {},
  };
}

/** What a host still holds of a guest that was restarted elsewhere while it was dead. */
function forgetElsewhere(datacenter: SimulatedDatacenter, vm: VmId): void {
  const { runningOn, definedOn } = datacenter.truth.whereabouts(vm);
  const [to] = runningOn;
  for (const from of definedOn) {
    if (to === undefined || from === to) continue;
    const order = { move: moveId('settle'), vm, from, to, method: 'cold' } as const;
    datacenter.commit({ ...order, ...NO_LIMITS });
  }
}

/** With a storage that only it has, beside the shared one. */
function aHost(host: HostId, cpu: CpuGeneration): HostFacts {
  return simHost(host, cpu, { storages: [SAN, storageId(`local-${host}`)] });
}

function smallFleet(): FleetSpec {
  return {
    seed: 7,
    hosts: [aHost(HOSTS[0], NEW), aHost(HOSTS[1], NEW), aHost(OTHER, OLD)],
    vms: [
      simVm(VMS[0], HOSTS[0], OLD),
      simVm(VMS[1], HOSTS[1], OLD),
      simVm(MISFIT, HOSTS[0], NEW),
      simVm(OWN_DISK, HOSTS[0], OLD, { facts: { disks: [LOCAL] } }),
    ],
    groups: [],
  };
}

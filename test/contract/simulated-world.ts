// Role: the simulated datacenter as a world for the contract suite, in virtual time.
import { hostId, vmId } from '../../src/domain/ids.ts';
import { bytesPerSecond, MIB, seconds } from '../../src/domain/units.ts';
import { CPU_GENERATIONS } from '../../src/simulate/cpu-catalogue.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { FleetSpec } from '../../src/simulate/fleet-spec.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { simHost, simVm } from '../support/datacenter.ts';
import { virtualClock } from '../support/virtual-time.ts';
import type { ContractWorld } from './contract-world.ts';

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
      // A guest that writes nothing ends its migration, whatever an earlier case left behind.
      for (const vm of VMS) {
        datacenter.inject({ kind: 'dirty-rate', vm, bytesPerSecond: 0, forSeconds: 300 });
      }
      await clock.sleep(seconds(301));
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
    hosts: [simHost(HOSTS[0], NEW), simHost(HOSTS[1], NEW), simHost(OTHER, OLD)],
    vms: [simVm(VMS[0], HOSTS[0], OLD), simVm(VMS[1], HOSTS[1], OLD), simVm(MISFIT, HOSTS[0], NEW)],
    groups: [],
  };
}

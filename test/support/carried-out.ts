// Role: the fleet as it is after a plan was carried out, to be planned for again.
import type { Host } from '../../src/domain/host.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import type { Vm } from '../../src/domain/vm.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';
import { aSnapshot, held } from './fleet.ts';

/**
 * The snapshot after the plan: VMs moved, hosts measured anew, nothing in flight, all rested. What
 * a VM has to do goes with it: on slower threads it keeps more of them busy, up to all that it has.
 * (Were as many threads busy on any host, each move between unequal hosts would change the load
 * that the next plan finds, and no planner that sees the present only could come to rest.)
 */
export function carriedOut(
  request: PlanRequest,
  moves: readonly { readonly vm: string; readonly to: Host['id'] }[],
): Snapshot {
  const { snapshot } = request;
  const targets = new Map(moves.map(({ vm, to }) => [vm, to]));
  const speeds = new Map(snapshot.hosts.map(({ id, cpu }) => [id, cpu.coreSpeed]));
  const vms = snapshot.vms.map((vm): Vm => {
    const host = targets.get(vm.id) ?? vm.host;
    return working({ ...vm, host }, (speeds.get(vm.host) ?? 1) / (speeds.get(host) ?? 1));
  });
  const hosts = snapshot.hosts.map((host) => ({ ...host, metrics: {} }));
  return aSnapshot({ ...snapshot, hosts, vms, lastMovedAt: {} });
}

/** With so many times as many threads busy. */
function working(vm: Vm, factor: number): Vm {
  const used = vm.metrics['cpu.used']?.mean;
  if (used?.kind !== 'known' || factor === 1) return vm;
  const busy = Math.min(vm.vcpus, used.value * factor);
  return { ...vm, metrics: { ...vm.metrics, 'cpu.used': held(busy) } };
}

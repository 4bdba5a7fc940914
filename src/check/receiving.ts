/**
 * May this VM go to this host by this method, whatever else happens? Host state, threads,
 * permission and the policy's methods are judged here by own tables; CPU, devices, networks,
 * storages and the like by the one compatibility function of the domain.
 */

import { staticRefusals } from '../domain/compatibility.ts';
import type { HostState } from '../domain/host.ts';
import type { MoveMethod } from '../domain/plan.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import type { Violation } from '../domain/violation.ts';
import { PERMISSIONS, type Permission } from '../domain/vm.ts';
import { type Step, type World, against } from './world.ts';

const TAKES_IN: Readonly<Record<HostState, boolean>> = {
  healthy: true,
  warn: true,
  quarantined: false,
  draining: false,
  evacuating: false,
  maintenance: false,
  // Back in service: this is how its VMs come home.
  returning: true,
};

const NEEDS: Readonly<Record<MoveMethod, Permission>> = {
  'pre-copy': 'live',
  'post-copy': 'live',
  storage: 'live',
  cold: 'cold',
  restart: 'restart',
};

/** What is judged here or in the structure check already. */
const JUDGED: ReadonlySet<RefusalCode> = new Set([
  'same-host',
  'quarantined',
  'other-controller',
  'disconnected',
  'vcpus',
  'permission',
  'not-fenced',
  'storage-locks',
  'unwatched',
  'own-vm',
  'own-leases',
]);

export function checkReceiving(world: World, steps: readonly Step[]): Violation[] {
  return steps.flatMap((step) => [
    ...hostFaults(step),
    ...permissionFaults(world, step),
    ...restartFaults(step),
    ...compatibilityFaults(world, step),
  ]);
}

function hostFaults(step: Step): Violation[] {
  const { vm, from, to, move } = step;
  const faults: Violation[] = [];
  if (!TAKES_IN[to.state]) faults.push(against(step, 'host-state', `${to.id} is ${to.state}`));
  if (to.connection !== 'connected') {
    faults.push(against(step, 'host-state', `${to.id} is ${to.connection}`));
  }
  // Only who is started anew asks nothing of the host that it was on.
  if (move.method !== 'restart' && from.connection !== 'connected') {
    const detail = `${from.id} is ${from.connection}`;
    faults.push(against(step, 'host-state', detail, { host: from.id }));
  }
  // Written so that a thread count that is not a number is refused as well.
  if (!(vm.vcpus <= to.cpu.threads)) {
    const detail = `${vm.vcpus} vCPUs, ${to.id} has ${to.cpu.threads} threads`;
    faults.push(against(step, 'vcpus', detail));
  }
  return faults;
}

function permissionFaults(world: World, step: Step): Violation[] {
  const { vm, move } = step;
  const faults: Violation[] = [];
  const needed = NEEDS[move.method];
  if (PERMISSIONS.indexOf(vm.permission) < PERMISSIONS.indexOf(needed)) {
    const detail = `${move.method} needs ${needed}, the VM allows ${vm.permission}`;
    faults.push(against(step, 'permission', detail));
  }
  // A restart is no migration: whether it is wanted at all is judged beside this.
  if (move.method !== 'restart' && !world.migration.methods.includes(move.method)) {
    const detail = `the policy's migration.methods do not include ${move.method}`;
    faults.push(against(step, 'permission', detail));
  }
  return faults;
}

/** A second copy destroys the disks: only what surely does not run may be started anew. */
function restartFaults(step: Step): Violation[] {
  const { from, vm, move } = step;
  if (move.method !== 'restart') return [];
  const { failure } = from;
  const isSure = failure?.state === 'dead' && failure.powerOff !== undefined;
  const faults: Violation[] = [];
  if (!isSure) {
    const detail = `${from.id} is not confirmed dead, and ${vm.id} may run there`;
    faults.push(against(step, 'restart', detail, { host: from.id }));
  }
  if (failure?.noRestart !== undefined || vm.noRestart !== undefined) {
    const detail = `the policy does not restart it: ${failure?.noRestart ?? vm.noRestart ?? ''}`;
    faults.push(against(step, 'restart', detail, { host: from.id }));
  }
  return faults;
}

function compatibilityFaults(world: World, step: Step): Violation[] {
  const { vm, from, to, move } = step;
  return staticRefusals(vm, from, to, move.method, world.migration)
    .filter((refusal) => !JUDGED.has(refusal.code))
    .map(({ code, detail }) => against(step, 'incompatible', `${code}: ${detail}`));
}

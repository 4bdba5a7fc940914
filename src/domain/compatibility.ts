/**
 * Whether a VM can go from one host to another by a method, as far as it depends on the three of
 * them alone and not on how full anything is. Asked in planning and again before every move.
 *
 * Directional: old to new may be fine and the way back not. Unknown is no: what could not be read
 * is never compatible. The hypervisor's own check comes on top of this, never instead of it.
 */

import { guestCpuRefusals } from './cpu-compatibility.ts';
import { isReached, mayCopyDisks, takesDisksAlong } from './disks.ts';
import { mayRestartFrom } from './host-failure.ts';
import type { Host, HostState, HypervisorInfo } from './host.ts';
import { carriedText, leaseRefusal } from './own-vm.ts';
import type { MoveMethod } from './plan.ts';
import type { MigrationSettings } from './policy.ts';
import type { RefusalCode } from './refusal.ts';
import { assertNever } from './result.ts';
import { mayHoldCopy } from './storage.ts';
import { covers, type Permission, type Vm } from './vm.ts';

/** One reason against, without the names of the VM and the host: they are the arguments. */
export interface StaticRefusal {
  readonly code: RefusalCode;
  /** The names or figures behind it; may be empty. */
  readonly detail: string;
}

export type CompatibilitySettings = Pick<
  MigrationSettings,
  'coldCrossVendor' | 'methods' | 'ownWithoutStandby'
>;

/** Methods during which the guest goes on running, with the CPU that it was started with. */
export function isLive(method: MoveMethod): boolean {
  switch (method) {
    case 'pre-copy':
    case 'post-copy':
    case 'storage':
      return true;
    case 'cold':
    case 'restart':
      return false;
    default:
      return assertNever(method, 'move method');
  }
}

/** The least permission that covers the method. */
export function permissionFor(method: MoveMethod): Permission {
  if (isLive(method)) return 'live';
  return method === 'cold' ? 'cold' : 'restart';
}

/** Whether a host in this state takes VMs in; a returning host is back in service. */
export function takesIn(state: HostState): boolean {
  return state === 'healthy' || state === 'warn' || state === 'returning';
}

/**
 * Somebody else has put it into the maintenance mode of its platform, which lets nothing in. Out of
 * that of a host that returns it is Drover itself that takes it, and the look may be from before.
 */
export function isHeldOut({ state, inMaintenanceMode }: Host): boolean {
  return inMaintenanceMode === true && takesIn(state) && state !== 'returning';
}

/** Whether its room counts: it takes VMs in, answers, and it is known what runs there. */
export function isInService(host: Host): boolean {
  const { state, connection, unlistedGuests } = host;
  const isOpen = takesIn(state) && !isHeldOut(host);
  return isOpen && connection === 'connected' && unlistedGuests === undefined;
}

/**
 * Every reason, in a fixed order, why `vm` cannot go from `from` (where it is) to `to` by
 * `method`; empty: nothing speaks against it. Codes: same-host, other-source, disconnected,
 * other-controller, quarantined, resource-unknown, not-fenced, vcpus, own-vm, permission,
 * storage-locks, unwatched, managed-elsewhere, locked, power-state, arch, hypervisor-kind,
 * hypervisor-version, machine-type, cpu-unknown, cpu-vendor, cpu-passthrough, cpu-features, tsc,
 * nested, confidential, firmware, device, network, storage, media, own-leases (so that it is the
 * first only where nothing else is in the way).
 */
// oxlint-disable-next-line max-params -- the question has these five parts, and every room asks it
export function staticRefusals(
  vm: Vm,
  from: Host,
  to: Host,
  method: MoveMethod,
  settings: CompatibilitySettings,
): readonly StaticRefusal[] {
  if (from.id === to.id) return [refusal('same-host')];
  return [
    ...hostRefusals(vm, from, to, method),
    ...vmRefusals(vm, method),
    ...platformRefusals(vm, from, to, method),
    ...guestCpuRefusals(vm, { from: from.cpu, to: to.cpu }, isLive(method), settings),
    ...bindingRefusals(vm, to, method),
    ...reachRefusals(vm, to, method, settings),
    ...leaseRefusals(vm, settings),
  ];
}

function leaseRefusals({ own }: Vm, settings: CompatibilitySettings): StaticRefusal[] {
  const found = leaseRefusal(own, settings.ownWithoutStandby);
  return found === undefined ? [] : [found];
}

function refusal(code: RefusalCode, detail = ''): StaticRefusal {
  return { code, detail };
}

function hostRefusals(vm: Vm, from: Host, to: Host, method: MoveMethod): StaticRefusal[] {
  const out: StaticRefusal[] = [];
  if (vm.source !== to.source) out.push(refusal('other-source', `${vm.source}, ${to.source}`));
  if (to.connection !== 'connected') out.push(refusal('disconnected', 'the target'));
  // A restart is what is left when the source does not answer; everything else needs both ends.
  if (from.connection !== 'connected' && method !== 'restart') {
    out.push(refusal('disconnected', 'the source'));
  }
  if (to.actedOnElsewhere === true) out.push(refusal('other-controller'));
  else if (!takesIn(to.state)) out.push(refusal('quarantined', to.state));
  else if (isHeldOut(to)) out.push(refusal('quarantined', 'the maintenance mode of its platform'));
  if (to.unlistedGuests !== undefined) {
    const names = to.unlistedGuests.join(', ');
    out.push(refusal('resource-unknown', `nobody knows what it needs beside it: ${names}`));
  }
  if (method === 'restart' && !mayRestartFrom(from.failure)) {
    out.push(refusal('not-fenced', from.failure?.noRestart ?? `${from.name} is not known dead`));
  }
  if (vm.vcpus > to.cpu.threads) {
    out.push(refusal('vcpus', `${vm.vcpus} vCPUs, ${to.cpu.threads} threads`));
  }
  return out;
}

function vmRefusals(vm: Vm, method: MoveMethod): StaticRefusal[] {
  const out: StaticRefusal[] = [];
  if (vm.own !== undefined && method !== 'pre-copy') {
    out.push(refusal('own-vm', `it ${carriedText(vm.own)}: by pre-copy, not by ${method}`));
  }
  const needed = permissionFor(method);
  if (!covers(vm.permission, needed)) {
    out.push(refusal('permission', `${method} needs ${needed}, the VM has ${vm.permission}`));
  }
  if (method === 'restart' && vm.noRestart !== undefined) {
    out.push(refusal('storage-locks', vm.noRestart));
  }
  if (method === 'restart' && vm.unwatched !== undefined) {
    out.push(refusal('unwatched', vm.unwatched));
  }
  if (vm.managedBy !== undefined) out.push(refusal('managed-elsewhere', vm.managedBy));
  if (vm.locked) out.push(refusal('locked'));
  if (!movableState(vm, method)) out.push(refusal('power-state', vm.powerState));
  return out;
}

/**
 * A move needs a running guest, since no adapter moves the definition of one that is off; a restart
 * one that was up when its host was last heard of.
 */
function movableState(vm: Vm, method: MoveMethod): boolean {
  // Of a guest whose host is dead nobody can say more than that it was not off.
  if (method === 'restart') return ['running', 'paused', 'unknown'].includes(vm.powerState);
  return vm.powerState === 'running';
}

function platformRefusals(vm: Vm, from: Host, to: Host, method: MoveMethod): StaticRefusal[] {
  const out: StaticRefusal[] = [];
  if (from.cpu.arch !== to.cpu.arch) {
    out.push(refusal('arch', `${from.cpu.arch}, ${to.cpu.arch}`));
  }
  if (from.hypervisor.kind !== to.hypervisor.kind) {
    out.push(refusal('hypervisor-kind', `${from.hypervisor.kind}, ${to.hypervisor.kind}`));
    return out;
  }
  const startsAnew = !isLive(method) && to.hypervisor.machineTypes !== undefined;
  if (!startsAnew && !isSameOrNewer(from.hypervisor, to.hypervisor)) {
    const versions = `${from.hypervisor.version} to ${to.hypervisor.version}`;
    out.push(refusal('hypervisor-version', versions));
  }
  const offered = to.hypervisor.machineTypes;
  if (vm.machineType === undefined ? offered !== undefined : !offered?.includes(vm.machineType)) {
    out.push(refusal('machine-type', vm.machineType ?? 'unknown'));
  }
  return out;
}

/** Part by part ("10.0.2" > "9.2"); what does not start with a number is only like itself. */
function isSameOrNewer(from: HypervisorInfo, to: HypervisorInfo): boolean {
  if (from.version === to.version) return true;
  const old = versionParts(from.version);
  const offered = versionParts(to.version);
  if (old.length === 0 || offered.length === 0) return false;
  for (let part = 0; part < Math.max(old.length, offered.length); part += 1) {
    const difference = (offered[part] ?? 0) - (old[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function versionParts(version: string): number[] {
  const numbers = /^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '';
  return numbers === '' ? [] : numbers.split('.').map(Number);
}

/** What binds the running guest to the very machine it is on. */
function bindingRefusals(vm: Vm, to: Host, method: MoveMethod): StaticRefusal[] {
  const out: StaticRefusal[] = [];
  const live = isLive(method);
  if (live && vm.cpu.invariantTsc) out.push(refusal('tsc'));
  if (live && vm.cpu.nested) out.push(refusal('nested'));
  if (vm.confidential !== 'none') out.push(refusal('confidential', vm.confidential));
  // A cold move carries NVRAM and TPM state along; a restart finds only what is shared.
  if (method !== 'cold') {
    const { kind, nvram, tpm } = vm.firmware;
    if (kind === 'unknown') out.push(refusal('firmware', 'unknown'));
    if (nvram === 'local') out.push(refusal('firmware', 'NVRAM is local'));
    if (tpm === 'local') out.push(refusal('firmware', 'TPM state is local'));
  }
  for (const device of vm.devices) {
    const there = to.devices.some(({ kind, id }) => kind === device.kind && id === device.id);
    if ((live && !device.migratable) || !there) {
      out.push(refusal('device', `${device.kind} ${device.id}`));
    }
  }
  return out;
}

// oxlint-disable-next-line max-params -- see staticRefusals
function reachRefusals(
  vm: Vm,
  to: Host,
  method: MoveMethod,
  settings: CompatibilitySettings,
): StaticRefusal[] {
  const out: StaticRefusal[] = [];
  for (const network of vm.networks) {
    if (!to.networks.includes(network)) out.push(refusal('network', network));
  }
  // What the target cannot reach is copied, if it has a place for it.
  const mayCopy = takesDisksAlong(method) && mayCopyDisks(settings) && to.storages.length > 0;
  for (const disk of vm.disks) {
    if (isReached(disk, to)) continue;
    if (!mayCopy) out.push(refusal('storage', disk.storage));
    else if (!mayHoldCopy(disk, to)) {
      out.push(refusal('storage', `no place there for a copy of what is on ${disk.storage}`));
    }
  }
  // Nobody copies a medium: the guest would lose it, or not start.
  for (const { kind, name, ...place } of vm.media ?? []) {
    if (!isReached(place, to)) out.push(refusal('media', `${kind} ${name} on ${place.storage}`));
  }
  return out;
}

/**
 * The simulated hypervisor's own opinion on a move, as a real one would check it: written apart
 * from the compatibility rules in `domain`, so that the two can be compared.
 */

import { ANY_DISK } from '../domain/host.ts';
import type { StorageId } from '../domain/ids.ts';
import type { Refusal, RefusalCode } from '../domain/refusal.ts';
import type { VmDisk } from '../domain/vm.ts';
import type { HostFacts, MoveOrder, VmFacts } from '../ports/hypervisor.ts';
import type { CopyRoom } from './storage-rooms.ts';

/** What the check sees of the two hosts at the moment. */
export interface Circumstances {
  readonly vm: VmFacts;
  readonly from: HostFacts;
  readonly to: HostFacts;
  readonly isTargetUp: boolean;
  readonly isTargetInMaintenance: boolean;
  readonly isLocked: boolean;
  readonly isRunningOnSource: boolean;
  /** Memory that the target can still give, without this guest. */
  readonly freeBytes: number;
  /** Room on a storage; undefined: nobody knows. */
  readonly freeOn: (storage: StorageId) => number | undefined;
}

export function objectionsTo(order: MoveOrder, at: Circumstances): readonly Refusal[] {
  const { vm, to } = at;
  const found: Refusal[] = [];
  const object = (code: RefusalCode, detail: string): void => {
    found.push({ code, vm: vm.id, host: order.to, detail });
  };
  if (order.from === order.to) object('same-host', 'source and target are the same host');
  if (!at.isTargetUp) object('disconnected', `${to.id} is down`);
  if (at.isTargetInMaintenance) object('quarantined', `${to.id} is in maintenance`);
  if (at.isLocked) object('locked', 'a backup holds it');
  if (order.method !== 'restart' && !at.isRunningOnSource) {
    object('power-state', `it does not run on ${order.from}`);
  }
  const need = vm.memoryBytes + vm.overheadBytes;
  if (need > at.freeBytes) object('memory', `needs ${need} bytes, ${at.freeBytes} are free`);
  if (vm.vcpus > to.cpu.threads) object('vcpus', `${vm.vcpus} vCPUs, ${to.cpu.threads} threads`);
  const bridge = vm.networks.find((network) => !to.networks.includes(network));
  if (bridge !== undefined) object('network', `${bridge} is not there`);
  cpuObjections(order, at, object);
  diskObjections(order, at, object);
  return found;
}

function cpuObjections(
  { method }: MoveOrder,
  { vm, from, to }: Circumstances,
  object: (code: RefusalCode, detail: string) => void,
): void {
  // A guest that boots anew asks for nothing that its model did not have there.
  const isLive = method !== 'cold' && method !== 'restart';
  if (vm.cpu.vendor !== to.cpu.vendor) {
    object('cpu-vendor', `${vm.cpu.vendor} guest, ${to.cpu.vendor} host`);
    return;
  }
  const missing = (vm.cpu.features ?? []).filter((one) => to.cpu.features?.includes(one) !== true);
  const needsAll = isLive || vm.cpu.mode === 'named';
  if (missing.length > 0 && needsAll) object('cpu-features', `missing: ${missing.join(',')}`);
  if (isLive && vm.cpu.mode === 'passthrough' && from.cpu.model !== to.cpu.model) {
    object('cpu-passthrough', `${from.cpu.model} is not ${to.cpu.model}`);
  }
}

function diskObjections(
  { method }: MoveOrder,
  { vm, to, freeOn }: Circumstances,
  object: (code: RefusalCode, detail: string) => void,
): void {
  const copies = (method === 'storage' || method === 'cold') && to.storages.length > 0;
  for (const disk of copies ? [] : vm.disks) {
    if (!disk.shared) object('storage', `${disk.storage} is local to the source`);
    else if (!to.storages.includes(disk.storage)) {
      object('storage', `${disk.storage} is not mounted there`);
    }
  }
  const room = copies ? copyRoom(vm, to) : undefined;
  const free = room && freeOn(room.storage);
  if (free !== undefined && room !== undefined && room.bytes > free) {
    object('storage-space', `needs ${room.bytes} bytes on ${room.storage}, ${free} are free`);
  }
  const medium = vm.media?.find((one) => !isSeen(one, to));
  if (medium !== undefined) object('media', `${medium.name} is not there`);
}

/** Bytes of disks that have to be copied because the target does not see them. */
export function diskBytesToCopy({ disks }: VmFacts, to: HostFacts): number {
  return disks.reduce((sum, disk) => sum + (isSeen(disk, to) ? 0 : disk.bytes), 0);
}

/** Undefined: nothing has to be copied, or there is no place for it. */
export function copyRoom(vm: VmFacts, to: HostFacts): CopyRoom | undefined {
  const storage = ownStorage(to);
  const room = diskBytesToCopy(vm, to);
  return storage === undefined || room === 0 ? undefined : { storage, bytes: room };
}

/** Where all copies go: to the host's own storage, where it has one. */
function ownStorage({ storages }: HostFacts): StorageId | undefined {
  return storages.find(isLocal) ?? storages[0];
}

export function copiesTo(host: HostFacts): HostFacts['copiesTo'] {
  const storage = ownStorage(host);
  return storage === undefined ? {} : { [ANY_DISK]: storage };
}

/** The disks as they lie after a move that copied them: beside the guest. */
export function disksAfter({ disks }: VmFacts, to: HostFacts): VmFacts['disks'] {
  const own = ownStorage(to);
  return disks.map((disk) =>
    own === undefined || isSeen(disk, to) ? disk : { ...disk, storage: own, shared: !isLocal(own) },
  );
}

/** By its name, as all storages of one host only are called in a simulated datacenter. */
export function isLocal(storage: StorageId): boolean {
  return storage.startsWith('local-');
}

function isSeen({ shared, storage }: Pick<VmDisk, 'shared' | 'storage'>, to: HostFacts): boolean {
  return shared && to.storages.includes(storage);
}

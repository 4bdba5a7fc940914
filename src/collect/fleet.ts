/**
 * Several inventories → one fleet. Every host and VM once, sorted by id; where two sources claim
 * the same one, one that answers has it before one that does not, and else the first in the order
 * of the configuration. The conflict is reported, a VM of which nobody knows who owns it is marked
 * so that nothing moves it, and a host on which it may be, too, is not empty.
 */

import { compareText, type HostId, type SourceId, type VmId } from '../domain/ids.ts';
import type { Slices } from '../domain/slices.ts';
import type { Storage } from '../domain/storage.ts';
import { withUnlisted } from '../domain/unlisted.ts';
import type { HostFacts, Inventory, VmFacts } from '../ports/hypervisor.ts';

export interface SourceInventory {
  readonly source: SourceId;
  /** The last one that was received. */
  readonly inventory: Inventory;
  /** The source does not answer any more: its hosts are kept, disconnected. */
  readonly down: boolean;
}

/** Of all sources that have answered, in the order of the configuration. */
export interface Inventories {
  readonly inventories: readonly SourceInventory[];
  /** Which of them are down: as long as it is the same, so is what they are merged to. */
  readonly down: string;
}

export interface Conflict {
  /** Stable while the conflict lasts. */
  readonly key: string;
  readonly text: string;
}

/** Finds whom a sample is about. */
export interface Directory {
  findHost(text: string): HostFacts | undefined;
  findVm(text: string): VmFacts | undefined;
}

/** Finds by id, else by a name that only one host (VM) has: metric stores know names. */
export interface Fleet extends Directory {
  readonly hosts: readonly HostFacts[];
  readonly vms: readonly VmFacts[];
  /** Those of which a source says more than that they are there, by id. */
  readonly storages: readonly Storage[];
  readonly conflicts: readonly Conflict[];
}

export interface MergedFleet {
  readonly fleet: Fleet;
  readonly down: Inventories['down'];
}

/** VMs between two looks at the time. */
const SLICE = 1000;

/** What one hypervisor calls its own, by id. */
export function* directoryOf(inventory: Inventory): Slices<Directory> {
  const hosts = new Map<string, HostFacts>(inventory.hosts.map((host) => [host.id, host]));
  const vms = new Map<string, VmFacts>();
  for (const [at, vm] of inventory.vms.entries()) {
    if (at % SLICE === SLICE - 1) yield;
    vms.set(vm.id, vm);
  }
  return { findHost: (text) => hosts.get(text), findVm: (text) => vms.get(text) };
}

export function* mergeInSlices({ inventories, down }: Inventories): Slices<MergedFleet> {
  // What a source said before it fell silent is older than what any other says now.
  const preferred = inventories.toSorted((a, b) => Number(a.down) - Number(b.down));
  return { fleet: yield* merge(preferred), down };
}

function* merge(inventories: readonly SourceInventory[]): Slices<Fleet> {
  const conflicts: Conflict[] = [];
  const hosts = mergeHosts(inventories, conflicts);
  yield;
  const { vms, seconds } = yield* mergeVms(inventories, hosts, conflicts);
  for (const { host, name } of seconds) {
    const facts = hosts.get(host);
    if (facts !== undefined) hosts.set(host, withUnlisted(facts, [name]));
  }
  const hostsByName = yield* uniqueNames(hosts.values());
  const vmsByName = yield* uniqueNames(vms.values());
  return {
    hosts: [...hosts.values()].sort((a, b) => compareText(a.id, b.id)),
    vms: [...vms.values()].sort((a, b) => compareText(a.id, b.id)),
    storages: roomsOf(inventories),
    conflicts,
    findHost: (text) => hosts.get(text as HostId) ?? hostsByName.get(text),
    findVm: (text) => vms.get(text as VmId) ?? vmsByName.get(text),
  };
}

/** What a source that is down said of its storages was long ago, and none of its VMs is moved. */
function roomsOf(inventories: readonly SourceInventory[]): readonly Storage[] {
  return inventories
    .filter(({ down }) => !down)
    .flatMap(({ source, inventory }) => inventory.storages.flatMap((one) => roomOf(one, source)))
    .sort((a, b) => compareText(a.id, b.id));
}

function roomOf({ id, capacityBytes, freeBytes }: Storage, source: SourceId): readonly Storage[] {
  if (capacityBytes === undefined && freeBytes === undefined) return [];
  return [{ id, source, capacityBytes, freeBytes }];
}

function mergeHosts(
  inventories: readonly SourceInventory[],
  conflicts: Conflict[],
): Map<HostId, HostFacts> {
  const hosts = new Map<HostId, HostFacts>();
  for (const { source, inventory, down } of inventories) {
    for (const host of inventory.hosts) {
      const first = hosts.get(host.id);
      if (first !== undefined) {
        conflicts.push({
          key: `duplicate-host:${host.id}`,
          text:
            `host ${host.id} is reported by ${first.source} and again by ${source}: ` +
            'the first that answers is used; remove one of the connections',
        });
        continue;
      }
      hosts.set(host.id, down ? { ...host, connection: 'disconnected' } : host);
    }
  }
  return hosts;
}

interface MergedVms {
  readonly vms: ReadonlyMap<VmId, VmFacts>;
  /** VMs that are in `vms` on another host, as a source that answers has them. */
  readonly seconds: readonly VmFacts[];
}

function* mergeVms(
  inventories: readonly SourceInventory[],
  hosts: ReadonlyMap<HostId, HostFacts>,
  conflicts: Conflict[],
): Slices<MergedVms> {
  const vms = new Map<VmId, VmFacts>();
  const seconds: VmFacts[] = [];
  for (const { source, inventory, down } of inventories) {
    for (const [index, vm] of inventory.vms.entries()) {
      if (index % SLICE === SLICE - 1) yield;
      if (!hosts.has(vm.host)) {
        conflicts.push({
          key: `host-unknown:${vm.id}`,
          text:
            `VM ${vm.id} of ${source} is on host ${vm.host}, which no source lists: ` +
            'the VM is left out',
        });
        continue;
      }
      const first = vms.get(vm.id);
      if (first === undefined) {
        vms.set(vm.id, vm);
        continue;
      }
      conflicts.push({
        key: `duplicate-vm:${vm.id}`,
        text:
          `VM ${vm.id} is reported by ${first.source} on ${first.host} and by ${source} ` +
          `on ${vm.host}: it is not moved`,
      });
      vms.set(vm.id, undecided(first, source));
      const isThere = vm.powerState !== 'off' && vm.host !== first.host;
      if (isThere && !down) seconds.push(vm);
    }
  }
  return { vms, seconds };
}

/**
 * A VM seen twice. By one source: something is under way with it (a migration that another tool
 * started, a copy), so it counts as held. By two: its ownership is unclear.
 */
function undecided(vm: VmFacts, other: SourceId): VmFacts {
  if (vm.source === other) return { ...vm, locked: true };
  return { ...vm, managedBy: vm.managedBy ?? `unclear: also reported by ${other}` };
}

function* uniqueNames<Entity extends { readonly name: string }>(
  entities: Iterable<Entity>,
): Slices<Map<string, Entity>> {
  const byName = new Map<string, Entity>();
  const ambiguous = new Set<string>();
  let seen = 0;
  for (const entity of entities) {
    seen += 1;
    if (seen % SLICE === 0) yield;
    if (byName.has(entity.name)) ambiguous.add(entity.name);
    else byName.set(entity.name, entity);
  }
  for (const name of ambiguous) byName.delete(name);
  return byName;
}

/**
 * Looks hosts, VMs and guests of a snapshot up without going through all of them: each list is gone
 * through once, however often it is asked about. Snapshots are immutable and share their lists, so
 * what was found about a list stays true, and is forgotten with it.
 */

import type { Host } from './host.ts';
import type { HostId, VmId } from './ids.ts';
import { inOneGo, type Slices } from './slices.ts';
import type { Snapshot } from './snapshot.ts';
import type { Vm } from './vm.ts';

type Hosts = Snapshot['hosts'];
type Vms = Snapshot['vms'];

/** Where each host is in its list. */
type Positions<Id> = ReadonlyMap<Id, number>;

interface VmIndex {
  readonly positions: Positions<VmId>;
  on(host: HostId): readonly Vm[];
}

const hostIndexes = new WeakMap<Hosts, Positions<HostId>>();
const vmIndexes = new WeakMap<Vms, VmIndex>();

/** Undefined: the snapshot does not have it. */
export function hostOf({ hosts }: Pick<Snapshot, 'hosts'>, id: HostId): Host | undefined {
  return hosts[hostIndexOf(hosts).get(id) ?? -1];
}

/** The hosts with these changed: what is known of the others is not found out again. */
export function withChangedHosts(hosts: Hosts, changed: ReadonlyMap<HostId, Host>): Hosts {
  const positions = hostIndexOf(hosts);
  const after = replaced(hosts, positions, changed);
  hostIndexes.set(after, positions);
  return after;
}

function hostIndexOf(hosts: Hosts): Positions<HostId> {
  const known = hostIndexes.get(hosts);
  if (known !== undefined) return known;
  const positions = new Map(hosts.map(({ id }, at) => [id, at]));
  hostIndexes.set(hosts, positions);
  return positions;
}

/** A copy with these instead of those of their names; others are not looked at. */
function replaced<Id, Item>(
  items: readonly Item[],
  positions: Positions<Id>,
  changed: ReadonlyMap<Id, Item>,
): readonly Item[] {
  const after = [...items];
  for (const [id, item] of changed) {
    const at = positions.get(id);
    if (at !== undefined) after[at] = item;
  }
  return after;
}

/** Undefined: the snapshot does not have it. */
export function vmOf({ vms }: Pick<Snapshot, 'vms'>, id: VmId): Vm | undefined {
  return vms[indexOf(vms).positions.get(id) ?? -1];
}

/** The VMs that are on the host, whatever their power state. */
export function guestsOf({ vms }: Pick<Snapshot, 'vms'>, host: HostId): readonly Vm[] {
  return indexOf(vms).on(host);
}

/** The VMs with these changed: what is known of the others is not found out again. */
export function withChanged(vms: Vms, changed: ReadonlyMap<VmId, Vm>): Vms {
  const before = indexOf(vms);
  const { positions } = before;
  const after = replaced(vms, positions, changed);
  let arrived: ReadonlyMap<HostId, readonly Vm[]> | undefined;
  vmIndexes.set(after, {
    positions,
    on: (host) => {
      arrived ??= Map.groupBy(changed.values(), (vm) => vm.host);
      const others = before.on(host).filter(({ id }) => !changed.has(id));
      return [...others, ...(arrived.get(host) ?? [])];
    },
  });
  return after;
}

/** VMs between two looks at the time. */
const SLICE = 1000;

/** Goes through the list now, so that whoever asks first does not do it in one go. */
export function* indexInSlices(vms: Vms): Slices<VmIndex> {
  const known = vmIndexes.get(vms);
  if (known !== undefined) return known;
  const positions = new Map<VmId, number>();
  const byHost = new Map<HostId, Vm[]>();
  for (const [at, vm] of vms.entries()) {
    if (at % SLICE === SLICE - 1) yield;
    positions.set(vm.id, at);
    const guests = byHost.get(vm.host);
    if (guests === undefined) byHost.set(vm.host, [vm]);
    else guests.push(vm);
  }
  const index: VmIndex = { positions, on: (host) => byHost.get(host) ?? [] };
  vmIndexes.set(vms, index);
  return index;
}

function indexOf(vms: Vms): VmIndex {
  return inOneGo(indexInSlices(vms));
}

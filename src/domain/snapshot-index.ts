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

interface VmIndex {
  byId(id: VmId): Vm | undefined;
  on(host: HostId): readonly Vm[];
}

const hostIndexes = new WeakMap<Hosts, (id: HostId) => Host | undefined>();
const vmIndexes = new WeakMap<Vms, VmIndex>();

/** Undefined: the snapshot does not have it. */
export function hostOf({ hosts }: Pick<Snapshot, 'hosts'>, id: HostId): Host | undefined {
  return hostIndexOf(hosts)(id);
}

/** The hosts with these changed: what is known of the others is not found out again. */
export function withChangedHosts(hosts: Hosts, changed: ReadonlyMap<HostId, Host>): Hosts {
  const before = hostIndexOf(hosts);
  const after = hosts.map((host) => changed.get(host.id) ?? host);
  hostIndexes.set(after, (id) => changed.get(id) ?? before(id));
  return after;
}

function hostIndexOf(hosts: Hosts): (id: HostId) => Host | undefined {
  const known = hostIndexes.get(hosts);
  if (known !== undefined) return known;
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const find = (id: HostId): Host | undefined => byId.get(id);
  hostIndexes.set(hosts, find);
  return find;
}

/** Undefined: the snapshot does not have it. */
export function vmOf({ vms }: Pick<Snapshot, 'vms'>, id: VmId): Vm | undefined {
  return indexOf(vms).byId(id);
}

/** The VMs that are on the host, whatever their power state. */
export function guestsOf({ vms }: Pick<Snapshot, 'vms'>, host: HostId): readonly Vm[] {
  return indexOf(vms).on(host);
}

/** The VMs with these changed: what is known of the others is not found out again. */
export function withChanged(vms: Vms, changed: ReadonlyMap<VmId, Vm>): Vms {
  const before = indexOf(vms);
  const after = vms.map((vm) => changed.get(vm.id) ?? vm);
  vmIndexes.set(after, {
    byId: (id) => changed.get(id) ?? before.byId(id),
    on: (host) => [
      ...before.on(host).filter(({ id }) => !changed.has(id)),
      ...[...changed.values()].filter((vm) => vm.host === host),
    ],
  });
  return after;
}

/** VMs between two looks at the time. */
const SLICE = 1000;

/** Goes through the list now, so that whoever asks first does not do it in one go. */
export function* indexInSlices(vms: Vms): Slices<VmIndex> {
  const known = vmIndexes.get(vms);
  if (known !== undefined) return known;
  const byId = new Map<VmId, Vm>();
  const byHost = new Map<HostId, Vm[]>();
  for (const [at, vm] of vms.entries()) {
    if (at % SLICE === SLICE - 1) yield;
    byId.set(vm.id, vm);
    const guests = byHost.get(vm.host);
    if (guests === undefined) byHost.set(vm.host, [vm]);
    else guests.push(vm);
  }
  const index: VmIndex = { byId: (id) => byId.get(id), on: (host) => byHost.get(host) ?? [] };
  vmIndexes.set(vms, index);
  return index;
}

function indexOf(vms: Vms): VmIndex {
  return inOneGo(indexInSlices(vms));
}

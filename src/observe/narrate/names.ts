/** The names of hosts and VMs as the newest snapshot knows them; an unknown id is its own name. */

import type { HostId, VmId } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { nameText } from './text.ts';

export class Names {
  #hosts: ReadonlyMap<HostId, string> = new Map();
  #vms: ReadonlyMap<VmId, string> | undefined;
  #snapshot: Snapshot | undefined;

  learn(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#hosts = new Map(snapshot.hosts.map(({ id, name }) => [id, name]));
    // VMs are many, and most ticks need the name of none.
    this.#vms = undefined;
  }

  host(id: HostId): string {
    return nameText(this.#hosts.get(id) ?? id);
  }

  vm(id: VmId): string {
    this.#vms ??= new Map(this.#snapshot?.vms.map((vm) => [vm.id, vm.name]));
    return nameText(this.#vms.get(id) ?? id);
  }
}

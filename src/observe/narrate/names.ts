/** The names of hosts and VMs as the newest snapshot knows them; an unknown id is its own name. */

import type { HostId, VmId } from '../../domain/ids.ts';
import { hostOf, vmOf } from '../../domain/snapshot-index.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { nameText } from './text.ts';

export class Names {
  #snapshot: Snapshot | undefined;

  learn(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  host(id: HostId): string {
    const host = this.#snapshot && hostOf(this.#snapshot, id);
    return nameText(host?.name ?? id);
  }

  vm(id: VmId): string {
    const vm = this.#snapshot && vmOf(this.#snapshot, id);
    return nameText(vm?.name ?? id);
  }
}

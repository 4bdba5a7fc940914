/**
 * The failover reserve of one cluster: with the hosts named off, could so many of the others (the
 * largest) be lost, and the rest carry everything within the safety capacity? Sums only: whether
 * each VM would find a host by itself is not asked.
 */

import { CPU_AT, MEMORY_AT } from './model.ts';
import type { State } from './state.ts';

export interface ReserveSettings {
  /** All hosts of the cluster, also those that take nothing in: what they carry counts. */
  readonly hosts: readonly number[];
  /** Those of them that can carry something. */
  readonly usable: readonly number[];
  readonly keepSpare: number;
}

interface Resource {
  /** Of all hosts of the cluster. */
  readonly load: number;
  /** Hosts that can carry something, those with the most room first. */
  readonly rooms: readonly { readonly host: number; readonly room: number }[];
}

export class Reserve {
  readonly #resources: readonly Resource[];
  readonly #keepSpare: number;

  constructor({ model, net }: State, { hosts, usable, keepSpare }: ReserveSettings) {
    const { width, limit } = model;
    this.#keepSpare = keepSpare;
    this.#resources = [CPU_AT, MEMORY_AT].map((r) => ({
      load: hosts.reduce((sum, h) => sum + (net[h * width + r] ?? 0), 0),
      rooms: usable
        .map((host) => ({ host, room: limit[host * width + r] ?? 0 }))
        .sort((a, b) => b.room - a.room || a.host - b.host),
    }));
  }

  /** @param off per host: 1 when it carries nothing any more. */
  holdsWithout(off: Uint8Array): boolean {
    return this.#resources.every(({ load, rooms }) => {
      let lost = this.#keepSpare;
      let left = 0;
      for (const { host, room } of rooms) {
        if (off[host] === 1) continue;
        if (lost > 0) lost -= 1;
        else left += room;
      }
      return left >= load;
    });
  }
}

/**
 * An inventory in which most of a host's guests, or of a source's, are gone from one look to the
 * next is more often a daemon that has just started, a right that was taken away or a list that
 * was cut off than hosts whose guests are gone; and hosts that look empty are filled, or taken out
 * of service. So each guest has to be missing in two looks in a row; until then it stays where it
 * was seen, and what else the look says counts. Guests that are on another host by now (moved by
 * Drover or by somebody else) are not missing, nor are those that cannot be read any more.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import type { Slices } from '../domain/slices.ts';
import type { HostFacts, Inventory, VmFacts } from '../ports/hypervisor.ts';

/** A host's only guest may well be switched off and removed. */
const FEWEST_OF_HOST = 2;
/** Of fewer any number may be, as long as the host shows one at all; of a source without that. */
const FEWEST_VMS = 4;

/** VMs between two looks at the time. */
const SLICE = 1000;

export interface Believed {
  readonly inventory: Inventory;
  /** Why it is not what the source said, for people; empty: it is. */
  readonly doubts: readonly string[];
}

export class LossWatch {
  /** In the last look, and doubted. */
  #missed: ReadonlySet<VmId> = new Set();

  /** @param before what was believed the last time; undefined: nothing is known yet. */
  *judge(before: Inventory | undefined, now: Inventory): Slices<Believed> {
    const missed = this.#missed;
    this.#missed = new Set();
    const missing = new Set(before === undefined ? [] : yield* missingOf(before, now));
    if (before === undefined || missing.size === 0) return { inventory: now, doubts: [] };
    const left = before.vms.filter(({ id }) => !missing.has(id) || !missed.has(id));
    const { kept, doubts } = lossesAmong(left, missing, now);
    if (kept.length === 0) return { inventory: now, doubts };
    this.#missed = new Set(kept.map(({ id }) => id));
    return { inventory: withKept(now, kept, before.hosts), doubts };
  }
}

function* missingOf(before: Inventory, now: Inventory): Slices<readonly VmId[]> {
  const here = new Set<VmId>();
  for (const [at, { id }] of now.vms.entries()) {
    if (at % SLICE === SLICE - 1) yield;
    here.add(id);
  }
  const unlisted = new Set(now.hosts.flatMap(({ unlistedGuests = [] }) => unlistedGuests));
  const missing: VmId[] = [];
  for (const [at, { id, name }] of before.vms.entries()) {
    if (at % SLICE === SLICE - 1) yield;
    if (!here.has(id) && !unlisted.has(id) && !unlisted.has(name)) missing.push(id);
  }
  return missing;
}

/** @param left what was not missing in the last look already. */
function lossesAmong(
  left: readonly VmFacts[],
  missing: ReadonlySet<VmId>,
  now: Inventory,
): { readonly kept: readonly VmFacts[]; readonly doubts: readonly string[] } {
  const lostOf = (vms: readonly VmFacts[]) => vms.filter(({ id }) => missing.has(id));
  const all = lostOf(left);
  if (left.length >= FEWEST_VMS && isMost(all.length, left.length)) {
    return { kept: all, doubts: [doubt('', all.length, left.length)] };
  }
  const hostNow = new Map(now.vms.map(({ id, host }) => [id, host]));
  const stayed = left.filter(({ id, host }) => (hostNow.get(id) ?? host) === host);
  const kept: VmFacts[] = [];
  const doubts: string[] = [];
  for (const [host, vms] of Map.groupBy(stayed, (vm) => vm.host)) {
    const lost = lostOf(vms);
    const fewest = lost.length === vms.length ? FEWEST_OF_HOST : FEWEST_VMS;
    if (vms.length < fewest || !isMost(lost.length, vms.length)) continue;
    kept.push(...lost);
    const name = now.hosts.find(({ id }) => id === host)?.name ?? host;
    doubts.push(doubt(`${name}: `, lost.length, vms.length));
  }
  return { kept, doubts };
}

function isMost(lost: number, of: number): boolean {
  return lost * 2 > of;
}

function doubt(where: string, lost: number, of: number): string {
  const what = `${where}${lost} of ${of} VMs are gone at once`;
  return `${what}: that is believed when the next look says it, too`;
}

/** Also a list of hosts may be cut off. */
function withKept(
  now: Inventory,
  kept: readonly VmFacts[],
  hostsBefore: readonly HostFacts[],
): Inventory {
  const theirs = new Set<HostId>(kept.map(({ host }) => host));
  for (const { id } of now.hosts) theirs.delete(id);
  const hosts = [...now.hosts, ...hostsBefore.filter(({ id }) => theirs.has(id))];
  return { ...now, hosts, vms: [...now.vms, ...kept] };
}

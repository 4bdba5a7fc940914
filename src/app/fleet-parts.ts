/**
 * A fleet on its way to the planner's thread: in parts, so that the event loop is free in between,
 * and only what is not there yet. Snapshots share the hosts and VMs that did not change, so those
 * that are other objects than in the fleet before are the changed ones.
 */

import { inChunks } from '../domain/chunks.ts';
import type { Host } from '../domain/host.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';
import { packRows, type SentRows, unpackRows } from '../domain/window-rows.ts';

export type Fleet = Pick<Snapshot, 'hosts' | 'vms'>;

/** Without `at`, its hosts or VMs are the next ones of a new fleet. */
interface PartOf<Item> {
  readonly items: readonly Item[];
  readonly at?: readonly number[];
}

type HostsPart = PartOf<Host> & { readonly kind: 'hosts' };
/** `rows`: metrics that do not come along with their VMs. */
type VmsPart = PartOf<Vm> & { readonly kind: 'vms'; readonly rows?: SentRows | undefined };

export type FleetPart = HostsPart | VmsPart;

/** How a fleet is told: anew, or by what of the one before is different. */
export interface FleetMessage {
  readonly isWhole: boolean;
  readonly parts: readonly FleetPart[];
}

/**
 * Handed over at once: 2 to 4 ms of the event loop. A host comes with its windows and sensors, and
 * takes seven times what a VM does, whose windows go apart from it.
 */
const HOSTS_PART = 70;
const VMS_PART = 500;

/** With more changes than this share of it, a fleet is told anew. */
const MOST_CHANGED = 0.5;

/** @param before what the other side has; undefined: nothing. */
export function tellFleet(fleet: Fleet, before: Fleet | undefined): FleetMessage {
  const hosts = changedIn(fleet.hosts, before?.hosts);
  const vms = changedIn(fleet.vms, before?.vms);
  if (hosts === undefined || vms === undefined) {
    const parts = [
      ...inChunks(fleet.hosts, HOSTS_PART).map((items) => ({ kind: 'hosts', items }) as const),
      ...inChunks(fleet.vms, VMS_PART).map((items) => ({ kind: 'vms', items }) as const),
    ];
    return { isWhole: true, parts };
  }
  const parts = [
    ...inChunks(hosts, HOSTS_PART).map(
      (at) => ({ kind: 'hosts', at, items: pick(fleet.hosts, at) }) as const,
    ),
    ...inChunks(vms, VMS_PART).map(
      (at) => ({ kind: 'vms', at, items: pick(fleet.vms, at) }) as const,
    ),
  ];
  return { isWhole: false, parts };
}

/** With what the way to another thread would lose. */
export function packed(part: FleetPart): FleetPart {
  return isVms(part) ? { ...part, rows: packRows(part.items) } : part;
}

/**
 * The fleet that the parts tell of. A list of which nothing is told is the very list of before:
 * what was found out about it stays known.
 */
export function hearFleet(before: Fleet | undefined, { isWhole, parts }: FleetMessage): Fleet {
  const known = isWhole ? undefined : before;
  for (const { items, rows } of parts.filter(isVms)) if (rows) unpackRows(items, rows);
  return { hosts: heard(known?.hosts, parts, isHosts), vms: heard(known?.vms, parts, isVms) };
}

function isHosts(part: FleetPart): part is HostsPart {
  return part.kind === 'hosts';
}

function isVms(part: FleetPart): part is VmsPart {
  return part.kind === 'vms';
}

function heard<Item>(
  before: readonly Item[] | undefined,
  parts: readonly FleetPart[],
  isOwn: (part: FleetPart) => part is FleetPart & PartOf<Item>,
): readonly Item[] {
  const own = parts.filter((part) => isOwn(part));
  if (own.length === 0 && before !== undefined) return before;
  const list = [...(before ?? [])];
  for (const { items, at } of own) put(list, items, at);
  return list;
}

/** Positions of what is another object; undefined: too many, or not the same hosts or VMs. */
function changedIn<Item extends { readonly id: string }>(
  items: readonly Item[],
  before: readonly Item[] | undefined,
): readonly number[] | undefined {
  // As long as nothing has moved, orders and ticks share one list of 20,000 VMs.
  if (items === before) return [];
  if (before?.length !== items.length) return undefined;
  const changed: number[] = [];
  for (const [index, item] of items.entries()) {
    if (item === before[index]) continue;
    if (item.id !== before[index]?.id) return undefined;
    changed.push(index);
  }
  return changed.length > MOST_CHANGED * items.length ? undefined : changed;
}

function pick<Item>(items: readonly Item[], at: readonly number[]): readonly Item[] {
  return at.flatMap((index) => items[index] ?? []);
}

function put<Item>(list: Item[], items: readonly Item[], at: readonly number[] | undefined): void {
  for (const [index, item] of items.entries()) {
    const place = at?.[index];
    if (place === undefined) list.push(item);
    else list[place] = item;
  }
}

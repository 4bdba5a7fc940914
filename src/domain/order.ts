/**
 * Orders: evacuations and maintenance, given by operators or alerting systems. An order is its
 * own finding at the next tick and passes the same gate as everything else.
 */

import { type FindingId, findingId, type HostId, type OrderId, orderId, type VmId } from './ids.ts';
import type { EpochSeconds } from './units.ts';

export interface Order {
  readonly id: OrderId;
  readonly kind: 'evacuate' | 'maintenance';
  readonly host: HostId;
  /** What it was called then, for when no source reports it any more; absent: not known. */
  readonly hostName?: string | undefined;
  readonly by: { readonly kind: 'operator' | 'alert'; readonly name: string };
  readonly reason: string;
  readonly createdAt: EpochSeconds;
  readonly deadline: EpochSeconds | undefined;
  /**
   * `waiting`: its turn in a rolling maintenance has not come;
   * `open`: being carried out or done and kept (a maintained host stays empty);
   * `returning`: the host is back in service and its VMs are coming home;
   * `closed`: nothing left to do.
   */
  readonly state: 'waiting' | 'open' | 'returning' | 'closed';
  /**
   * The alert that ordered it and since when that fires, so that a repetition is known from a new
   * occasion; empty: a person did, or an alert that does not say since when.
   */
  readonly dedupeKey: string;
  /** The same of the alerts that asked for it later, while it was open. */
  readonly alsoAsked?: readonly string[] | undefined;
  /** The person who returned the host to service; absent: nobody did, or it followed by itself. */
  readonly returnedBy?: string | undefined;
  /**
   * The VMs that were on the host when the order was given: what "home" means. Of a host that is
   * `returning`: those that are still to come.
   */
  readonly home: readonly string[];
  /** What is emptied as a whole, where the host is a part of that: "site east". */
  readonly area?: string | undefined;
  /** The order was there before that was wanted of its host, too: it is not the area's own. */
  readonly areaCameLater?: true | undefined;
  /** The rolling maintenance that it is a part of. */
  readonly rolling?: RollingPart | undefined;
  /** Maintenance: what is run on the empty host, which then returns by itself. */
  readonly hook?: HookProgress | undefined;
  /** What was told about the deadline: that it cannot be met, that it has passed. */
  readonly deadlineTold?: 'late' | 'missed' | undefined;
  /** `returning`: since when none of those that are to come could; absent: some may. */
  readonly stuckSince?: EpochSeconds | undefined;
  /** `returning`: who of `home` may come by now; absent: all of them. */
  readonly progress?: ReturnProgress | undefined;
  /** The VMs of `home` that did not come home. A closed order with some was a partial return. */
  readonly stays?: readonly Stay[] | undefined;
}

/** How far a host that returns to service has shown that it is well. */
export interface ReturnProgress {
  /** The VMs that were let go home so far, in that order; also those that have arrived. */
  readonly released: readonly VmId[];
  /** Since when the first of them run there; undefined: none does. */
  readonly triedSince?: EpochSeconds | undefined;
  /** The trial is over, and was passed. */
  readonly isTried: boolean;
  /** Why nobody may come at the moment; undefined: nothing speaks against it. */
  readonly heldBy?: string | undefined;
}

/** A host's place in a rolling maintenance: one group of hosts after the other. */
export interface RollingPart {
  readonly id: string;
  /** Its turn, from 0. */
  readonly place: number;
  /** At most so many hosts at once, >= 1. */
  readonly batch: number;
  /** `waiting`: why no further host is taken on, until a person resumes it. */
  readonly heldBy?: string | undefined;
}

/** How far the hook of a maintenance order is. `failed`: a person has to look. */
export interface HookProgress {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  /** How often it was started. */
  readonly attempts: number;
  /** `waiting`: not before; `running`: its start; else its end. */
  readonly since: EpochSeconds;
  /** The end of what it printed, or why it failed. */
  readonly output: string;
  /** Kind and version of the hypervisor before it ran. */
  readonly versionBefore?: string | undefined;
  /** `done`: since when nothing speaks against the host. */
  readonly wellSince?: EpochSeconds | undefined;
}

/** A VM that stays away from its home. */
export interface Stay {
  readonly vm: VmId;
  /** Where it is; undefined: nobody reports it any more. */
  readonly host: HostId | undefined;
  readonly reason: string;
}

const ORDER_FINDING = 'order:';

/** What the finding of an open order is called: the same at every tick, and of no other one. */
export function orderFindingId({ id }: Pick<Order, 'id'>): FindingId {
  return findingId(`${ORDER_FINDING}${id}`);
}

/** The order that only a plan on paper has (`drover plan --evacuate`). */
export function dryOrderId(host: HostId): OrderId {
  return orderId(dryName(host));
}

/** The finding is that of such an order about the host. */
export function isOfDryOrder(finding: FindingId, host: HostId): boolean {
  return finding === `${ORDER_FINDING}${dryName(host)}`;
}

function dryName(host: HostId): string {
  return `dry-${host}`;
}

/** The finding is that of an order, and none of these open ones: it was taken back. */
export function isTakenBack(finding: FindingId, orders: readonly Order[]): boolean {
  if (!finding.startsWith(ORDER_FINDING)) return false;
  const about = finding.slice(ORDER_FINDING.length);
  return !orders.some(({ id, state }) => state === 'open' && id === about);
}

/** For people. */
export function orderStateText({ state, stays = [] }: Order): string {
  if (state !== 'closed' || stays.length === 0) return state;
  const who = stays.length === 1 ? '1 VM stays' : `${stays.length} VMs stay`;
  return `closed, partially returned: ${who} away`;
}

/**
 * Who of the VMs of a `returning` host may come by now: it is tried out first, and not all may come
 * at once (app/return-waves.ts).
 */
export function mayCome({ home, progress }: Order): readonly string[] {
  if (progress === undefined) return home;
  if (progress.heldBy !== undefined) return [];
  const released = new Set<string>(progress.released);
  return home.filter((vm) => released.has(vm));
}

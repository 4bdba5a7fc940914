/** Fault domains (or single hosts) as numbers, and how many members of a rule are in each. */

import type { HostId } from '../../domain/ids.ts';
import { own } from '../../domain/own.ts';
import type { Model } from '../model.ts';

/** Per host the number of its domain; -1 where the host has none of the kind. */
export type Domains = Int32Array;

/** The domains of one kind, made once for all rules over it. */
export function domainsOf(model: Model, over: string, made: Map<string, Domains>): Domains {
  const known = made.get(over);
  if (known !== undefined) return known;
  const names = new Map<string, number>();
  const domains = Int32Array.from(model.hosts, (host) => {
    const name = over === 'host' ? host.id : own(host.faultDomains, over);
    if (name === undefined) return -1;
    const number = names.get(name) ?? names.size;
    names.set(name, number);
    return number;
  });
  made.set(over, domains);
  return domains;
}

/** Sets of hosts as domains; a host in two of them (sets of labels can overlap) is in the first. */
export function domainsOfSets(model: Model, sets: readonly (readonly HostId[])[]): Domains {
  const domains = new Int32Array(model.hosts.length).fill(-1);
  for (const [number, set] of sets.entries()) {
    for (const id of set) {
      const h = model.hostIndex.get(id) ?? -1;
      if (h >= 0 && domains[h] === -1) domains[h] = number;
    }
  }
  return domains;
}

/**
 * How many VMs are in each domain; domain -1: in no known one. A rule has few members, and
 * there may be thousands of domains (each host is one) and of rules: it holds what it counts only.
 */
export class Tally {
  readonly #counts = new Map<number, number>();

  add(domain: number, by: number): void {
    this.#counts.set(domain, this.at(domain) + by);
  }

  at(domain: number): number {
    return this.#counts.get(domain) ?? 0;
  }

  /** How many known domains have any. */
  used(): number {
    let used = 0;
    for (const [domain, count] of this.#counts) if (domain >= 0 && count > 0) used += 1;
    return used;
  }

  /** How many are beyond the first one of their known domain. */
  surplus(): number {
    let surplus = 0;
    for (const [domain, count] of this.#counts) if (domain >= 0) surplus += Math.max(0, count - 1);
    return surplus;
  }

  /** The most that a known domain other than this one has; 0 where there is none. */
  most(except = -1): number {
    let most = 0;
    for (const [domain, count] of this.#counts) {
      if (domain >= 0 && domain !== except && count > most) most = count;
    }
    return most;
  }
}

export interface Counts {
  readonly domainOf: Domains;
  /** Members per domain at any moment, and in the end. */
  readonly gross: Tally;
  readonly net: Tally;
  /** A member is in flight, or about to be: where it ends up is not certain yet. */
  readonly unsettled: boolean;
}

/**
 * A member in flight, or about to be, stands on both hosts: no move of the plan can wait for its
 * arrival. To members that are to be together it is company on its host only.
 */
export function countMembers(
  model: Model,
  members: readonly number[],
  domainOf: Domains,
  apart: boolean,
): Counts {
  let unsettled = false;
  const gross = new Tally();
  const net = new Tally();
  for (const v of members) {
    const there = domainOf[model.home[v] ?? -1] ?? -1;
    gross.add(there, 1);
    net.add(there, 1);
    const other = model.alsoAt[v] ?? -1;
    if (other < 0 || domainOf[other] === there) continue;
    unsettled = true;
    gross.add(domainOf[other] ?? -1, 1);
    if (apart) net.add(domainOf[other] ?? -1, 1);
  }
  return { domainOf, gross, net, unsettled };
}

/** Tells the counts that a member goes from `from` to `to`, or that this is taken back. */
export function countMove(
  { domainOf, gross, net }: Counts,
  from: number,
  to: number,
  sign: 1 | -1,
) {
  const target = domainOf[to] ?? -1;
  net.add(domainOf[from] ?? -1, -sign);
  net.add(target, sign);
  gross.add(target, sign);
}

/** How many of these VMs are in each domain; those of no known domain are left out. */
export function tally(
  members: readonly number[],
  at: Int32Array,
  domainOf: Domains,
  except = -1,
): Tally {
  const found = new Tally();
  for (const v of members) {
    const domain = v === except ? -1 : (domainOf[at[v] ?? -1] ?? -1);
    if (domain >= 0) found.add(domain, 1);
  }
  return found;
}

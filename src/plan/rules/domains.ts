/** Fault domains (or single hosts) as numbers, and how many members of a rule are in each. */

import type { HostId } from '../../domain/ids.ts';
import { own } from '../../domain/own.ts';
import type { Model } from '../model.ts';

/** Per host; -1 where the host has no domain of the kind. */
export interface Domains {
  readonly of: Int32Array;
  readonly count: number;
}

/** The domains of one kind, made once for all rules over it. */
export function domainsOf(model: Model, over: string, made: Map<string, Domains>): Domains {
  const known = made.get(over);
  if (known !== undefined) return known;
  const names = new Map<string, number>();
  const of = Int32Array.from(model.hosts, (host) => {
    const name = over === 'host' ? host.id : own(host.faultDomains, over);
    if (name === undefined) return -1;
    const number = names.get(name) ?? names.size;
    names.set(name, number);
    return number;
  });
  const domains = { of, count: names.size };
  made.set(over, domains);
  return domains;
}

/** Sets of hosts as domains; a host in two of them (sets of labels can overlap) is in the first. */
export function domainsOfSets(model: Model, sets: readonly (readonly HostId[])[]): Domains {
  const of = new Int32Array(model.hosts.length).fill(-1);
  for (const [number, set] of sets.entries()) {
    for (const id of set) {
      const h = model.hostIndex.get(id) ?? -1;
      if (h >= 0 && of[h] === -1) of[h] = number;
    }
  }
  return { of, count: sets.length };
}

export interface Counts {
  readonly domainOf: Int32Array;
  /** Members per domain at any moment, and in the end; the last place: of no known domain. */
  readonly gross: Int32Array;
  readonly net: Int32Array;
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
  domains: Domains,
  apart: boolean,
): Counts {
  const domainOf = domains.of;
  let unsettled = false;
  const gross = new Int32Array(domains.count + 1);
  const net = new Int32Array(domains.count + 1);
  for (const v of members) {
    const there = domainOf[model.home[v] ?? -1] ?? -1;
    shift(gross, there, 1);
    shift(net, there, 1);
    const other = model.alsoAt[v] ?? -1;
    if (other < 0 || domainOf[other] === there) continue;
    unsettled = true;
    shift(gross, domainOf[other] ?? -1, 1);
    if (apart) shift(net, domainOf[other] ?? -1, 1);
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
  const source = domainOf[from] ?? -1;
  const target = domainOf[to] ?? -1;
  shift(net, source, -sign);
  shift(net, target, sign);
  shift(gross, target, sign);
}

/** Members without a domain are counted in the last place. */
function shift(counts: Int32Array, domain: number, by: number): void {
  const at = domain < 0 ? counts.length - 1 : domain;
  counts[at] = (counts[at] ?? 0) + by;
}

/** How many of these VMs are in each domain; those of no known domain are left out. */
export function tally(
  members: readonly number[],
  at: Int32Array,
  { domainOf, net }: Pick<Counts, 'domainOf' | 'net'>,
  except = -1,
): Int32Array {
  const found = new Int32Array(net.length);
  for (const v of members) {
    const domain = v === except ? -1 : (domainOf[at[v] ?? -1] ?? -1);
    if (domain >= 0) found[domain] = (found[domain] ?? 0) + 1;
  }
  return found;
}

/**
 * Pigeonholes: more hosts are needed than there are licences for. Because members are to be apart
 * or spread, because some may be on hosts of which no two are the same, or because so many hosts,
 * the largest ones, do not hold them all.
 */

import { MEMORY_AT } from '../model.ts';
import { formatAmount } from '../resource-words.ts';
import type { CompiledRule } from '../rules/rule.ts';
import type { Conflict, Leeway, Unit } from './leeway.ts';

/** @param sized whether the size of hosts counts */
export function findUnlicensed(leeway: Leeway, sized: boolean): Conflict | undefined {
  for (const compiled of leeway.of('licensed')) {
    if (compiled.rule.kind !== 'licensed') continue;
    const { maximum } = compiled.rule;
    const found =
      parted(leeway, compiled, maximum) ??
      elsewhere(leeway, compiled, maximum) ??
      (sized ? tooLarge(leeway, compiled, maximum) : undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Those who are to be in different places of any kind are on different hosts. */
function parted(leeway: Leeway, compiled: CompiledRule, maximum: number): Conflict | undefined {
  const { world } = leeway;
  const licensed = new Set(world.members(compiled));
  for (const group of leeway.of('anti-affinity', 'spread')) {
    const members = world.members(group);
    const own = members.filter((v) => licensed.has(v));
    const { rule } = group;
    // Two on a host of which nobody knows the place are not told apart; for a spread it is none.
    if (rule.kind !== 'spread' && world.domainsOf(group).includes(-1)) continue;
    const others = members.length - own.length + world.idleIn(group);
    const wanted = rule.kind === 'spread' ? rule.minimum - others : own.length;
    if (wanted <= maximum) continue;
    const text = `are to be on ${wanted} different hosts, and licences are for ${maximum}`;
    return { vms: own, text: `${world.namesOf(own)} ${text}` };
  }
  return undefined;
}

/** Units of which no two may be on one host: as many hosts at least. */
function elsewhere(leeway: Leeway, compiled: CompiledRule, maximum: number): Conflict | undefined {
  const { world } = leeway;
  const units = leeway.units(compiled).map((unit) => ({ unit, hosts: leeway.hostsOf(unit) }));
  const apart: Unit[] = [];
  const taken = new Set<number>();
  for (const { unit, hosts } of units.toSorted((a, b) => a.hosts.length - b.hosts.length)) {
    if (hosts.some((h) => taken.has(h))) continue;
    for (const h of hosts) taken.add(h);
    apart.push(unit);
  }
  const shared = units.reduce<readonly number[] | undefined>(
    (left, { hosts }) => left?.filter((h) => hosts.includes(h)) ?? hosts,
    undefined,
  );
  const isTorn = maximum === 1 && shared?.length === 0;
  if (apart.length <= maximum && !isTorn) return undefined;
  const vms = isTorn ? world.members(compiled) : apart.flat().sort((a, b) => a - b);
  const text = `have no ${maximum === 1 ? 'host' : `${maximum} hosts`} on which they could all be`;
  return { vms, text: `${world.namesOf(vms)} ${text}` };
}

/** By memory: as a sum, and each on its own. Where they are now they are held, whatever is said. */
function tooLarge(leeway: Leeway, compiled: CompiledRule, maximum: number): Conflict | undefined {
  const { world } = leeway;
  const { width, need, capacity, home } = world.model;
  const members = world.members(compiled);
  if (new Set(members.map((v) => home[v])).size <= maximum) return undefined;
  const units = leeway.units(compiled);
  const open = new Set(units.flatMap((unit) => leeway.hostsOf(unit)));
  const rooms = [...open].map((h) => capacity[h * width + MEMORY_AT] ?? 0);
  const largest = rooms.sort((a, b) => b - a).slice(0, maximum);
  const sizes = units
    .map((unit) => unit.reduce((sum, v) => sum + (need[v * width + MEMORY_AT] ?? 0), 0))
    .sort((a, b) => a - b);
  const [wanted, room] = [sum(sizes), sum(largest)];
  const held = sum(largest.map((one) => fitting(sizes, one)));
  if (wanted <= room && sizes.length <= held) return undefined;
  const who = world.namesOf(members);
  const hosts = maximum === 1 ? 'the largest host' : `the ${maximum} largest hosts`;
  const [asked, given] = [wanted, room].map((amount) =>
    formatAmount(world.model, MEMORY_AT, amount),
  );
  if (wanted > room) return { vms: members, text: `${who} need ${asked}, ${hosts} have ${given}` };
  const text = `${who} are ${sizes.length}, and ${hosts} hold ${held} of them at most`;
  return { vms: members, text };
}

/** How many of the smallest fit together. */
function fitting(sizes: readonly number[], room: number): number {
  let left = room;
  let count = 0;
  for (const size of sizes) {
    left -= size;
    if (left < 0) break;
    count += 1;
  }
  return count;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

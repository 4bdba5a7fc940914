/**
 * What hosts are to keep free, beside what has to be on them, by memory (demand for CPU comes and
 * goes). A rule that asks for more than its hosts have contradicts itself. For the others two kinds
 * of regions are looked at: the hosts left to some unit, and those that a rule is about; who may be
 * nowhere else has to have room there. All VMs of a source are on its hosts, whatever rules say.
 */

import { type Room, keptFree } from '../../domain/placement.ts';
import { CPU_AT, MEMORY_AT } from '../model.ts';
import type { CompiledRule } from '../rules/rule.ts';
import { formatAmount } from '../resource-words.ts';
import type { Conflict, Leeway, Unit } from './leeway.ts';
import type { Source } from './world.ts';
import { listed } from '../../domain/listed.ts';

export function findNoRoom(leeway: Leeway): Conflict | undefined {
  for (const compiled of leeway.of('preserve')) {
    const found = greedy(leeway, compiled);
    if (found !== undefined) return found;
  }
  return nowhere(leeway) ?? tight(leeway);
}

/** More is to be free than there is. */
function greedy({ world }: Leeway, { rule }: CompiledRule): Conflict | undefined {
  if (rule.kind !== 'preserve') return undefined;
  const hosts = world.indexesOf(rule.hosts);
  const each = rule.scope === 'all' ? [hosts] : hosts.map((h) => [h]);
  const { width, capacity } = world.model;
  for (const some of each) {
    for (const [resource, room] of [
      [CPU_AT, rule.free.cpu],
      [MEMORY_AT, rule.free.memory],
    ] as const) {
      const all = some.reduce((sum, h) => sum + (capacity[h * width + resource] ?? 0), 0);
      const kept = keptFree(room, all);
      if (kept <= all) continue;
      const who = listed(some.map((h) => world.hostName(h)));
      const [has, asked] = [all, kept].map((amount) => formatAmount(world.model, resource, amount));
      return { vms: [], text: `${asked} are to be free on ${who}, of ${has}` };
    }
  }
  return undefined;
}

/** All hosts of a source are to be kept empty. */
function nowhere(leeway: Leeway): Conflict | undefined {
  const { world } = leeway;
  const spare = new Set(
    leeway
      .of('spare')
      .flatMap(({ rule }) => ('hosts' in rule ? world.indexesOf(rule.hosts ?? []) : [])),
  );
  if (spare.size === 0) return undefined;
  for (const { hosts, vms } of world.sources()) {
    if (vms.length === 0 || hosts.some((h) => !spare.has(h))) continue;
    return { vms: [], text: `no host is left for the ${vms.length} VMs that run` };
  }
  return undefined;
}

interface Region {
  /** Per host: 1 when it is one of them. */
  readonly has: Uint8Array;
  /** What the hosts may hold, in bytes. */
  readonly most: number;
  /** Whether the rules say so, and not only the machines. */
  readonly isRuled: boolean;
}

function tight(leeway: Leeway): Conflict | undefined {
  const { world } = leeway;
  const { home, hosts } = world.model;
  const named = leeway.all();
  for (const { has, most, isRuled } of regions(leeway, named)) {
    const sources = world.sources().filter((one) => one.hosts.every((h) => has[h] === 1));
    const guests = beside(leeway, named, { has, sources });
    const wanted = sum(sources.map(({ need }) => need)) + memoryOf(leeway, guests);
    if (wanted <= most * (1 + ROUNDING)) continue;
    // Where they are now they are held, whatever is said.
    const areThere = guests.every((v) => has[home[v] ?? -1] === 1);
    if (!isRuled && areThere && sources.every(({ isAtHome }) => isAtHome)) continue;
    const [asked, given] = [wanted, most].map((amount) =>
      formatAmount(world.model, MEMORY_AT, Math.max(0, amount)),
    );
    const inside = [...hosts.keys()].filter((h) => has[h] === 1);
    const where = listed(inside.map((h) => world.hostName(h)));
    const vms = [...sources.flatMap((one) => one.vms), ...guests].sort((a, b) => a - b);
    const bound = vms.filter((v) => leeway.isNamed(v));
    const who =
      bound.length === vms.length ? world.namesOf(vms) : `the ${vms.length} VMs of ${where}`;
    return { vms: bound, text: `${who} need ${asked}, and ${given} may be used of ${where}` };
  }
  return undefined;
}

/** The same load may be summed up in another order. */
const ROUNDING = 1e-9;

function* regions(leeway: Leeway, named: readonly Unit[]): Generator<Region> {
  const { world } = leeway;
  const { width, capacity, safe } = world.model;
  const kept = keptOf(leeway);
  for (const has of ownRegions(leeway, named, kept)) yield roomOf(leeway, has, kept);
  if (kept.size > 0) {
    for (const { hosts } of world.sources()) yield roomOf(leeway, maskOf(leeway, hosts), kept);
  }
  for (const { rule } of leeway.of('failover-reserve', 'preserve')) {
    if (rule.kind !== 'failover-reserve' && rule.kind !== 'preserve') continue;
    const hosts = world.indexesOf(rule.hosts);
    const of = (loads: Float64Array): Float64Array => {
      const all = new Float64Array(hosts.length);
      for (const [at, h] of hosts.entries()) all[at] = loads[h * width + MEMORY_AT] ?? 0;
      return all;
    };
    const has = maskOf(leeway, hosts);
    if (rule.kind === 'failover-reserve') {
      const most = sum(of(safe).sort().toReversed().slice(rule.failures));
      yield { has, most, isRuled: true };
    } else if (rule.scope === 'all' && rule.free.memory !== undefined) {
      const all = sum(of(capacity));
      yield { has, most: all - keptFree(rule.free.memory, all), isRuled: true };
    }
  }
}

/**
 * The hosts that are left to some unit, each set once. Not those that hold all who are named, nor
 * all hosts of a source: whoever has only them is there anyway.
 */
function* ownRegions(
  leeway: Leeway,
  named: readonly Unit[],
  kept: ReadonlyMap<number, number>,
): Generator<Uint8Array> {
  const needed = memoryOf(leeway, named.flat());
  const told = new Set<string>();
  for (const unit of named) {
    const has = leeway.leftOf(unit);
    if (has === undefined) continue;
    if (leeway.world.sources().some(({ hosts }) => hosts.every((h) => has[h] === 1))) continue;
    if (needed <= roomOf(leeway, has, kept).most) continue;
    const key = has.join('');
    if (told.has(key)) continue;
    told.add(key);
    yield has;
  }
}

function roomOf(leeway: Leeway, has: Uint8Array, kept: ReadonlyMap<number, number>): Region {
  const { width, capacity } = leeway.world.model;
  let most = 0;
  let isRuled = false;
  for (let h = 0; h < has.length; h += 1) {
    if (has[h] !== 1) continue;
    const keeps = kept.get(h);
    most += Math.max(0, (capacity[h * width + MEMORY_AT] ?? 0) - (keeps ?? 0));
    isRuled ||= keeps !== undefined;
  }
  return { has, most, isRuled };
}

function maskOf({ world }: Leeway, hosts: readonly number[]): Uint8Array {
  const has = new Uint8Array(world.model.hosts.length);
  for (const h of hosts) has[h] = 1;
  return has;
}

/** Per host, what is to be free of its memory, where anything is. */
function keptOf(leeway: Leeway): ReadonlyMap<number, number> {
  const { world } = leeway;
  const { width, capacity } = world.model;
  const kept = new Map<number, number>();
  for (const { rule } of leeway.of('preserve')) {
    if (rule.kind !== 'preserve' || rule.scope === 'all') continue;
    const room: Room | undefined = rule.free.memory;
    if (room === undefined) continue;
    for (const h of world.indexesOf(rule.hosts)) {
      const amount = keptFree(room, capacity[h * width + MEMORY_AT] ?? 0);
      kept.set(h, Math.max(kept.get(h) ?? 0, amount));
    }
  }
  return kept;
}

/** VMs that rules leave nothing but these hosts, and that are not counted with their source. */
function beside(
  leeway: Leeway,
  named: readonly Unit[],
  { has, sources }: { readonly has: Uint8Array; readonly sources: readonly Source[] },
): readonly number[] {
  const { hosts, vms } = leeway.world.model;
  const counted = new Set(sources.flatMap((one) => hosts[one.hosts[0] ?? -1]?.source ?? []));
  const isCounted = (v: number): boolean => {
    const source = vms[v]?.source;
    return source !== undefined && counted.has(source);
  };
  return named.flatMap((unit) => {
    const others = unit.filter((v) => !isCounted(v));
    return others.length > 0 && isWithin(leeway.leftOf(unit), has) ? others : [];
  });
}

function isWithin(left: Uint8Array | undefined, has: Uint8Array): boolean {
  return has.every((one, h) => one === 1 || (left !== undefined && left[h] !== 1));
}

function memoryOf({ world }: Leeway, vms: readonly number[]): number {
  const { width, need } = world.model;
  return sum(vms.map((v) => need[v * width + MEMORY_AT] ?? 0));
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

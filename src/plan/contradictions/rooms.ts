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
import type { Conflict, Leeway } from './leeway.ts';
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
  readonly hosts: ReadonlySet<number>;
  /** What the hosts may hold, in bytes. */
  readonly most: number;
  /** Whether the rules say so, and not only the machines. */
  readonly isRuled: boolean;
}

function tight(leeway: Leeway): Conflict | undefined {
  const { world } = leeway;
  const { width, need, home } = world.model;
  for (const { hosts, most, isRuled } of regions(leeway)) {
    const vms = confinedTo(leeway, hosts);
    const wanted = vms.reduce((sum, v) => sum + (need[v * width + MEMORY_AT] ?? 0), 0);
    if (wanted <= most * (1 + ROUNDING)) continue;
    // Where they are now they are held, whatever is said.
    if (!isRuled && vms.every((v) => hosts.has(home[v] ?? -1))) continue;
    const [asked, given] = [wanted, most].map((amount) =>
      formatAmount(world.model, MEMORY_AT, Math.max(0, amount)),
    );
    const where = listed([...hosts].sort((a, b) => a - b).map((h) => world.hostName(h)));
    const bound = vms.filter((v) => leeway.isNamed(v));
    const who =
      bound.length === vms.length ? world.namesOf(vms) : `the ${vms.length} VMs of ${where}`;
    return { vms: bound, text: `${who} need ${asked}, and ${given} may be used of ${where}` };
  }
  return undefined;
}

/** The same load may be summed up in another order. */
const ROUNDING = 1e-9;

function* regions(leeway: Leeway): Generator<Region> {
  const { world } = leeway;
  const { width, capacity, safe } = world.model;
  const kept = keptOf(leeway);
  const own = (hosts: readonly number[]): Region => {
    let most = 0;
    for (const h of hosts)
      most += Math.max(0, (capacity[h * width + MEMORY_AT] ?? 0) - (kept.get(h) ?? 0));
    return { hosts: new Set(hosts), most, isRuled: hosts.some((h) => kept.has(h)) };
  };
  const left = new Map(
    leeway.all().map((unit) => [leeway.hostsOf(unit).join(), leeway.hostsOf(unit)]),
  );
  for (const hosts of left.values()) yield own(hosts);
  if (kept.size > 0) for (const { hosts } of world.sources()) yield own(hosts);
  for (const { rule } of leeway.of('failover-reserve', 'preserve')) {
    if (rule.kind !== 'failover-reserve' && rule.kind !== 'preserve') continue;
    const hosts = world.indexesOf(rule.hosts);
    const of = (loads: Float64Array): number[] =>
      hosts.map((h) => loads[h * width + MEMORY_AT] ?? 0);
    if (rule.kind === 'failover-reserve') {
      const most = sum(
        of(safe)
          .sort((a, b) => b - a)
          .slice(rule.failures),
      );
      yield { hosts: new Set(hosts), most, isRuled: true };
    } else if (rule.scope === 'all' && rule.free.memory !== undefined) {
      const all = sum(of(capacity));
      yield { hosts: new Set(hosts), most: all - keptFree(rule.free.memory, all), isRuled: true };
    }
  }
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

/** VMs that run and may be nowhere else. */
function confinedTo(leeway: Leeway, hosts: ReadonlySet<number>): readonly number[] {
  const confined = new Set<number>();
  for (const unit of leeway.all()) {
    if (!leeway.hostsOf(unit).every((h) => hosts.has(h))) continue;
    for (const v of unit) confined.add(v);
  }
  for (const source of leeway.world.sources()) {
    if (!source.hosts.every((h) => hosts.has(h))) continue;
    for (const v of source.vms) confined.add(v);
  }
  return [...confined].sort((a, b) => a - b);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

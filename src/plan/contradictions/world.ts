/** What does not change while sets of rules are tried: who is meant, who could run where. */

import { HUGE_PAGES, MEMORY, codeName } from '../codes.ts';
import type { Compatibility } from '../compat.ts';
import { listed } from '../../domain/listed.ts';
import { MEMORY_AT, type Model } from '../model.ts';
import { type Domains, domainsOf, domainsOfSets } from '../rules/domains.ts';
import type { CompiledRule } from '../rules/rule.ts';
import type { Setting } from '../setting.ts';
import type { HostId, SourceId } from '../../domain/ids.ts';
import type { RefusalCode } from '../../domain/refusal.ts';

/** Reasons that lie in the machines and the guest, and do not pass by themselves. */
const LASTING: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'other-source',
  'arch',
  'cpu-vendor',
  'cpu-features',
  'cpu-passthrough',
  'machine-type',
  'hypervisor-kind',
  'hypervisor-version',
  'firmware',
  'tsc',
  'nested',
  'confidential',
  'device',
  'network',
  'storage',
]);

/** Hosts between which VMs can move, and the VMs that run on them. */
export interface Source {
  readonly hosts: readonly number[];
  readonly vms: readonly number[];
  /** Of memory, what those VMs need together, in bytes. */
  readonly need: number;
  /** Whether all of them are on those hosts now. */
  readonly isAtHome: boolean;
}

/** A VM, and what it is taken to need. */
interface Guest {
  readonly v: number;
  readonly need: readonly number[];
}

/** The domains that are open to one, as far as its hosts were asked: so many from `first` on. */
interface OpenDomains {
  readonly first: number;
  asked: number;
  readonly open: Set<number>;
}

export class World {
  readonly model: Model;
  readonly #compatibility: Compatibility;
  readonly #domains = new Map<string, Domains>();
  #sources: readonly Source[] | undefined;
  readonly #fits = new Map<string, Uint8Array>();
  readonly #indexes = new Map<readonly HostId[], readonly number[]>();
  readonly #sets = new Map<CompiledRule, Domains>();
  readonly #open = new Map<Domains, Map<string, OpenDomains>>();

  constructor(setting: Setting) {
    this.model = setting.model;
    this.#compatibility = setting.termsOf('corrective').compatibility;
  }

  /** Who is off breaks nothing, and is left out. */
  members({ members }: CompiledRule): readonly number[] {
    return members.filter((v) => this.isOn(v));
  }

  /** How many members do not run now: each could be where none of the others is. */
  idleIn(compiled: CompiledRule): number {
    const { vmIndex } = this.model;
    const present = new Set(compiled.rule.vms.filter((id) => vmIndex.has(id)));
    return present.size - this.members(compiled).length;
  }

  isOn(v: number): boolean {
    return this.model.vms[v]?.powerState !== 'off';
  }

  domainsOf({ rule }: CompiledRule): Domains {
    return domainsOf(this.model, 'over' in rule ? rule.over : 'host', this.#domains);
  }

  setsOf(compiled: CompiledRule): Domains {
    const known = this.#sets.get(compiled);
    if (known !== undefined) return known;
    const { rule } = compiled;
    const sets = domainsOfSets(this.model, rule.kind === 'among' ? rule.sets : []);
    this.#sets.set(compiled, sets);
    return sets;
  }

  /** Why the VMs could not run there together were the host empty; undefined: they could. */
  misfit(vms: readonly number[], h: number): RefusalCode | undefined {
    const { home } = this.model;
    if (vms.every((v) => home[v] === h)) return undefined;
    const guests = vms.filter((v) => home[v] !== h);
    return this.#shortOf(this.#needOf(vms), h) ?? this.#refusalOf(guests, h);
  }

  /** Per host, whether the VMs could run there together were it empty: 1; not to be written to. */
  fits(vms: readonly number[]): Uint8Array {
    const { home, hosts } = this.model;
    const need = this.#needOf(vms);
    const key = `${need.join(' ')}|${[...new Set(vms.map((v) => this.#likenessOf(v)))].join('|')}`;
    const known =
      this.#fits.get(key) ??
      Uint8Array.from(hosts, (_host, h) => {
        return (this.#shortOf(need, h) ?? this.#refusalOf(vms, h)) === undefined ? 1 : 0;
      });
    this.#fits.set(key, known);
    // Where they are they can be, whoever else like them could not.
    const fits = known.slice();
    for (const v of vms) {
      const h = home[v] ?? -1;
      if (h >= 0) fits[h] = this.misfit(vms, h) === undefined ? 1 : 0;
    }
    return fits;
  }

  /**
   * Whether hosts of so many domains could run each of the VMs. Those that are alike are asked
   * about at once, as one that is as large as the largest of them; where that is too large, one by
   * one.
   */
  haveOpen(vms: readonly number[], wanted: number, domains: Domains): boolean {
    const alike = Map.groupBy(vms, (v) => this.#likenessOf(v));
    return alike.values().every((all) => {
      const [first = -1] = all;
      const largest = all.map((v) => this.#needOf([v])).reduce(largerOf);
      if (this.#openTo({ v: first, need: largest }, wanted, domains).size >= wanted) return true;
      return all.every((v) => this.#hasOpen(v, wanted, domains));
    });
  }

  #hasOpen(v: number, wanted: number, domains: Domains): boolean {
    const open = this.#openTo({ v, need: this.#needOf([v]) }, wanted, domains);
    const own = domains[this.model.home[v] ?? -1] ?? -1;
    return open.size + (own < 0 || open.has(own) ? 0 : 1) >= wanted;
  }

  /**
   * The domains of which a host could run a VM like this one that needs so much, its own host
   * apart. Looked for from that host on, and no further than to the last that is wanted: mostly the
   * next few.
   */
  #openTo(one: Guest, wanted: number, domains: Domains): ReadonlySet<number> {
    const { home, hosts } = this.model;
    const { v, need } = one;
    const known = this.#open.get(domains) ?? new Map<string, OpenDomains>();
    this.#open.set(domains, known);
    const key = `${need.join(' ')}|${this.#likenessOf(v)}`;
    const found = known.get(key) ?? {
      first: Math.max(0, home[v] ?? -1),
      asked: 0,
      open: new Set(),
    };
    known.set(key, found);
    const { first, open } = found;
    for (; found.asked < hosts.length && open.size < wanted; found.asked += 1) {
      const h = (first + found.asked) % hosts.length;
      const domain = domains[h] ?? -1;
      if (domain < 0 || open.has(domain)) continue;
      if ((this.#shortOf(need, h) ?? this.#refusalOf([v], h)) === undefined) open.add(domain);
    }
    return open;
  }

  /** Per resource but CPU, which comes and goes. */
  #needOf(vms: readonly number[]): readonly number[] {
    const { width, need } = this.model;
    const sums: number[] = [];
    for (let r = MEMORY_AT; r < width; r += 1) {
      sums.push(vms.reduce((sum, v) => sum + (need[v * width + r] ?? 0), 0));
    }
    return sums;
  }

  /** Of what nobody knows whether the host has it, nobody can say that it is too little. */
  #shortOf(need: readonly number[], h: number): RefusalCode | undefined {
    const { width, capacity, extras, firstExtra, hosts } = this.model;
    const host = hosts[h];
    for (const [index, wanted] of need.entries()) {
      const r = MEMORY_AT + index;
      const extra = extras[r - firstExtra];
      if (wanted <= 0 || wanted <= (capacity[h * width + r] ?? 0)) continue;
      if (extra === undefined) return codeName(r === MEMORY_AT ? MEMORY : HUGE_PAGES);
      if (host !== undefined && extra.hosts.has(host.id)) return 'resource';
    }
    return undefined;
  }

  /** VMs of one likeness are refused by the same hosts, but for their own. */
  #likenessOf(v: number): string {
    return `${this.#compatibility.classOf(v)} ${this.model.vms[v]?.vcpus ?? 0}`;
  }

  #refusalOf(vms: readonly number[], h: number): RefusalCode | undefined {
    const { model } = this;
    const threads = model.hosts[h]?.cpu.threads ?? 0;
    for (const v of vms) {
      if ((model.vms[v]?.vcpus ?? 0) > threads) return 'vcpus';
      const { code } = this.#compatibility.way(v, h);
      const name = code === 0 ? undefined : codeName(code);
      if (name !== undefined && LASTING.has(name)) return name;
    }
    return undefined;
  }

  sources(): readonly Source[] {
    if (this.#sources !== undefined) return this.#sources;
    const { hosts, vms, home, need, width } = this.model;
    const running = Map.groupBy(
      [...vms.keys()].filter((v) => this.isOn(v)),
      (v) => vms[v]?.source,
    );
    const sourceAt = (h: number): SourceId | undefined => hosts[h]?.source;
    this.#sources = [...Map.groupBy(hosts.keys(), sourceAt)].map(([source, own]) => {
      const guests = running.get(source) ?? [];
      return {
        hosts: own,
        vms: guests,
        need: guests.reduce((sum, v) => sum + (need[v * width + MEMORY_AT] ?? 0), 0),
        isAtHome: guests.every((v) => sourceAt(home[v] ?? -1) === source),
      };
    });
    return this.#sources;
  }

  /** Of those that exist, ascending. */
  indexesOf(hosts: readonly HostId[]): readonly number[] {
    const known = this.#indexes.get(hosts);
    if (known !== undefined) return known;
    const found = new Set(hosts.map((id) => this.model.hostIndex.get(id) ?? -1));
    const indexes = [...found].filter((h) => h >= 0).sort((a, b) => a - b);
    this.#indexes.set(hosts, indexes);
    return indexes;
  }

  namesOf(vms: readonly number[]): string {
    return listed(vms.map((v) => this.model.vms[v]?.name ?? ''));
  }

  hostName(h: number): string {
    return this.model.hosts[h]?.name ?? '';
  }
}

function largerOf(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((need, r) => Math.max(need, b[r] ?? 0));
}

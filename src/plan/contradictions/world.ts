/** What does not change while sets of rules are tried: who is meant, who could run where. */

import { codeName } from '../codes.ts';
import { listed } from '../../domain/listed.ts';
import { resourceCode } from '../resource-words.ts';
import { MEMORY_AT, type Model } from '../model.ts';
import { type Domains, domainsOf, domainsOfSets } from '../rules/domains.ts';
import type { CompiledRule } from '../rules/rule.ts';
import type { Setting } from '../setting.ts';
import type { HostId } from '../../domain/ids.ts';
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

interface Source {
  readonly hosts: readonly number[];
  readonly vms: readonly number[];
}

export class World {
  readonly model: Model;
  readonly #setting: Setting;
  readonly #domains = new Map<string, Domains>();
  readonly #counts = new Map<Domains, number>();
  #sources: readonly Source[] | undefined;
  readonly #sets = new Map<CompiledRule, Domains>();

  constructor(setting: Setting) {
    this.model = setting.model;
    this.#setting = setting;
  }

  /** Who is off breaks nothing, and is left out. */
  members({ members }: CompiledRule): readonly number[] {
    return members.filter((v) => this.isOn(v));
  }

  isOn(v: number): boolean {
    return this.model.vms[v]?.powerState !== 'off';
  }

  domainsOf({ rule }: CompiledRule): Domains {
    return domainsOf(this.model, 'over' in rule ? rule.over : 'host', this.#domains);
  }

  /** How many domains of the rule's kind there are. */
  countOf(compiled: CompiledRule): number {
    const domains = this.domainsOf(compiled);
    const known = this.#counts.get(domains) ?? new Set(domains.filter((d) => d >= 0)).size;
    this.#counts.set(domains, known);
    return known;
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
    const { width, need, capacity, home } = this.model;
    if (vms.every((v) => home[v] === h)) return undefined;
    for (let r = MEMORY_AT; r < width; r += 1) {
      const wanted = vms.reduce((sum, v) => sum + (need[v * width + r] ?? 0), 0);
      if (wanted <= 0 || wanted <= (capacity[h * width + r] ?? 0)) continue;
      return codeName(resourceCode(this.model, h, r));
    }
    for (const v of vms) {
      const code = this.#misfitOf(v, h);
      if (code !== undefined) return code;
    }
    return undefined;
  }

  #misfitOf(v: number, h: number): RefusalCode | undefined {
    const { home, vms, hosts } = this.model;
    if (home[v] === h) return undefined;
    if ((vms[v]?.vcpus ?? 0) > (hosts[h]?.cpu.threads ?? 0)) return 'vcpus';
    const { code } = this.#setting.termsOf('corrective').compatibility.way(v, h);
    if (code === 0) return undefined;
    const name = codeName(code);
    return LASTING.has(name) ? name : undefined;
  }

  /** Hosts between which VMs can move, and the VMs that run on them. */
  sources(): readonly Source[] {
    const { hosts, vms } = this.model;
    this.#sources ??= [...Map.groupBy(hosts.keys(), (h) => hosts[h]?.source)].map(
      ([source, own]) => ({
        hosts: own,
        vms: [...vms.keys()].filter((v) => vms[v]?.source === source && this.isOn(v)),
      }),
    );
    return this.#sources;
  }

  /** Of those that exist, ascending. */
  indexesOf(hosts: readonly HostId[]): readonly number[] {
    const found = new Set(hosts.map((id) => this.model.hostIndex.get(id) ?? -1));
    return [...found].filter((h) => h >= 0).sort((a, b) => a - b);
  }

  namesOf(vms: readonly number[]): string {
    return listed(vms.map((v) => this.model.vms[v]?.name ?? ''));
  }

  hostName(h: number): string {
    return this.model.hosts[h]?.name ?? '';
  }
}

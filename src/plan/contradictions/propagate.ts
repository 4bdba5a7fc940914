/**
 * Whether a set of hard rules leaves a placement at all, as far as that is seen by narrowing down
 * the hosts of each VM: what is called a conflict is one, for certain. In turn: VMs that are to be
 * on one host count as one; pins and their like take hosts away; groups that are to be in one
 * domain lose those that some member may not enter; groups that are to be apart, or spread, need a
 * matching of members and domains that could run them (matching.ts); who depends on others has to
 * be able to be with one (company.ts); licences are counted (licences.ts), and the memory that has
 * to be, and may be, on the same hosts (rooms.ts).
 *
 * It does not find what takes trying out: several groups that are to be apart or spread and want
 * the same few hosts (each is looked at by itself), a spread or a dependency within a group that is
 * to be in one domain, a dependency all of whose VMs are wanted by others elsewhere, hosts that
 * lonely VMs need for themselves, a choice of licensed hosts on which three groups meet in pairs
 * only, whether all VMs fit together (regions of hosts are looked at one by one, by memory), and
 * anything about the demand for CPU, which comes and goes.
 */

import type { Domains } from '../rules/domains.ts';
import type { CompiledRule } from '../rules/rule.ts';
import { findAlone } from './company.ts';
import type { Conflict, Leeway, Unit } from './leeway.ts';
import { findUnlicensed } from './licences.ts';
import { match } from './matching.ts';
import { findNoRoom } from './rooms.ts';
import type { World } from './world.ts';
import { listed } from '../../domain/listed.ts';

/** Rounds in which groups take domains from each other; each can only find more. */
const MAX_ROUNDS = 8;

/** @param sized whether hosts count that could not run the VM by size, CPU or reach: false, no. */
export function findConflict(
  world: World,
  rules: readonly CompiledRule[],
  sized: boolean,
): Conflict | undefined {
  return new Propagation(world, rules, sized).run();
}

class Propagation implements Leeway {
  readonly #world: World;
  readonly #rules: readonly CompiledRule[];
  readonly #sized: boolean;
  /** Of each VM, all that are to be on one host with it; itself alone where it is in none. */
  readonly #unit = new Map<number, Unit>();
  /** Per unit, the hosts that are left: 1; absent: all. */
  readonly #left = new Map<readonly number[], Uint8Array>();

  constructor(world: World, rules: readonly CompiledRule[], sized: boolean) {
    this.#world = world;
    this.#rules = rules;
    this.#sized = sized;
  }

  run(): Conflict | undefined {
    this.#unite();
    return (
      this.#torn() ??
      this.#homeless() ??
      this.#scattered() ??
      this.#crowded() ??
      findAlone(this) ??
      findUnlicensed(this, this.#sized) ??
      (this.#sized ? findNoRoom(this) : undefined)
    );
  }

  get world(): World {
    return this.#world;
  }

  unitOf(v: number): Unit {
    return this.#unit.get(v) ?? [v];
  }

  isNamed(v: number): boolean {
    return this.#unit.has(v);
  }

  all(): readonly Unit[] {
    return [...new Set(this.#unit.values())];
  }

  of(...kinds: readonly CompiledRule['rule']['kind'][]): readonly CompiledRule[] {
    return this.#rules.filter(({ rule }) => kinds.includes(rule.kind));
  }

  #unite(): void {
    for (const compiled of this.#rules) {
      for (const v of this.#world.members(compiled)) {
        if (!this.#unit.has(v)) this.#unit.set(v, [v]);
      }
    }
    for (const compiled of this.of('affinity')) {
      if (!isOverHosts(compiled)) continue;
      const units = this.units(compiled);
      const all = units.flat().sort((a, b) => a - b);
      for (const v of all) this.#unit.set(v, all);
    }
  }

  /** Of the rule's members, each once. */
  units(compiled: CompiledRule): readonly (readonly number[])[] {
    return [...new Set(this.#world.members(compiled).flatMap((v) => [this.#unit.get(v) ?? [v]]))];
  }

  /** Together and apart at once. */
  #torn(): Conflict | undefined {
    for (const compiled of this.of('anti-affinity', 'lonely')) {
      const members = new Set(this.#world.members(compiled));
      for (const unit of this.units(compiled)) {
        const own = unit.filter((v) => members.has(v));
        if (compiled.rule.kind === 'anti-affinity' && own.length > 1) {
          if (this.#keepToUnknown(unit, compiled)) continue;
          return { vms: own, text: `${this.#names(own)} are to be on one host, and apart` };
        }
        const others = unit.filter((v) => !members.has(v));
        if (compiled.rule.kind !== 'lonely' || others.length === 0) continue;
        const [who, whom] = [this.#names(own), this.#names(others)];
        const text = `no other is to be on the host of ${who}, and ${whom} has to be`;
        return { vms: unit, text };
      }
    }
    return undefined;
  }

  /** Who is on one host and in no known domain is compared with nobody. False: all are known. */
  #keepToUnknown(unit: Unit, compiled: CompiledRule): boolean {
    const domains = this.#domainsOf(compiled);
    if (!domains.includes(-1)) return false;
    this.#narrow(unit, (h) => domains[h] === -1);
    return true;
  }

  /** Pins and their like, and what the VM needs of a host. */
  #homeless(): Conflict | undefined {
    for (const compiled of this.of('pin', 'avoid', 'among', 'licensed')) {
      const isAllowed = allowedBy(compiled, this.#world);
      for (const unit of this.units(compiled)) this.#narrow(unit, isAllowed);
    }
    for (const compiled of this.of('spare')) {
      const isAllowed = allowedBy(compiled, this.#world);
      for (const unit of this.all()) this.#narrow(unit, isAllowed);
    }
    const units = new Set([...this.#unit.values()].filter((one) => one.length > 1));
    for (const unit of this.#left.keys()) units.add(unit);
    for (const unit of units) {
      const before = this.#left.get(unit)?.slice();
      if (this.#sized) {
        const fits = this.#world.fits(unit);
        this.#narrow(unit, (h) => fits[h] === 1);
      }
      if (this.leftOf(unit)?.includes(1) ?? this.#world.model.hosts.length > 0) continue;
      const together = unit.length > 1 ? ' together' : '';
      const misfits = this.#hostsIn(before).map(
        (h) => `${this.#world.hostName(h)}: ${this.#world.misfit(unit, h) ?? ''}`,
      );
      const why = misfits.length === 0 ? '' : ` that could run them (${listed(misfits)})`;
      return { vms: unit, text: `no host is left for ${this.#names(unit)}${together}${why}` };
    }
    return undefined;
  }

  /** Groups that are to be in one domain: round by round, as each may take hosts from others. */
  #scattered(): Conflict | undefined {
    const groups = this.of('affinity', 'among').filter((one) => !isOverHosts(one));
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      let changed = false;
      for (const group of groups) {
        const domains = this.#domainsOf(group);
        const units = this.#comparedIn(group, domains);
        const open = this.#openDomains(group, units, domains);
        if (open.size === 0 && units.length > 0) {
          const bound = new Set(units.flat());
          const vms = this.#world.members(group).filter((v) => bound.has(v));
          const text = `no ${placeOf(group)} is left in which ${this.#names(vms)} could all be`;
          return { vms, text };
        }
        for (const unit of units) {
          changed = this.#narrow(unit, (h) => open.has(domains[h] ?? -1)) || changed;
        }
      }
      if (!changed) break;
    }
    return undefined;
  }

  /** Domains that each unit may enter, and that have room for those to be kept apart in them. */
  #openDomains(group: CompiledRule, units: readonly Unit[], domains: Domains): ReadonlySet<number> {
    const open = new Set(domains.filter((domain) => domain >= 0));
    for (const unit of units) {
      const entered = new Set(this.#openTo(unit).map((h) => domains[h] ?? -1));
      for (const domain of open) if (!entered.has(domain)) open.delete(domain);
    }
    const bound = new Set(units.flat());
    const members = new Set(this.#world.members(group).filter((v) => bound.has(v)));
    for (const apart of this.of('anti-affinity')) {
      const count = this.#world.members(apart).filter((v) => members.has(v)).length;
      if (count < 2) continue;
      const inner = this.#domainsOf(apart);
      for (const domain of open) {
        const within = new Set(inner.filter((_d, h) => domains[h] === domain));
        if (within.size < count && !within.has(-1)) open.delete(domain);
      }
    }
    return open;
  }

  /** Groups that need more domains than are left for them. */
  #crowded(): Conflict | undefined {
    for (const group of this.of('anti-affinity', 'spread')) {
      const members = this.#world.members(group);
      const { rule } = group;
      const isSpread = rule.kind === 'spread';
      if (members.length === 0) continue;
      const domains = this.#domainsOf(group);
      const units = isSpread ? this.units(group) : this.#comparedIn(group, domains);
      const wanted = isSpread ? rule.minimum - this.#world.idleIn(group) : units.length;
      const partners = units.map((unit) => this.#entered(unit, domains));
      // Each has a partner to spare: no need to match them.
      const fewest = Math.min(...partners.map((own) => own.length));
      if (units.length >= wanted && fewest >= wanted) continue;
      const { size, crowd } = match(partners);
      if (size >= wanted) continue;
      const place = placeOf(group);
      if (group.rule.kind === 'spread') {
        const why = this.#sized ? ' by what they need of a host' : '';
        const text = `are to be in ${wanted} different ${place}s, and can be in ${size} at most`;
        return { vms: members, text: `${this.#names(members)} ${text}${why}` };
      }
      const crowded = new Set(crowd.flatMap((index) => units[index] ?? []));
      const vms = members.filter((v) => crowded.has(v));
      const shared = new Set(crowd.flatMap((index) => partners[index] ?? []));
      const asked = `are to be in ${vms.length} different ${place}s`;
      const left = this.#sized ? 'are left that could run them' : 'left for them';
      return { vms, text: `${this.#names(vms)} ${asked}, and only ${shared.size} ${left}` };
    }
    return undefined;
  }

  /**
   * The rule's units but for those that may be on a host of which the domain is not known: there
   * they are compared with nobody. To be outside of all sets of hosts is known, and wrong.
   */
  #comparedIn(group: CompiledRule, domains: Domains): readonly Unit[] {
    const units = this.units(group);
    if (group.rule.kind === 'among' || !domains.includes(-1)) return units;
    return units.filter((unit) => this.#openTo(unit).every((h) => domains[h] !== -1));
  }

  #entered(unit: readonly number[], domains: Domains): readonly number[] {
    const entered = new Set(this.#openTo(unit).map((h) => domains[h] ?? -1));
    return [...entered].filter((domain) => domain >= 0);
  }

  /** Of the hosts that rules leave the unit, those that could run it; where none can, all. */
  #openTo(unit: Unit): readonly number[] {
    const hosts = this.hostsOf(unit);
    if (!this.#sized) return hosts;
    const fits = this.#world.fits(unit);
    const open = hosts.filter((h) => fits[h] === 1);
    return open.length === 0 ? hosts : open;
  }

  #domainsOf(group: CompiledRule): Domains {
    return group.rule.kind === 'among' ? this.#world.setsOf(group) : this.#world.domainsOf(group);
  }

  hostsOf(unit: Unit): readonly number[] {
    return this.#hostsIn(this.#left.get(unit));
  }

  leftOf(unit: Unit): Uint8Array | undefined {
    return this.#left.get(unit);
  }

  #hostsIn(left: Uint8Array | undefined): readonly number[] {
    const found: number[] = [];
    for (const h of this.#world.model.hosts.keys()) {
      if (left === undefined || left[h] === 1) found.push(h);
    }
    return found;
  }

  /** True: hosts were taken away. */
  #narrow(unit: readonly number[], isAllowed: (h: number) => boolean): boolean {
    const count = this.#world.model.hosts.length;
    const left = this.#left.get(unit) ?? new Uint8Array(count).fill(1);
    let taken = false;
    for (let h = 0; h < count; h += 1) {
      if (left[h] !== 1 || isAllowed(h)) continue;
      left[h] = 0;
      taken = true;
    }
    if (taken) this.#left.set(unit, left);
    return taken;
  }

  #names(vms: readonly number[]): string {
    return this.#world.namesOf(vms);
  }
}

function isOverHosts({ rule }: CompiledRule): boolean {
  return rule.kind === 'affinity' && rule.over === 'host';
}

function placeOf({ rule }: CompiledRule): string {
  if (rule.kind === 'among') return 'set of hosts';
  return 'over' in rule ? rule.over : 'host';
}

/** Of the kinds that name hosts. */
function allowedBy(compiled: CompiledRule, world: World): (h: number) => boolean {
  const { rule } = compiled;
  if (rule.kind === 'among') {
    const sets = world.setsOf(compiled);
    return (h) => (sets[h] ?? -1) >= 0;
  }
  const hosts = 'hosts' in rule ? rule.hosts : undefined;
  if (hosts === undefined) return () => true;
  const named = new Set(hosts.map((id) => world.model.hostIndex.get(id)));
  const isInside = rule.kind === 'pin' || rule.kind === 'licensed';
  return (h) => named.has(h) === isInside;
}

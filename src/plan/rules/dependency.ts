/**
 * Dependency: each member needs another VM, one that is certainly there, in its fault domain. A VM
 * in flight, or about to be, is needed and of use on both of its hosts only: whichever way its move
 * ends. `always`: who is moved by the plan is of use nowhere and in need in both places, since no
 * move waits for another one's end; `finally`: it is where it ends. Members that have nobody when
 * the planning begins are free to go; they stay members for those who are to leave them.
 */

import type { DependencyRule } from '../../domain/placement.ts';
import type { Model } from '../model.ts';
import { type Domains, Tally, tally } from './domains.ts';
import type { Answers } from './rule.ts';

export function dependencyRule(model: Model, rule: DependencyRule, domains: Domains): Answers {
  const { needy, sources, there, inNeed, wasServed } = castOf(model, rule, domains);
  const isNeedy = new Set(needy);
  const isSource = new Set(sources);
  const domainAt = (h: number): number => domains[h] ?? -1;
  /** `there` when all moves so far have ended. */
  const ending = rule.hold === 'finally' ? there : there.copy();
  /** Somebody who stays in the domain would have nobody else when the source has left. */
  function leavesAlone(v: number, domain: number): boolean {
    if (domain < 0 || !there.at(domain).has(v)) return false;
    const stays = inNeed.at(domain) - Number(isNeedy.has(v));
    const [last, ...more] = [...there.at(domain)].filter((source) => source !== v);
    if (stays <= 0 || more.length > 0) return false;
    return last === undefined || isNeedy.has(last);
  }
  const alone = (at: Int32Array): readonly number[] => {
    const beside = tally(sources, at, domains);
    return needy.filter((v) => {
      const domain = domainAt(at[v] ?? -1);
      return domain < 0 || beside.at(domain) - Number(isSource.has(v)) === 0;
    });
  };
  return {
    forbids(v, from, to) {
      const [source, target] = [domainAt(from), domainAt(to)];
      if (source === target && source >= 0) return false;
      if (wasServed.has(v) && there.others(v, target) === 0) return true;
      // Who has gained one in the plan does not lose it again.
      const hasOne = isNeedy.has(v) && ending.others(v, source) > 0;
      if (hasOne && ending.others(v, target) === 0) return true;
      return leavesAlone(v, source);
    },
    count(v, from, to, sign) {
      const [source, target] = [domainAt(from), domainAt(to)];
      if (source === target) return;
      if (isNeedy.has(v)) {
        inNeed.add(target, sign);
        if (rule.hold === 'finally') inNeed.add(source, -sign);
      }
      if (!isSource.has(v)) return;
      const [left, gained] = sign === 1 ? [source, target] : [target, source];
      ending.delete(v, left);
      ending.add(v, gained);
      if (ending === there) return;
      if (sign === 1) there.delete(v, source);
      else there.add(v, source);
    },
    broken: (at) => alone(at).length,
    instead: (v) => [sources.filter((one) => one !== v)],
    remedy(v, at) {
      if (!alone(at).includes(v)) return undefined;
      const beside = tally(sources, at, domains, v);
      return (to) => domainAt(to) >= 0 && beside.at(domainAt(to)) > 0;
    },
    movers: () => needy.toSorted((a, b) => (model.cost[a] ?? 0) - (model.cost[b] ?? 0) || a - b),
  };
}

/** Who is who when the planning begins, of those that run. */
interface Cast {
  readonly needy: readonly number[];
  readonly sources: readonly number[];
  /** Per domain: who is certainly there to be needed, and how many may be there in need. */
  readonly there: Places;
  readonly inNeed: Tally;
  /** Of the needy those who have somebody. */
  readonly wasServed: ReadonlySet<number>;
}

function castOf(model: Model, rule: DependencyRule, domains: Domains): Cast {
  const domainAt = (h: number): number => domains[h] ?? -1;
  const indexed = (ids: DependencyRule['vms']): number[] =>
    [...new Set(ids)]
      .flatMap((id) => model.vmIndex.get(id) ?? [])
      .filter((v) => model.vms[v]?.powerState !== 'off')
      .sort((a, b) => a - b);
  const [needy, sources] = [indexed(rule.vms), indexed(rule.on)];
  const placesOf = (v: number): readonly number[] => {
    const also = model.alsoAt[v] ?? -1;
    const places = [domainAt(model.home[v] ?? -1), ...(also < 0 ? [] : [domainAt(also)])];
    return [...new Set(places)];
  };
  const there = new Places();
  for (const v of sources) {
    const [only, other] = placesOf(v);
    if (other === undefined) there.add(v, only ?? -1);
  }
  const inNeed = new Tally();
  for (const v of needy) for (const domain of placesOf(v)) inNeed.add(domain, 1);
  // Who has a place reserved elsewhere may go there, or may not: nobody is free to go for that.
  const now = (v: number): readonly number[] => {
    const [home, isAbout] = [model.home[v] ?? -1, model.vms[v]?.host];
    return isAbout === model.hosts[home]?.id ? [domainAt(home)] : placesOf(v);
  };
  const isBeside = (v: number, domain: number): boolean =>
    domain >= 0 && now(v).every((one) => one === domain);
  const isServed = (v: number): boolean =>
    now(v).every((domain) => sources.some((one) => one !== v && isBeside(one, domain)));
  return { needy, sources, there, inNeed, wasServed: new Set(needy.filter(isServed)) };
}

/** VMs by the domain that they are in; who is in no known one is nowhere. */
class Places {
  readonly #sets = new Map<number, Set<number>>();

  at(domain: number): ReadonlySet<number> {
    return this.#sets.get(domain) ?? NOBODY;
  }

  /** How many are there beside this one. */
  others(v: number, domain: number): number {
    const there = this.at(domain);
    return there.size - Number(there.has(v));
  }

  add(v: number, domain: number): void {
    const there = this.#sets.get(domain);
    if (there !== undefined) there.add(v);
    else if (domain >= 0) this.#sets.set(domain, new Set([v]));
  }

  delete(v: number, domain: number): void {
    this.#sets.get(domain)?.delete(v);
  }

  copy(): Places {
    const made = new Places();
    for (const [domain, there] of this.#sets) for (const v of there) made.add(v, domain);
    return made;
  }
}

const NOBODY: ReadonlySet<number> = new Set();

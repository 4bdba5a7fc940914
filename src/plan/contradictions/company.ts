/**
 * Dependencies that leave a VM nobody: none of those that it needs runs, may come to where it may
 * be, or may be on one host with it. A VM that may go to a host of which the domain is not known is
 * in no conflict: nobody can say that it is alone there.
 */

import type { CompiledRule } from '../rules/rule.ts';
import type { Conflict, Leeway } from './leeway.ts';

export function findAlone(leeway: Leeway): Conflict | undefined {
  for (const compiled of leeway.of('dependency')) {
    const found = aloneIn(leeway, compiled);
    if (found !== undefined) return found;
  }
  return undefined;
}

function aloneIn(leeway: Leeway, compiled: CompiledRule): Conflict | undefined {
  const { world } = leeway;
  const { rule } = compiled;
  if (rule.kind !== 'dependency') return undefined;
  const running = (ids: readonly string[]): number[] => {
    const named = new Set(ids);
    return world.members(compiled).filter((v) => named.has(world.model.vms[v]?.id ?? ''));
  };
  const domains = world.domainsOf(compiled);
  const domainsOf = (v: number): ReadonlySet<number> =>
    new Set(leeway.hostsOf(leeway.unitOf(v)).map((h) => domains[h] ?? -1));
  const sources = running(rule.on);
  const place = rule.over;
  for (const v of running(rule.vms)) {
    const own = domainsOf(v);
    if (own.has(-1)) continue;
    const others = sources.filter((one) => one !== v);
    const isNear = (one: number): boolean =>
      leeway.unitOf(one) === leeway.unitOf(v) ||
      ([...domainsOf(one)].some((domain) => own.has(domain)) &&
        !arePartedBy(leeway, [v, one], place));
    if (others.some(isNear)) continue;
    const who = world.namesOf([v]);
    if (others.length === 0) return { vms: [v], text: `none of the VMs that ${who} needs runs` };
    const text = `none of those that ${who} needs can be in one ${place} with it`;
    return { vms: [v, ...others], text: `${text}: ${world.namesOf(others)}` };
  }
  return undefined;
}

/**
 * Whether the two are not to be in one place of the kind. A host is in one place of every kind, or
 * nobody knows in which, and then they are not compared.
 */
function arePartedBy(leeway: Leeway, pair: readonly number[], over: string): boolean {
  return leeway.of('anti-affinity', 'lonely').some((compiled) => {
    const members = new Set(leeway.world.members(compiled));
    const inside = pair.filter((v) => members.has(v)).length;
    if (compiled.rule.kind === 'lonely') return over === 'host' && inside === 1;
    if (inside < 2 || !('over' in compiled.rule)) return false;
    const isKnown = !leeway.world.domainsOf(compiled).includes(-1);
    return compiled.rule.over === over || (over === 'host' && isKnown);
  });
}

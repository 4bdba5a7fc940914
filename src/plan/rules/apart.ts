/** Anti-affinity: no two members in one domain. What is of no known domain is never apart. */

import type { AntiAffinityRule } from '../../domain/placement.ts';
import { type Counts, countMove, tally } from './domains.ts';
import type { Answers } from './rule.ts';

export function apartRule(
  rule: AntiAffinityRule,
  members: readonly number[],
  counts: Counts,
): Answers {
  const { domainOf } = counts;
  function collides(a: number, b: number): boolean {
    const [first, second] = [domainOf[a] ?? -1, domainOf[b] ?? -1];
    return first < 0 || second < 0 || first === second;
  }
  return {
    collides,
    forbids: (_v, from, to, outlook) =>
      meets(counts, from, to, rule.hold === 'finally' || outlook === 'in-the-end'),
    count: (_v, from, to, sign) => countMove(counts, from, to, sign),
    broken: (at) => tally(members, at, domainOf).surplus(),
    strain(v, at) {
      const others = tally(members, at, domainOf, v);
      const company = (h: number): number => Math.min(1, others.at(domainOf[h] ?? -1));
      return (to) => company(to) - company(at[v] ?? -1);
    },
    instead(v, at) {
      const here = domainOf[at[v] ?? -1] ?? -1;
      const isBeside = (one: number): boolean =>
        one !== v && here >= 0 && domainOf[at[one] ?? -1] === here;
      return members.filter(isBeside).map((one) => [one]);
    },
    remedy(v, at) {
      const others = members.filter((member) => member !== v);
      const isClear = (h: number): boolean =>
        !others.some((member) => collides(h, at[member] ?? -1));
      return isClear(at[v] ?? -1) ? undefined : isClear;
    },
  };
}

/** Within one domain nobody is met who was not met before, even where the rule is broken. */
function meets(counts: Counts, from: number, to: number, net: boolean): boolean {
  const target = counts.domainOf[to] ?? -1;
  if (target < 0) return true;
  const source = counts.domainOf[from] ?? -1;
  if (source === target) return false;
  const itself = source < 0 ? 1 : 0;
  const count = net ? counts.net : counts.gross;
  return count.at(target) + count.at(-1) - itself > 0;
}

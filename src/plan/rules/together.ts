/**
 * Affinity: all members in one domain. Among is the same over given sets of hosts, but that being
 * outside of all of them is worse than being alone in one.
 */

import type { AffinityRule, AmongRule } from '../../domain/placement.ts';
import { type Counts, countMove, tally } from './domains.ts';
import type { Answers } from './rule.ts';

export function togetherRule(
  rule: AffinityRule | AmongRule,
  members: readonly number[],
  counts: Counts,
): Answers {
  const { domainOf } = counts;
  const areTogether = (a: number, b: number): boolean =>
    (domainOf[a] ?? -1) >= 0 && domainOf[a] === domainOf[b];
  const isOutside = (h: number): boolean => rule.kind === 'among' && (domainOf[h] ?? -1) < 0;
  return {
    gathers: areTogether,
    instead(v, at) {
      const here = at[v] ?? -1;
      if (isOutside(here)) return [[]];
      // Who is in no known domain is not known to be parted from the others.
      if (!areTogether(here, here)) return [members.filter((one) => one !== v)];
      const isElsewhere = (h: number): boolean =>
        isOutside(h) || (areTogether(h, h) && !areTogether(h, here));
      return members.filter((one) => isElsewhere(at[one] ?? -1)).map((one) => [one]);
    },
    forbids(_v, from, to) {
      if (isOutside(from)) return !gathers(counts, to);
      return parts(counts, members.length, { from, to, finally: rule.hold === 'finally' });
    },
    count: (_v, from, to, sign) => countMove(counts, from, to, sign),
    broken: (at) => members.length - tally(members, at, domainOf).most(),
    strain(v, at) {
      const others = tally(members, at, domainOf, v);
      const most = others.most();
      const largest = (h: number): number => {
        const domain = domainOf[h] ?? -1;
        return domain < 0 ? most : Math.max(most, others.at(domain) + 1);
      };
      return (to) => largest(at[v] ?? -1) - largest(to);
    },
    remedy(v, at) {
      const others = tally(members, at, domainOf, v);
      const most = others.most();
      const company = (h: number): number => others.at(domainOf[h] ?? -1);
      const here = company(at[v] ?? -1);
      if (isOutside(at[v] ?? -1)) return (to) => !isOutside(to) && company(to) === most;
      if (most <= here) return undefined;
      return (to) => company(to) > here;
    },
  };
}

/**
 * Whether most of those who are inside a set are in this one, also with those counted who are, or
 * may still be, in another one: a member in flight may stay where it is. So no move uses one more
 * set.
 */
function gathers({ domainOf, net, gross }: Counts, to: number): boolean {
  const target = domainOf[to] ?? -1;
  if (target < 0) return false;
  return gross.most(target) <= net.at(target);
}

interface Question {
  readonly from: number;
  readonly to: number;
  /** The rule has to hold in the end only. */
  readonly finally: boolean;
}

/**
 * A rule that holds may not be broken: all the others have to be in the target's domain. One that
 * is broken already may not get worse: in the end the target needs as many of the others as the
 * source has; at every moment (or while a member is in flight) it needs more, for the VM is in
 * both places while it moves.
 */
function parts(counts: Counts, size: number, question: Question): boolean {
  const { from, to } = question;
  const target = counts.domainOf[to] ?? -1;
  const source = counts.domainOf[from] ?? -1;
  if (target < 0) return true;
  if (target === source) return false;
  // Of no known domain (-1) counts as one place.
  const here = counts.net.at(source) - 1;
  const there = counts.net.at(target);
  const holds = here === size - 1;
  if (holds) return size > 1;
  if (question.finally && !counts.unsettled) return there < here;
  const onTheWay = counts.gross.at(target) !== there;
  return onTheWay || there <= here;
}

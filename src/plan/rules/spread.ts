/**
 * Spread: the members are in at least so many domains. `always` is judged for the worst moment of
 * any order of the moves, failed ones included: who moves is then in either of two domains,
 * whichever is less help. What is certain is the domains of those who stay, and as many more as are
 * needed to meet each of the moves between two others (fewest-meeting.ts).
 */

import type { SpreadRule } from '../../domain/placement.ts';
import type { Model } from '../model.ts';
import { type Domains, Tally, tally } from './domains.ts';
import { type Pair as Journey, fewestMeeting } from './fewest-meeting.ts';
import type { Answers } from './rule.ts';

export function spreadRule(
  model: Model,
  rule: SpreadRule,
  members: readonly number[],
  domains: Domains,
): Answers {
  // What a move has gained in the end is not given away again by another one; and who has a place
  // reserved elsewhere may go there, or may not.
  const views = (rule.hold === 'finally' ? [true] : [false, true]).flatMap((arrived) =>
    [false, true].map((stays) => ({ sure: new Certainty(arrived), stays })),
  );
  const domainAt = (h: number): number => domains[h] ?? -1;
  for (const v of members) {
    const home = model.home[v] ?? -1;
    const other = model.alsoAt[v] ?? -1;
    const isReserved = model.vms[v]?.host === model.hosts[home]?.id;
    for (const { sure, stays } of views) {
      const isSettled = other < 0 || (stays && isReserved);
      sure.add(domainAt(home), domainAt(isSettled ? home : other));
    }
  }
  return {
    forbids(_v, from, to) {
      const [source, target] = [domainAt(from), domainAt(to)];
      if (source === target) return false;
      return views.some(({ sure }) => {
        const before = sure.domains(rule.minimum);
        sure.move(source, target, 1);
        const after = sure.domains(rule.minimum);
        sure.move(source, target, -1);
        return after < before;
      });
    },
    count(_v, from, to, sign) {
      for (const { sure } of views) sure.move(domainAt(from), domainAt(to), sign);
    },
    broken: (at) =>
      Math.max(0, Math.min(rule.minimum, members.length) - tally(members, at, domains).used()),
    strain(v, at) {
      const others = tally(members, at, domains, v);
      const [taken, wanted] = [others.used(), Math.min(rule.minimum, members.length)];
      const missing = (h: number): number => {
        const isNew = domainAt(h) >= 0 && others.at(domainAt(h)) === 0;
        return Math.max(0, wanted - taken - Number(isNew));
      };
      return (to) => missing(to) - missing(at[v] ?? -1);
    },
    instead: (v) => [members.filter((one) => one !== v)],
    remedy(v, at) {
      const there = tally(members, at, domains);
      const here = domainAt(at[v] ?? -1);
      if (there.at(here) === 1 || there.used() >= rule.minimum) return undefined;
      return (to) => domainAt(to) >= 0 && there.at(domainAt(to)) === 0;
    },
  };
}

/** How many domains have a member whatever happens. */
class Certainty {
  /** Members per domain who are there for certain. */
  readonly #settled = new Tally();
  /** Who may be in either of two domains. */
  readonly #journeys: Journey[] = [];
  /** Moves of the plan are taken to be done. */
  readonly #arrived: boolean;

  constructor(arrived: boolean) {
    this.#arrived = arrived;
  }

  add(one: number, other: number): void {
    if (one === other) this.#settled.add(one, 1);
    else this.#journeys.push([one, other]);
  }

  move(source: number, target: number, sign: 1 | -1): void {
    if (source === target) return;
    this.#settled.add(source, -sign);
    if (this.#arrived) this.#settled.add(target, sign);
    else if (sign === 1) this.#journeys.push([source, target]);
    else {
      const isIt = ([from, to]: Journey): boolean => from === source && to === target;
      this.#journeys.splice(this.#journeys.findLastIndex(isIt), 1);
    }
  }

  /** @param enough more than that is not counted */
  domains(enough: number): number {
    const settled = this.#settled.used();
    const isOpen = (domain: number): boolean => domain >= 0 && this.#settled.at(domain) <= 0;
    const open = this.#journeys.filter(([one, other]) => isOpen(one) && isOpen(other));
    return Math.min(enough, settled + fewestMeeting(open, enough - settled));
  }
}

/**
 * Lonely: nobody else runs on the hosts of the members. Asked about everybody, since it binds the
 * others as much; who is off is no company. `always`: who is there or may be on the way counts.
 */

import type { LonelyRule } from '../../domain/placement.ts';
import type { Model } from '../model.ts';
import type { Answers } from './rule.ts';

/** Per host: running members, and running others. */
interface Crowd {
  readonly members: Int32Array;
  readonly others: Int32Array;
}

export function lonelyRule(model: Model, rule: LonelyRule, members: readonly number[]): Answers {
  const isMember = new Uint8Array(model.vms.length);
  for (const v of members) isMember[v] = 1;
  const counts = (v: number): boolean => model.vms[v]?.powerState !== 'off';
  const empty = (): Crowd => ({
    members: new Int32Array(model.hosts.length),
    others: new Int32Array(model.hosts.length),
  });
  function add(crowd: Crowd, v: number, h: number, by: number): void {
    const side = isMember[v] === 1 ? crowd.members : crowd.others;
    if (h >= 0 && counts(v)) side[h] = (side[h] ?? 0) + by;
  }
  /** The other side of the VM: who must not be where it is. */
  const against = (crowd: Crowd, v: number, h: number): number =>
    (isMember[v] === 1 ? crowd.others : crowd.members)[h] ?? 0;
  function crowdAt(at: Int32Array): Crowd {
    const crowd = empty();
    for (const [v, h] of at.entries()) add(crowd, v, h, 1);
    return crowd;
  }

  const present = empty();
  for (const [v, h] of model.home.entries()) {
    add(present, v, h, 1);
    const other = model.alsoAt[v] ?? -1;
    if (other !== h) add(present, v, other, 1);
  }
  return {
    everyone: true,
    forbids: (v, _from, to) => counts(v) && against(present, v, to) > 0,
    count(v, from, to, sign) {
      add(present, v, to, sign);
      if (rule.hold === 'finally') add(present, v, from, -sign);
    },
    broken(at) {
      const crowd = crowdAt(at);
      return members.filter((v) => counts(v) && against(crowd, v, at[v] ?? -1) > 0).length;
    },
    strain(v, at) {
      const crowd = crowdAt(at);
      const from = at[v] ?? -1;
      add(crowd, v, from, -1);
      const against = (h: number): number => {
        const { members: own, others } = crowd;
        if (isMember[v] === 1) return Number((others[h] ?? 0) > 0);
        return (others[h] ?? 0) > 0 ? 0 : (own[h] ?? 0);
      };
      return (to) => (counts(v) ? against(to) - against(from) : 0);
    },
    instead(v, at) {
      const isAgainst = (one: number): boolean =>
        at[one] === at[v] && isMember[one] !== isMember[v] && counts(one);
      return [...model.vms.keys()].filter(isAgainst).map((one) => [one]);
    },
    remedy(v, at) {
      const crowd = crowdAt(at);
      if (!counts(v) || against(crowd, v, at[v] ?? -1) === 0) return undefined;
      return (to) => against(crowd, v, to) === 0;
    },
    movers: (at) => cheaperSides(model, isMember, crowdAt(at), at),
  };
}

/** Of each host with both, the side that costs less to move; then, should that fail, the other. */
function cheaperSides(
  model: Model,
  isMember: Uint8Array,
  crowd: Crowd,
  at: Int32Array,
): readonly number[] {
  const shared = (h: number): boolean => (crowd.members[h] ?? 0) > 0 && (crowd.others[h] ?? 0) > 0;
  const there = model.vms.map((_vm, v) => v).filter((v) => shared(at[v] ?? -1));
  const price = new Float64Array(model.hosts.length);
  for (const v of there) {
    const h = at[v] ?? -1;
    price[h] = (price[h] ?? 0) + (isMember[v] === 1 ? 1 : -1) * (model.cost[v] ?? 0);
  }
  const isDearer = (v: number): boolean => (price[at[v] ?? -1] ?? 0) > 0 === (isMember[v] === 1);
  return [...there.filter((v) => !isDearer(v)), ...there.filter(isDearer)];
}

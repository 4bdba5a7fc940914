/**
 * What the counts of group rules (rule-counts.ts) are kept in: a group is counted once per
 * partition that its rules name (a "tally"). Small groups by bin keep no counts: their members are
 * looked at, which saves tables of groups × bins.
 */

import { assertNever } from '../../domain/result.ts';
import { BINS, type GroupRule, type Problem } from './problem.ts';

/** Groups by bin up to this size are counted by looking at their members. */
const LOOK_AT_MEMBERS = 8;

export interface Tally {
  readonly members: Int32Array;
  readonly domainOf: Int32Array | undefined;
  readonly counts: Uint16Array | undefined;
  /** Domains with at least one member. */
  used: number;
  /** In how many units all its rules are broken. */
  broken: number;
  /** Its rules by kind, with their index in `broken`; a depends rule is told to both tallies. */
  readonly apart: { readonly rule: number; readonly atMost: number }[];
  readonly together: number[];
  readonly spread: { readonly rule: number; readonly atLeast: number }[];
  readonly needs: { readonly rule: number; readonly on: Tally }[];
  readonly neededBy: { readonly rule: number; readonly by: Tally }[];
}

export function domain(tally: Tally, bin: number): number {
  return bin < 0 || tally.domainOf === undefined ? bin : (tally.domainOf[bin] ?? -1);
}

export function newTally(
  problem: Problem,
  { group, by }: { group: number; by: number },
  asked: boolean,
  domains: number,
): Tally {
  const members = problem.groups?.[group] ?? new Int32Array(0);
  const domainOf = by === BINS ? undefined : problem.partitions?.[by];
  const counted = asked || domainOf !== undefined || members.length > LOOK_AT_MEMBERS;
  return {
    members,
    domainOf,
    counts: counted ? new Uint16Array(domains) : undefined,
    used: 0,
    broken: 0,
    apart: [],
    together: [],
    spread: [],
    needs: [],
    neededBy: [],
  };
}

/** Returns the tallies that the rule speaks of. */
export function addRule(
  rule: GroupRule,
  index: number,
  tally: (group: number, by: number, asked: boolean) => Tally,
): Tally[] {
  const own = tally(rule.group, rule.by, rule.kind === 'depends');
  switch (rule.kind) {
    case 'apart':
      own.apart.push({ rule: index, atMost: rule.atMost ?? 1 });
      return [own];
    case 'together':
      own.together.push(index);
      return [own];
    case 'spread':
      own.spread.push({ rule: index, atLeast: rule.atLeast });
      return [own];
    case 'depends': {
      if (rule.on === rule.group) return [own]; // met wherever its items are
      const on = tally(rule.on, rule.by, true);
      own.needs.push({ rule: index, on });
      on.neededBy.push({ rule: index, by: own });
      return [own, on];
    }
    default:
      return assertNever(rule, 'group rule');
  }
}

/**
 * The planner's draft as a reassignment problem (reassign/problem.ts): which VMs may change places
 * among which hosts, what they need, who may go where, and who is to be kept apart. What is to be
 * lowered is added by who asks (level-refine.ts).
 *
 * The engine decides on a final placement only, and knows less than the State does: it is told
 * of compatibility, of limits, of rules that bar hosts and of anti-affinity. So its answer is a
 * proposal. Whoever takes it makes it move by move, each judged by the State.
 */

import { BINS, type GroupRule, type Problem } from './reassign/problem.ts';
import { type Domains, domainsOf } from './rules/domains.ts';
import type { State, Terms } from './state.ts';

/** What a load beyond its limit costs, per share of the host: more than any gain is worth. */
const BEYOND_LIMIT = 1;

export interface Proposal {
  readonly state: State;
  /** VMs that may move, by index; item i is the VM `vms[i]`. */
  readonly vms: readonly number[];
  /** Hosts that take part, by index; bin b is the host `hosts[b]`. */
  readonly hosts: readonly number[];
  /** Per VM: where it was before the moves that may be taken back. */
  readonly home: Int32Array;
  readonly terms: Terms;
}

/** All of a problem but what is to be lowered; the search starts from where the VMs are now. */
export type Bare = Omit<Problem, 'moveCost' | 'penalty'>;

export function asProblem(asked: Proposal): Bare {
  const { state, vms, hosts, home } = asked;
  const { model } = state;
  const { width, need } = model;
  const binOf = new Int32Array(model.hosts.length).fill(-1);
  for (const [bin, h] of hosts.entries()) binOf[h] = bin;
  const needs = new Float64Array(vms.length * width);
  for (const [item, v] of vms.entries()) {
    needs.set(need.subarray(v * width, (v + 1) * width), item * width);
  }
  return {
    items: vms.length,
    bins: hosts.length,
    resources: width,
    need: needs,
    home: Int32Array.from(vms, (v) => binOf[home[v] ?? -1] ?? -1),
    start: Int32Array.from(vms, (v) => binOf[state.at[v] ?? -1] ?? -1),
    ...roomOf(asked, needs, binOf),
    ...classesOf(asked),
    ...rulesOf(asked),
  };
}

/** Limits are soft, so that the search may pass through what they forbid. */
function roomOf(
  { state, vms, hosts, terms }: Proposal,
  needs: Float64Array,
  binOf: Int32Array,
): Pick<Problem, 'capacity' | 'base' | 'soft' | 'softWeight'> {
  const { width, capacity: capacityOf } = state.model;
  const size = hosts.length * width;
  const [capacity, base] = [new Float64Array(size), new Float64Array(size)];
  const [soft, softWeight] = [new Float64Array(size), new Float64Array(size)];
  for (const [bin, h] of hosts.entries()) {
    for (let r = 0; r < width; r += 1) {
      const [cell, at] = [bin * width + r, h * width + r];
      const load = state.net[at] ?? 0;
      const room = capacityOf[at] ?? 0;
      base[cell] = load;
      // What is there may stay.
      capacity[cell] = Math.max(room, load);
      soft[cell] = Math.max(terms.limit[at] ?? 0, load);
      softWeight[cell] = room > 0 && room < Infinity ? BEYOND_LIMIT / room : 0;
    }
  }
  for (const [item, v] of vms.entries()) {
    const bin = binOf[state.at[v] ?? -1] ?? -1;
    for (let r = 0; bin >= 0 && r < width; r += 1) {
      const cell = bin * width + r;
      base[cell] = (base[cell] ?? 0) - (needs[item * width + r] ?? 0);
    }
  }
  // Sums that went up and down again may end a hair below nothing.
  for (const [cell, load] of base.entries()) base[cell] = Math.max(0, load);
  return { capacity, base, soft, softWeight };
}

/** VMs alike in compatibility, vCPUs and the rules that bar hosts share a row. */
function classesOf({
  state,
  vms,
  hosts,
  home,
  terms,
}: Proposal): Pick<Problem, 'classOf' | 'allowed'> {
  const { model, rules } = state;
  const numbers = new Map<string, number>();
  const allowed: Uint8Array[] = [];
  const classOf = Int32Array.from(vms, (v) => {
    const barring = (rules.hardOf[v] ?? []).filter(({ bars }) => bars !== undefined);
    const key = [
      terms.compatibility.classOf(v),
      model.vms[v]?.vcpus,
      ...barring.map(({ id }) => id),
    ].join(' ');
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, allowed.length);
    const mayGo = (h: number): boolean =>
      h === home[v] ||
      (state.isReachable(v, h, terms) && !barring.some((rule) => rule.bars?.(h) === true));
    allowed.push(Uint8Array.from(hosts, (h) => (mayGo(h) ? 1 : 0)));
    return allowed.length - 1;
  });
  return { classOf, allowed };
}

/** Anti-affinity, which most groups are about; the State judges what else there is. */
function rulesOf({
  state: { model, rules },
  vms,
  hosts,
}: Proposal): Pick<Problem, 'groups' | 'rules' | 'partitions'> {
  const itemOf = new Map(vms.map((v, item) => [v, item]));
  const groups: Int32Array[] = [];
  const partitions: Int32Array[] = [];
  const found: GroupRule[] = [];
  const known = new Map<string, number>();
  const made = new Map<string, Domains>();
  const partitionOf = (over: string): number => {
    if (over === 'host') return BINS;
    const number = known.get(over) ?? partitions.length;
    if (number < partitions.length) return number;
    const domainOf = domainsOf(model, over, made);
    known.set(over, number);
    partitions.push(Int32Array.from(hosts, (h) => domainOf[h] ?? -1));
    return number;
  };
  for (const { rule, members } of rules.hard) {
    if (rule.kind !== 'anti-affinity') continue;
    const group = members.flatMap((v) => itemOf.get(v) ?? []);
    if (group.length < 2) continue;
    found.push({ kind: 'apart', group: groups.length, by: partitionOf(rule.over) });
    groups.push(Int32Array.from(group));
  }
  return { groups, partitions, rules: found };
}

/**
 * Rules that bound the load of several hosts together. Moves among the hosts change nothing of it:
 * only those that bring load in from elsewhere can be against such a rule.
 *
 * Failover reserve: after the loss of any so many of the hosts, the others have room for all that
 * runs on them. While no host is above its limit, losing a host takes its whole limit away (its
 * room, and room for its load), so the worst loss is that of the largest hosts, whoever runs where;
 * the sum of what is left bounds the load of all. Preserve in total: what those in service can
 * hold, less what is to be kept free.
 */

import { isInService } from '../../domain/compatibility.ts';
import type { HostId } from '../../domain/ids.ts';
import { type FailoverReserveRule, type PreserveRule, keptFree } from '../../domain/placement.ts';
import { CPU_AT, MEMORY_AT, type Model } from '../model.ts';
import type { Answers } from './rule.ts';

/** How many VMs are tried as those who leave, the cheapest for what they free first. */
const MAX_MOVERS = 16;

const RESOURCES = [CPU_AT, MEMORY_AT] as const;

/** Moves that cannot wait may use it, where there is no other room: that is what it is for. */
export function failoverRule(model: Model, rule: FailoverReserveRule): Answers {
  const most = RESOURCES.map((r) => {
    const limits = inService(model, rule.hosts).map((h) => model.safe[h * model.width + r] ?? 0);
    return sum(limits.sort((a, b) => b - a).slice(rule.failures));
  });
  return { ...pooledRule(model, rule.hosts, most), yields: 'at-last' };
}

/** Of all hosts together; that of each by itself is in the limits of the model (preserve.ts). */
export function totalPreserveRule(model: Model, { hosts, free }: PreserveRule): Answers {
  const most = RESOURCES.map((r) => {
    const room = r === CPU_AT ? free.cpu : free.memory;
    const all = sum(inService(model, hosts).map((h) => model.capacity[h * model.width + r] ?? 0));
    return room === undefined ? Infinity : all - keptFree(room, all);
  });
  return pooledRule(model, hosts, most);
}

/** @param most per resource, what the hosts may carry together. */
function pooledRule(model: Model, hosts: readonly HostId[], most: readonly number[]): Answers {
  const ids = new Set(hosts);
  const inside = Uint8Array.from(model.hosts, ({ id }) => (ids.has(id) ? 1 : 0));
  const isInside = (h: number): boolean => inside[h] === 1;
  const { width, cost } = model;
  const need = (v: number, r: number): number => model.need[v * width + r] ?? 0;
  // All that is there or may come; departures do not count before they are done.
  const load = RESOURCES.map((r) => loadNow(model, isInside, r));
  const others = RESOURCES.map((r) => {
    return (load[r] ?? 0) - sumInside(model, isInside, model.home, r);
  });

  const carriedAt = (at: Int32Array): readonly number[] =>
    RESOURCES.map((r) => (others[r] ?? 0) + sumInside(model, isInside, at, r));
  const whole = RESOURCES.map((r) => sumOfLimits(model, isInside, r));
  const isShort = (r: number, carried: number): boolean =>
    carried - (most[r] ?? 0) > ROUNDING * (whole[r] ?? 0);
  const shortIn = (at: Int32Array): readonly number[] => {
    const carried = carriedAt(at);
    return RESOURCES.filter((r) => isShort(r, carried[r] ?? 0));
  };
  const helps = (v: number, at: Int32Array, short: readonly number[]): boolean =>
    isInside(at[v] ?? -1) && short.some((r) => need(v, r) > 0);
  return {
    everyone: true,
    // oxlint-disable-next-line max-params -- as the rule is asked
    forbids: (v, from, to, _outlook, overCpu) =>
      isInside(to) &&
      !isInside(from) &&
      RESOURCES.some(
        (r) =>
          !(overCpu === true && r === CPU_AT) &&
          need(v, r) > 0 &&
          (load[r] ?? 0) + need(v, r) > (most[r] ?? 0),
      ),
    count(v, from, to, sign) {
      if (!isInside(to) || isInside(from)) return;
      for (const r of RESOURCES) load[r] = (load[r] ?? 0) + sign * need(v, r);
    },
    broken: (at) => shortIn(at).length,
    strain(v, at) {
      const carried = carriedAt(at);
      const short = (more: number): number =>
        RESOURCES.filter((r) => isShort(r, (carried[r] ?? 0) + more * need(v, r))).length;
      const from = Number(isInside(at[v] ?? -1));
      return (to) => short(Number(isInside(to)) - from) - short(0);
    },
    remedy: (v, at) => (helps(v, at, shortIn(at)) ? (to) => !isInside(to) : undefined),
    movers(at) {
      const short = shortIn(at);
      const [first] = short;
      if (first === undefined) return [];
      const price = (v: number): number => (cost[v] ?? 0) / need(v, first);
      const able = [...model.vms.keys()].filter((v) => isInside(at[v] ?? -1) && need(v, first) > 0);
      return able.sort((a, b) => price(a) - price(b) || a - b).slice(0, MAX_MOVERS);
    },
  };
}

/** The same load may be summed up in another order; as a share of what all hosts could hold. */
const ROUNDING = 1e-9;

function sumOfLimits(model: Model, isInside: (h: number) => boolean, r: number): number {
  let sum = 0;
  for (const h of model.hosts.keys()) if (isInside(h)) sum += model.safe[h * model.width + r] ?? 0;
  return sum;
}

function inService(model: Model, hosts: readonly HostId[]): readonly number[] {
  return [...new Set(hosts)].flatMap((id) => {
    const h = model.hostIndex.get(id) ?? -1;
    const host = model.hosts[h];
    return host !== undefined && isInService(host) ? [h] : [];
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function loadNow(model: Model, isInside: (h: number) => boolean, r: number): number {
  const { width, gross, need, held, hostIndex } = model;
  let sum = 0;
  for (const h of model.hosts.keys()) if (isInside(h)) sum += gross[h * width + r] ?? 0;
  // Of a demand that is not known the worst counts, as it would where the VM is restarted.
  for (const [v, vm] of model.vms.entries()) {
    if (!isInside(hostIndex.get(vm.host) ?? -1)) continue;
    sum += (need[v * width + r] ?? 0) - (held[v * width + r] ?? 0);
  }
  return sum;
}

function sumInside(
  { width, need }: Model,
  isInside: (h: number) => boolean,
  at: Int32Array,
  r: number,
): number {
  let sum = 0;
  for (const [v, h] of at.entries()) if (isInside(h)) sum += need[v * width + r] ?? 0;
  return sum;
}

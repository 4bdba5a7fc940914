/**
 * Failover reserve: after the loss of any so many of the hosts, the others have room for all that
 * runs on them. While no host is above its limit, losing a host takes its whole limit away (its
 * room, and room for its load), so the worst loss is that of the largest hosts, whoever runs where;
 * the sum of what is left bounds the load of all. Moves among the hosts change nothing of that:
 * only those that bring load in from elsewhere can be against the rule.
 */

import { takesIn } from '../../domain/compatibility.ts';
import type { FailoverReserveRule } from '../../domain/placement.ts';
import { CPU_AT, MEMORY_AT, type Model } from '../model.ts';
import type { Answers } from './rule.ts';

/** How many VMs are tried as those who leave, the cheapest for what they free first. */
const MAX_MOVERS = 16;

const RESOURCES = [CPU_AT, MEMORY_AT] as const;

export function failoverRule(model: Model, rule: FailoverReserveRule): Answers {
  const ids = new Set(rule.hosts);
  const inside = Uint8Array.from(model.hosts, ({ id }) => (ids.has(id) ? 1 : 0));
  const isInside = (h: number): boolean => inside[h] === 1;
  const { width, cost } = model;
  const need = (v: number, r: number): number => model.need[v * width + r] ?? 0;
  const most = RESOURCES.map((r) => roomLeft(model, rule, isInside, r));
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
    yields: true,
    forbids: (v, from, to) =>
      isInside(to) &&
      !isInside(from) &&
      RESOURCES.some((r) => need(v, r) > 0 && (load[r] ?? 0) + need(v, r) > (most[r] ?? 0)),
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

/** The limits of the hosts in service, without those of the largest. */
function roomLeft(
  model: Model,
  rule: FailoverReserveRule,
  isInside: (h: number) => boolean,
  r: number,
): number {
  const limits = [...model.hosts.entries()]
    .filter(([h, { state, connection }]) => {
      return isInside(h) && takesIn(state) && connection === 'connected';
    })
    .map(([h]) => model.safe[h * model.width + r] ?? 0);
  const kept = limits.sort((a, b) => b - a).slice(rule.failures);
  return kept.reduce((sum, limit) => sum + limit, 0);
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

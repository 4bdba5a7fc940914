/**
 * Preserve, of each host: hosts keep so much of their capacity free. A hard rule lowers the limit
 * of what its hosts may be given, so that all that works with limits (making room, waiting for it,
 * relief) works with it; hosts that carry more already are relieved of it. A soft one counts the
 * hosts and resources that end above.
 */

import { type PlacementRule, type PreserveRule, keptFree } from '../../domain/placement.ts';
import { CPU_AT, MEMORY_AT, type Model } from '../model.ts';
import type { Answers, HostLimit } from './rule.ts';

/** The model with the limits that hard rules leave. */
export function withPreserved(model: Model, placement: readonly PlacementRule[]): Model {
  const rules = placement.filter((rule) => rule.kind === 'preserve' && rule.strength === 'hard');
  if (rules.length === 0) return model;
  const { width, safe } = model;
  const preserved = new Float64Array(safe.length);
  for (const rule of rules) {
    if (rule.kind !== 'preserve' || rule.scope === 'all') continue;
    for (const { host, resource, most } of limitsOf(model, rule)) {
      const at = host * width + resource;
      preserved[at] = Math.max(preserved[at] ?? 0, (safe[at] ?? 0) - most);
    }
  }
  const limit = model.limit.map((most, at) => most - (preserved[at] ?? 0));
  return { ...model, limit, preserved };
}

export function preserveRule(model: Model, rule: PreserveRule): Answers {
  const limits = limitsOf(model, rule);
  const broken = (at: Int32Array): number => {
    const loads = endLoads(model, at);
    return limits.filter((one) => isOver(model, loads, one)).length;
  };
  const hard = { limits, forbids: () => false, broken, remedy: () => undefined };
  return rule.strength === 'hard' ? hard : { ...hard, ...softAnswers(model, limits) };
}

/** The model's limits say nothing of it: what each host carries is asked for. */
function softAnswers(model: Model, limits: readonly HostLimit[]): Partial<Answers> {
  const { width, need, held, home, cost } = model;
  const byHost = Map.groupBy(limits, ({ host }) => host);
  const overAt = (loads: Float64Array, h: number): number =>
    (byHost.get(h) ?? []).filter((one) => isOver(model, loads, one)).length;
  /** What the VM would change on the host, coming (1) or leaving (-1). */
  function changeAt(loads: Float64Array, v: number, h: number, sign: 1 | -1): number {
    const before = overAt(loads, h);
    const own = sign === -1 && home[v] === h ? held : need;
    const kept = loads.slice(h * width, (h + 1) * width);
    for (let r = 0; r < width; r += 1) {
      loads[h * width + r] = (loads[h * width + r] ?? 0) + sign * (own[v * width + r] ?? 0);
    }
    const after = overAt(loads, h);
    loads.set(kept, h * width);
    return after - before;
  }
  return {
    everyone: true,
    strain(v, at) {
      const loads = endLoads(model, at);
      const from = at[v] ?? -1;
      const leaving = changeAt(loads, v, from, -1);
      return (to) => (to === from ? 0 : leaving + changeAt(loads, v, to, 1));
    },
    remedy(v, at) {
      const loads = endLoads(model, at);
      if (overAt(loads, at[v] ?? -1) === 0) return undefined;
      return (to) => changeAt(loads, v, to, 1) === 0;
    },
    movers(at) {
      const loads = endLoads(model, at);
      const there = [...model.vms.keys()].filter((v) => overAt(loads, at[v] ?? -1) > 0);
      return there.sort((a, b) => (cost[a] ?? 0) - (cost[b] ?? 0) || a - b);
    },
  };
}

/** More than rounding above. */
function isOver({ width }: Model, loads: Float64Array, { host, resource, most }: HostLimit) {
  return (loads[host * width + resource] ?? 0) - most > ROUNDING * Math.abs(most);
}

/** The same load may be summed up in another order. */
const ROUNDING = 1e-9;

/** What the hosts carry with the VMs in these places. */
function endLoads({ width, home, need, held, net }: Model, at: Int32Array): Float64Array {
  const loads = net.slice();
  for (const [v, h] of at.entries()) {
    const from = home[v] ?? -1;
    if (h === from) continue;
    for (const r of [CPU_AT, MEMORY_AT]) {
      if (from >= 0)
        loads[from * width + r] = (loads[from * width + r] ?? 0) - (held[v * width + r] ?? 0);
      loads[h * width + r] = (loads[h * width + r] ?? 0) + (need[v * width + r] ?? 0);
    }
  }
  return loads;
}

function limitsOf(model: Model, { hosts, free }: PreserveRule): readonly HostLimit[] {
  const asked = [
    { resource: CPU_AT, room: free.cpu },
    { resource: MEMORY_AT, room: free.memory },
  ].filter(({ room }) => room !== undefined);
  const present = [...new Set(hosts)].map((id) => model.hostIndex.get(id) ?? -1);
  return present
    .filter((host) => host >= 0)
    .sort((a, b) => a - b)
    .flatMap((host) =>
      asked.map(({ resource, room }) => {
        const capacity = model.capacity[host * model.width + resource] ?? 0;
        return { host, resource, most: capacity - keptFree(room, capacity) };
      }),
    );
}

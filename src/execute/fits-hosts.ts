/**
 * Whether a move still fits the hard rules about what its target holds. Pure. The failover reserve
 * is about a whole set of hosts; the plan and its check judge it, and while that plan runs the sum
 * of what runs there changes by its own moves only.
 */

import { cpuCapacity, memoryCapacity } from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import { type PreserveRule, keptFree } from '../domain/placement.ts';
import type { Move } from '../domain/plan.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Ratio } from '../domain/units.ts';

export interface Arrival {
  readonly snapshot: Snapshot;
  readonly from: Host;
  readonly to: Host;
  /** What the target would hold, the VM included; CPU in threads of the reference speed. */
  readonly memoryBytes: number;
  readonly cpu: number;
  readonly overcommit: Ratio;
}

/** The first such rule against the move; undefined: there is none. */
export function hostRuleMisfit(
  move: Move,
  arrival: Arrival,
): { readonly code: RefusalCode; readonly detail: string } | undefined {
  const { snapshot, from, to } = arrival;
  const mandatory = move.tier === 'mandatory';
  for (const rule of snapshot.placement) {
    if (rule.strength !== 'hard' || rule.hold !== 'always') continue;
    if (rule.kind === 'spare' && !mandatory) {
      const comesIn = rule.hosts.includes(to.id) && !rule.hosts.includes(from.id);
      if (comesIn) return { code: 'spare', detail: rule.id };
    }
    if (rule.kind === 'preserve' && rule.hosts.includes(to.id)) {
      const short = shortOf(rule, arrival, mandatory && move.overCpu === true);
      if (short !== undefined) return { code: 'preserve', detail: `${rule.id}: ${short}` };
    }
  }
  return undefined;
}

/** Load changes from minute to minute: CPU is given up to this much, as a share of the host's. */
const CPU_TOLERANCE = 0.05;

function shortOf(rule: PreserveRule, arrival: Arrival, overCpu: boolean): string | undefined {
  const { to, memoryBytes, cpu, overcommit } = arrival;
  const memory = memoryCapacity(to, overcommit);
  const threads = cpuCapacity(to);
  if (memoryBytes > memory - keptFree(rule.free.memory, memory)) return 'memory';
  const most = threads * (1 + CPU_TOLERANCE) - keptFree(rule.free.cpu, threads);
  return rule.free.cpu !== undefined && !overCpu && cpu > most ? 'CPU' : undefined;
}

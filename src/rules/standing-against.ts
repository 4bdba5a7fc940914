/**
 * Who stands against the hard rules that a plan repairs: more than its own moves say, because
 * budgets and `movesPerPlan` cut a great repair into small plans.
 */

import type { Finding } from '../domain/finding.ts';
import type { VmId } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { breaches } from './placement-findings.ts';

/** What was broken before, and nothing of which is repaired now, does not count. */
export function standingAgainst(
  { moves }: Pick<Plan, 'moves'>,
  findings: readonly Finding[],
  snapshot: Snapshot,
  limits: Pick<Limits, 'overcommit' | 'safetyCapacity'>,
): ReadonlySet<VmId> {
  const repairs = moves.filter(({ tier }) => tier === 'corrective');
  const named = new Set(repairs.map(({ reason }) => reason.finding));
  const rules = new Set(
    findings.flatMap(({ id, trigger }) =>
      named.has(id) && trigger.kind === 'placement' ? [trigger.rule] : [],
    ),
  );
  if (rules.size === 0) return new Set();
  const placement = snapshot.placement.filter(({ id }) => rules.has(id));
  const { broken } = breaches({ ...snapshot, placement }, limits);
  return new Set(broken.flatMap(({ vms }) => vms));
}

/**
 * A repair that is too great to be begun unasked: an edit of the policies that breaks hard rules of
 * many VMs (a typing error in a label will do) is not carried out before somebody has said yes.
 * What the world has broken is asked about alike: by the plan alone nobody can tell the two apart,
 * and a person who is asked in vain loses a minute.
 */

import type { VmId } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';

/** How many VMs a repair is about, where that is more than may go unasked. */
export function greatRepair(
  { moves }: Pick<Plan, 'moves'>,
  /** All who stand against the rules that it repairs: budgets let a plan have a part of them. */
  standing: ReadonlySet<VmId>,
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): number | undefined {
  const repairs = moves.filter(({ tier }) => tier === 'corrective');
  if (repairs.length === 0) return undefined;
  const { size } = new Set([...standing, ...repairs.map(({ vm }) => vm)]);
  return size > repairsUnasked ? size : undefined;
}

/** For people. `count`: as {@link greatRepair} says. */
export function greatRepairText(
  { id }: Pick<Plan, 'id'>,
  count: number,
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): string {
  return (
    `${count} VMs stand against hard rules at once, more than ${repairsUnasked} ` +
    '(limits.repairsUnasked): look whether an edit of the policies means what it says, then ' +
    `drover approve ${id}`
  );
}

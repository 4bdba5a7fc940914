/**
 * A repair that is too great to be begun unasked: an edit of the policies that breaks hard rules of
 * many VMs (a typing error in a label will do) is not carried out before somebody has said yes.
 * What the world has broken is asked about alike: by the plan alone nobody can tell the two apart,
 * and a person who is asked in vain loses a minute.
 */

import type { Plan } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';

/** How many VMs the plan's corrective moves are about, where that is more than may go unasked. */
export function greatRepair(
  { moves }: Pick<Plan, 'moves'>,
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): number | undefined {
  const vms = new Set(moves.filter(({ tier }) => tier === 'corrective').map(({ vm }) => vm));
  return vms.size > repairsUnasked ? vms.size : undefined;
}

/** For people. `count`: as {@link greatRepair} says. */
export function greatRepairText(
  { id }: Pick<Plan, 'id'>,
  count: number,
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): string {
  return (
    `hard rules ask for moves of ${count} VMs at once, more than ${repairsUnasked} ` +
    '(limits.repairsUnasked): look whether an edit of the policies means what it says, then ' +
    `drover approve ${id}`
  );
}

/**
 * A repair that is too great to be begun unasked: an edit of the policies that breaks hard rules of
 * many VMs (a typing error in a label will do) is not carried out before somebody has said yes.
 * What the world has broken is asked about alike: by the plan alone nobody can tell the two apart,
 * and a person who is asked in vain loses a minute.
 */

import type { Approval } from '../domain/approval.ts';
import type { VmId } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import type { EpochSeconds } from '../domain/units.ts';

const HOUR_SECONDS = 3600;

/**
 * How many VMs hard rules have moved within an hour when the plan is done, where that is more than
 * may be unasked. An hour of it: budgets, and `movesPerPlan`, make small plans of a great repair.
 * @param repaired those of the last hour that hard rules have moved already.
 */
export function greatRepair(
  { moves }: Pick<Plan, 'moves'>,
  repaired: ReadonlySet<VmId>,
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): number | undefined {
  const asked = moves.filter(({ tier }) => tier === 'corrective').map(({ vm }) => vm);
  if (asked.length === 0) return undefined;
  const { size } = new Set([...repaired, ...asked]);
  return size > repairsUnasked ? size : undefined;
}

/**
 * Whose moves a person has said yes to within the hour: those were asked for. Kept in memory: after
 * a restart they count, and one is asked once more.
 */
export class AllowedRepairs {
  readonly #at = new Map<VmId, EpochSeconds>();

  note(approvals: readonly Approval[], now: EpochSeconds): void {
    for (const { move, at } of approvals) this.#at.set(move.vm, at);
    for (const [vm, at] of this.#at) if (now - at >= HOUR_SECONDS || at > now) this.#at.delete(vm);
  }

  /** The others. */
  without(repaired: ReadonlySet<VmId>): ReadonlySet<VmId> {
    return new Set([...repaired].filter((vm) => !this.#at.has(vm)));
  }
}

/** For people. `count`: as {@link greatRepair} says; `open`: moves of this plan that wait. */
export function greatRepairText(
  { id }: Pick<Plan, 'id'>,
  { count, open }: { readonly count: number; readonly open: number },
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): string {
  return (
    `hard rules ask for moves of ${count} VMs within an hour, more than ${repairsUnasked} ` +
    `(limits.repairsUnasked), and ${open === 1 ? '1 move waits' : `${open} moves wait`}: look ` +
    `whether an edit of the policies means what it says, then drover approve ${id}`
  );
}

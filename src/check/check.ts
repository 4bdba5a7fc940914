/**
 * The independent checker: everything that is wrong with a plan, over every intermediate state.
 * It guards every plan before the gate and in the planner's tests. It never edits, never ranks,
 * and shares no code with the planner, so that one mistake is not made twice.
 */

import { compareText } from '../domain/ids.ts';
import type { Violation } from '../domain/violation.ts';
import { checkBalance } from './balance.ts';
import { checkCapacity } from './capacity.ts';
import { checkCosts } from './costs.ts';
import { checkOwnVms } from './own-vms.ts';
import { checkPlacement } from './placement.ts';
import { checkReceiving } from './receiving.ts';
import { checkReserves } from './reserves.ts';
import { unknownResources } from './resources.ts';
import { checkSchedule } from './schedule.ts';
import { checkStorageSpace } from './storage-space.ts';
import { checkStructure } from './structure.ts';
import { type CheckRequest, worldOf } from './world.ts';

export type { CheckRequest } from './world.ts';

/**
 * All violations, by position in the list, then code; empty: the plan is sound. A plan that is
 * sound stays so whichever of its moves fail or never start, as far as moves that depend on a
 * failed one are not started. (Linear in VMs and moves but for hosts that are nearly full, where
 * the worst case is computed for each arrival.)
 */
export function check(request: CheckRequest): readonly Violation[] {
  const world = worldOf(request);
  const { steps, violations } = checkStructure(world);
  return [
    ...violations,
    ...checkReceiving(world, steps),
    ...checkCapacity(world, steps),
    ...unknownResources(world, steps),
    ...checkStorageSpace(world, steps),
    ...checkPlacement(world, steps),
    ...checkReserves(world, steps),
    ...checkOwnVms(world, steps),
    ...checkSchedule(world, steps),
    ...checkCosts(world, steps),
    ...checkBalance(world, steps),
  ].sort((a, b) => (a.index ?? -1) - (b.index ?? -1) || compareText(a.code, b.code));
}

/**
 * A plan that a person has handed in, as the ledger keeps it while something of it may yet begin:
 * the next life of its controller goes on with what was not begun.
 */

import type { MoveId, PlanId } from './ids.ts';
import type { Move } from './plan.ts';
import type { EpochSeconds } from './units.ts';

export interface AppliedPlan {
  readonly id: PlanId;
  /** Who wanted it. */
  readonly by: string;
  /** Name of the controller that it was handed to, and that goes on with it after a restart. */
  readonly controller: string;
  readonly at: EpochSeconds;
  /** What was not begun by then is given up. */
  readonly expiresAt: EpochSeconds;
  /** The same for the same moves. */
  readonly key: string;
  /** With the ids that they have in the file. */
  readonly moves: readonly Move[];
  /** Done before it was handed in. */
  readonly before: readonly MoveId[];
}

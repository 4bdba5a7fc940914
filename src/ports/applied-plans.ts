/** The part of the ledger that keeps a plan which a person has handed in until nothing is left. */

import type { AppliedPlan } from '../domain/applied-plan.ts';
import type { MoveId, PlanId } from '../domain/ids.ts';

/** Every method rejects with LedgerError. */
export interface AppliedPlans {
  /** Forgets those that have expired at its `at`. */
  keepApplied(plan: AppliedPlan): Promise<void>;
  /** Nothing more of it is begun. Idempotent. `by`: who has cancelled it; absent: it is over. */
  closeApplied(id: PlanId, by?: string): Promise<void>;
  /** Those that are not closed, the newest first; also some that have expired. */
  appliedPlans(): Promise<readonly AppliedPlan[]>;
  /** Ids, in the ledger, of those of its moves that were opened. */
  begunOf(id: PlanId): Promise<ReadonlySet<MoveId>>;
}

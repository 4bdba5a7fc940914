/**
 * A person's yes, in mode `approve`. It is given to a move and not to a plan: every tick makes a
 * new plan, and the yes holds as long as the plans want the very same move. It never widens:
 * another target, another method or another reason is another move, and asks again.
 */

import type { FindingId, HostId, PlanId, VmId } from './ids.ts';
import type { Move, MoveMethod } from './plan.ts';
import { type EpochSeconds, epochSeconds, type Seconds, seconds } from './units.ts';

/**
 * How long a yes holds, and how long after it was shown a plan can still be approved by its id.
 * Long enough for a person to read a plan and for many moves to wait their turn; short enough that
 * nobody is surprised by a move that was approved in another situation.
 */
export const APPROVAL_SECONDS: Seconds = seconds(30 * 60);

/** What a yes is given to. */
export interface AskedMove {
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly method: MoveMethod;
  readonly finding: FindingId;
}

interface Term {
  readonly at: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

/** Used up by the move that runs, whatever comes of it. */
export interface Approval extends Term {
  readonly move: AskedMove;
  readonly by: string;
}

/** The moves of a plan that waited for an approval when it was shown. */
export interface ShownPlan extends Term {
  readonly plan: PlanId;
  readonly moves: readonly AskedMove[];
}

export function askedMove({ vm, from, to, method, reason }: Move): AskedMove {
  return { vm, from, to, method, finding: reason.finding };
}

/** The same text for the same move only. */
export function approvalKey({ vm, from, to, method, finding }: AskedMove): string {
  return JSON.stringify([vm, from, to, method, finding]);
}

export function termFrom(at: EpochSeconds): Term {
  return { at, expiresAt: epochSeconds(at + APPROVAL_SECONDS) };
}

/** Of a clock that was set back nobody knows how long ago it was: then it holds no more. */
export function isInForce({ at, expiresAt }: Term, now: EpochSeconds): boolean {
  return at <= now && now < expiresAt;
}

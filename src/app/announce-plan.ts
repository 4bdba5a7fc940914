/** Tells of a plan that was made: what is in it, and what the checker has against it. */

import { compareText } from '../domain/ids.ts';
import type { PlanResult } from '../domain/plan.ts';
import { vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Seconds } from '../domain/units.ts';
import type { EventSink } from '../ports/events.ts';
import type { CheckedPlan } from './plan-job.ts';
import type { RejectedPlan } from './tick.ts';

/**
 * @param took planning and checking
 * @returns why nothing of it may run; undefined: the checker has found no fault.
 */
// oxlint-disable-next-line max-params -- who is told of which plan of which fleet
export function announcePlan(
  events: EventSink,
  snapshot: Snapshot,
  { result, violations }: CheckedPlan,
  took: Seconds,
): RejectedPlan | undefined {
  events.emit('planned', { result, vmNames: namesOf(snapshot, result), seconds: took });
  return announceRejected(events, { result, violations });
}

/** The same without the plan itself: another one is in its place. */
export function announceRejected(
  events: EventSink,
  { result, violations }: CheckedPlan,
): RejectedPlan | undefined {
  if (violations.length === 0) return undefined;
  const plan = result.plan.id;
  events.emit('plan-rejected', { plan, violations });
  return { plan, at: result.plan.snapshotAt, violations };
}

function namesOf(snapshot: Snapshot, result: PlanResult): Record<string, string> {
  const moved = [...new Set(result.plan.moves.map(({ vm }) => vm))].sort(compareText);
  const named = moved.flatMap((id) => vmOf(snapshot, id) ?? []);
  return Object.fromEntries(named.map(({ id, name }) => [id, name]));
}

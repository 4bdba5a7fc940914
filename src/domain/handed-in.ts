/**
 * A plan that a person has handed in (`drover apply`) is known by its id, also after a restart: its
 * moves are wanted whatever becomes of the orders.
 */

import type { PlanId } from './ids.ts';

const HANDED_IN = 'apply-';

/** @param name told apart from all others by it. */
export function handedInId(name: string): string {
  return `${HANDED_IN}${name}`;
}

export function isHandedIn(plan: PlanId): boolean {
  return plan.startsWith(HANDED_IN);
}

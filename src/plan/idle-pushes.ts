/**
 * Takes back who was moved out of the way and need not have been: what was pushed off the same host
 * for somebody later can make the room for all who come. The next plan would only bring it back.
 */

import type { Draft } from './draft.ts';

/** The dearest first. */
export function takeBackIdlePushes(draft: Draft): void {
  const { state, causes } = draft;
  const { cost, home } = state.model;
  const pushed = [...causes]
    .filter(([, { makesRoomFor }]) => makesRoomFor !== undefined)
    .toSorted(([a], [b]) => (cost[b] ?? 0) - (cost[a] ?? 0) || a - b);
  for (const [vm, { terms }] of pushed) {
    // As if it were to go back after all others have come.
    if (state.refusal(vm, home[vm] ?? -1, terms, 'in-the-end') === 0) draft.takeBack(vm);
  }
}

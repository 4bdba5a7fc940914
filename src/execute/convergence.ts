/**
 * Does a live migration get anywhere, and what may be tried next? A pure state machine over the
 * progress that the hypervisor reports.
 *
 * Pre-copy converges when memory is sent faster than the guest dirties it; the last round then
 * fits into the downtime limit (Clark et al., NSDI 2005, §3). It is stuck when, after the whole
 * memory was sent once, what remains has not become less for a while. Then the next rung of the
 * policy's ladder is taken, and given time to work.
 */

import type { MoveProgress } from '../domain/events.ts';
import type { LadderStep } from '../domain/policy.ts';
import type { Seconds } from '../domain/units.ts';

/** Less remaining than this share of the best so far is progress. */
const PROGRESS_SHARE = 0.95;
/** How long no progress may be made before the next rung is taken: a few rounds of pre-copy. */
const STALL_SECONDS = 20;
/** Out of rungs: how long it may stay stuck before it is given up. */
const GIVE_UP_SECONDS = 120;

export interface ConvergenceLimits {
  /** What may be tried, in this order, beginning with plain pre-copy. */
  readonly ladder: readonly LadderStep[];
  readonly timeoutSeconds: Seconds;
}

export type ConvergenceAction =
  | { readonly kind: 'wait' }
  | { readonly kind: 'auto-converge' }
  | { readonly kind: 'post-copy' }
  | { readonly kind: 'give-up'; readonly reason: string };

export interface ConvergenceState {
  /** Position in the ladder of the rung that is being tried. */
  readonly rung: number;
  /** When that rung was taken, or last made progress. */
  readonly since: number;
  readonly bestRemaining: number;
}

export function startConvergence(elapsed: number): ConvergenceState {
  return { rung: 0, since: elapsed, bestRemaining: Number.POSITIVE_INFINITY };
}

/** `elapsed`: seconds since this process follows the move; never goes back. */
// oxlint-disable-next-line max-params -- a step of a machine: state, input, time, settings
export function stepConvergence(
  state: ConvergenceState,
  progress: MoveProgress,
  elapsed: number,
  limits: ConvergenceLimits,
): { readonly state: ConvergenceState; readonly action: ConvergenceAction } {
  // Past the switch there is nothing left to decide; the other phases copy what does not change.
  if (progress.phase !== 'pre-copy') return { state, action: overtime(progress, elapsed, limits) };
  const late = overtime(progress, elapsed, limits);
  if (late.kind !== 'wait') return { state, action: late };
  if (isFirstRound(progress) || progress.bytesRemaining < state.bestRemaining * PROGRESS_SHARE) {
    const bestRemaining = Math.min(state.bestRemaining, progress.bytesRemaining);
    return { state: { ...state, since: elapsed, bestRemaining }, action: { kind: 'wait' } };
  }
  const stuckFor = elapsed - state.since;
  if (stuckFor < STALL_SECONDS) return { state, action: { kind: 'wait' } };
  return climb(state, elapsed, limits);
}

function climb(
  state: ConvergenceState,
  elapsed: number,
  { ladder }: ConvergenceLimits,
): ReturnType<typeof stepConvergence> {
  const next = ladder[state.rung + 1];
  const climbed = { ...state, rung: state.rung + 1, since: elapsed };
  if (next === 'auto-converge' || next === 'post-copy') {
    return { state: climbed, action: { kind: next } };
  }
  if (next === 'cold') {
    const reason = 'it does not converge; the policy lets it be moved cold';
    return { state, action: { kind: 'give-up', reason } };
  }
  if (elapsed - state.since < GIVE_UP_SECONDS) return { state, action: { kind: 'wait' } };
  const reason = `it does not converge: no progress for ${GIVE_UP_SECONDS} s`;
  return { state, action: { kind: 'give-up', reason } };
}

function overtime(
  progress: MoveProgress,
  elapsed: number,
  { timeoutSeconds }: ConvergenceLimits,
): ConvergenceAction {
  const isPastTheSwitch = progress.phase === 'post-copy' || progress.phase === 'stop-and-copy';
  if (isPastTheSwitch || elapsed <= timeoutSeconds) return { kind: 'wait' };
  return { kind: 'give-up', reason: `it is not done after ${Math.round(timeoutSeconds)} s` };
}

/** While the memory is sent for the first time, what remains says nothing about the guest. */
function isFirstRound(progress: MoveProgress): boolean {
  if (progress.iteration !== undefined) return progress.iteration <= 1;
  return progress.bytesSent < progress.bytesRemaining;
}

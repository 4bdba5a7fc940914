/**
 * Does a live migration get anywhere, and what may be tried next? A pure state machine over the
 * progress that the hypervisor reports.
 *
 * Pre-copy converges when memory is sent faster than the guest dirties it; the last round then
 * fits into the downtime limit (Clark et al., NSDI 2005, §3): rounds shrink by d/b, the dirty rate
 * over the bandwidth. Two signs say that it will not:
 *
 * - it is doomed: d/b is such that the rounds never shrink to what fits into the limit, or not
 *   before its time is up. Known soon, and enough for what costs the guest little;
 * - it is stuck: after the whole memory was sent once, neither what remains nor d/b has become less
 *   for a while.
 *
 * Then the next rung of the policy's ladder is taken, and given time to work. Behind the first one
 * come the steps by which the downtime limit is raised: the guest notices them least.
 */

import type { MoveProgress } from '../domain/events.ts';
import type { LadderStep } from '../domain/policy.ts';
import { assertNever } from '../domain/result.ts';
import type { Seconds } from '../domain/units.ts';

/** Less than this share of the best so far is progress. */
const PROGRESS_SHARE = 0.95;
/** How long no progress may be made before the next rung is taken: a few rounds of pre-copy. */
const STALL_SECONDS = 20;
/** The same after the downtime limit was raised: that works in the next round, or not at all. */
const RAISED_SECONDS = 10;
/** For how long it has to be doomed before something mild is done about it. */
const DOOMED_SECONDS = 5;
/** Out of rungs: how long it may stay stuck before it is given up. */
const GIVE_UP_SECONDS = 120;

/** What may be tried, in its order: the ladder's steps, and the raised limits between them. */
export type Rung =
  | { readonly kind: LadderStep }
  | { readonly kind: 'downtime-limit'; readonly seconds: Seconds };

export interface ConvergenceLimits {
  readonly rungs: readonly Rung[];
  /** What the migration was started with. */
  readonly downtimeLimitSeconds: Seconds;
  readonly timeoutSeconds: Seconds;
}

export type ConvergenceAction =
  | { readonly kind: 'wait' }
  | { readonly kind: 'downtime-limit'; readonly seconds: Seconds }
  | { readonly kind: 'auto-converge' }
  | { readonly kind: 'post-copy' }
  /** `cold`: the policy lets it be moved cold instead. */
  | { readonly kind: 'give-up'; readonly reason: string; readonly cold: boolean };

export interface ConvergenceState {
  /** Position of the rung that is being tried. */
  readonly rung: number;
  /** When that rung was taken, or last made progress. */
  readonly since: number;
  readonly bestRemaining: number;
  /** The least dirty rate over bandwidth. */
  readonly bestShare: number;
  /** Undefined: it is not doomed, as things stand. */
  readonly doomedSince: number | undefined;
}

const WAIT: ConvergenceAction = { kind: 'wait' };

/** `raises`: longer stops that may be aimed at, in seconds, ascending. */
export function rungsOf(
  ladder: readonly LadderStep[],
  raises: readonly Seconds[],
): readonly Rung[] {
  const steps = ladder.map((kind): Rung => ({ kind }));
  const raised = raises.map((limit): Rung => ({ kind: 'downtime-limit', seconds: limit }));
  return [...steps.slice(0, 1), ...raised, ...steps.slice(1)];
}

export function startConvergence(elapsed: number): ConvergenceState {
  const best = Number.POSITIVE_INFINITY;
  return {
    rung: 0,
    since: elapsed,
    bestRemaining: best,
    bestShare: best,
    doomedSince: undefined,
  };
}

/** `elapsed`: seconds since this process follows the move; never goes back. */
// oxlint-disable-next-line max-params -- a step of a machine: state, input, time, settings
export function stepConvergence(
  state: ConvergenceState,
  progress: MoveProgress,
  elapsed: number,
  limits: ConvergenceLimits,
): { readonly state: ConvergenceState; readonly action: ConvergenceAction } {
  const late = overtime(progress, elapsed, limits);
  // Past the switch there is nothing left to decide; the other phases copy what does not change.
  if (progress.phase !== 'pre-copy' || late.kind !== 'wait') return { state, action: late };
  const seen = look(state, progress, elapsed, limits);
  return isTimeForMore(seen, elapsed, limits)
    ? climb(seen, elapsed, limits)
    : { state: seen, action: WAIT };
}

/** The state with what this progress says about it. */
// oxlint-disable-next-line max-params -- see stepConvergence
function look(
  state: ConvergenceState,
  progress: MoveProgress,
  elapsed: number,
  limits: ConvergenceLimits,
): ConvergenceState {
  const { bytesRemaining } = progress;
  const isFirst = isFirstRound(progress);
  const share = isFirst ? undefined : dirtyShare(progress);
  const isBetter =
    bytesRemaining < state.bestRemaining * PROGRESS_SHARE ||
    (share !== undefined && share < state.bestShare * PROGRESS_SHARE);
  const bestRemaining = Math.min(state.bestRemaining, bytesRemaining);
  const seen = {
    ...state,
    since: isFirst || isBetter ? elapsed : state.since,
    bestRemaining,
    bestShare: Math.min(state.bestShare, share ?? Number.POSITIVE_INFINITY),
  };
  const isLost = !isFirst && isDoomed(progress, seen, elapsed, limits);
  return { ...seen, doomedSince: isLost ? (state.doomedSince ?? elapsed) : undefined };
}

function dirtyShare({ dirtyRate, bandwidth }: MoveProgress): number | undefined {
  if (dirtyRate === undefined || bandwidth === undefined || bandwidth <= 0) return undefined;
  return dirtyRate / bandwidth;
}

/**
 * With b the bandwidth, d the dirty rate and R what remains: a hot set that is dirtied faster than
 * it is sent never gets smaller than the least R that was seen, so that has to fit into the limit.
 * Else R shrinks by no less than b - d, and has to be there before the time is up.
 */
// oxlint-disable-next-line max-params -- see stepConvergence
function isDoomed(
  progress: MoveProgress,
  state: ConvergenceState,
  elapsed: number,
  limits: ConvergenceLimits,
): boolean {
  const { dirtyRate, bandwidth } = progress;
  const share = dirtyShare(progress);
  if (share === undefined || dirtyRate === undefined || bandwidth === undefined) return false;
  const tooMuch = state.bestRemaining - downtimeLimit(state, limits) * bandwidth;
  if (tooMuch <= 0) return false;
  return share >= 1 || elapsed + tooMuch / (bandwidth - dirtyRate) > limits.timeoutSeconds;
}

/** What is in force by now. */
function downtimeLimit({ rung }: ConvergenceState, limits: ConvergenceLimits): Seconds {
  const raised = limits.rungs.slice(0, rung + 1).findLast((one) => one.kind === 'downtime-limit');
  return raised?.kind === 'downtime-limit' ? raised.seconds : limits.downtimeLimitSeconds;
}

function isTimeForMore(
  { rung, since, doomedSince }: ConvergenceState,
  elapsed: number,
  { rungs }: ConvergenceLimits,
): boolean {
  const here = rungs[rung]?.kind;
  const stalled = here === 'downtime-limit' ? RAISED_SECONDS : STALL_SECONDS;
  if (elapsed - since >= stalled) return true;
  // What throttles a guest is at work: the rate at which it dirties has to fall first.
  if (doomedSince === undefined || here === 'auto-converge') return false;
  return isMild(rungs[rung + 1]) && elapsed - doomedSince >= DOOMED_SECONDS;
}

/** Nothing that a guest or its users would suffer from much. */
function isMild(next: Rung | undefined): boolean {
  return next?.kind === 'downtime-limit' || next?.kind === 'auto-converge';
}

function climb(
  state: ConvergenceState,
  elapsed: number,
  { rungs }: ConvergenceLimits,
): ReturnType<typeof stepConvergence> {
  const next = rungs[state.rung + 1];
  const climbed = { ...state, rung: state.rung + 1, since: elapsed, doomedSince: undefined };
  switch (next?.kind) {
    case 'downtime-limit':
      return { state: climbed, action: next };
    case 'auto-converge':
    case 'post-copy':
      return { state: climbed, action: { kind: next.kind } };
    case 'cold': {
      const reason = 'it does not converge, and may be moved cold';
      return { state, action: { kind: 'give-up', reason, cold: true } };
    }
    case 'pre-copy':
    case undefined: {
      if (elapsed - state.since < GIVE_UP_SECONDS) return { state, action: WAIT };
      const reason = `it does not converge: no progress for ${GIVE_UP_SECONDS} s`;
      return { state, action: { kind: 'give-up', reason, cold: false } };
    }
    default:
      return assertNever(next, 'rung');
  }
}

function overtime(
  progress: MoveProgress,
  elapsed: number,
  { timeoutSeconds }: ConvergenceLimits,
): ConvergenceAction {
  const isPastTheSwitch = progress.phase === 'post-copy' || progress.phase === 'stop-and-copy';
  if (isPastTheSwitch || elapsed <= timeoutSeconds) return WAIT;
  const reason = `it is not done after ${Math.round(timeoutSeconds)} s`;
  return { kind: 'give-up', reason, cold: false };
}

/** While the memory is sent for the first time, what remains says nothing about the guest. */
function isFirstRound(progress: MoveProgress): boolean {
  if (progress.iteration !== undefined) return progress.iteration <= 1;
  return progress.bytesSent < progress.bytesRemaining;
}

/**
 * What to do next about the hook of a maintenance order: start it on the empty host, try it again,
 * watch the host afterwards until it has been well for long enough, or call a person. Pure.
 */

import { holdLeft } from '../domain/hold-left.ts';
import type { HookProgress } from '../domain/order.ts';
import { assertNever } from '../domain/result.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Hook } from '../ports/hooks.ts';

export interface HookView {
  /** The host is in maintenance: empty, and known to be. */
  readonly isEmpty: boolean;
  /** Drover may act there: not paused, and not in mode observe. */
  readonly mayAct: boolean;
  /** This process runs it. */
  readonly isRunning: boolean;
  /** What speaks against the host (return-waves.ts). */
  readonly against: string | undefined;
  readonly now: EpochSeconds;
}

export type HookStep =
  | { readonly kind: 'nothing' | 'start' | 'let-go' | 'return' }
  | { readonly kind: 'note'; readonly wellSince: EpochSeconds | undefined }
  | { readonly kind: 'fail'; readonly detail: string };

const NOTHING: HookStep = { kind: 'nothing' };
const FIRST_PAUSE_SECONDS = 60;

export function nextHookStep(
  progress: HookProgress,
  hook: Pick<Hook, 'attempts' | 'wellSeconds' | 'patienceSeconds'>,
  view: HookView,
): HookStep {
  // Whatever is on record: while it is at work nothing else begins on the host.
  if (view.isRunning) return NOTHING;
  const { state, attempts } = progress;
  const mayStart = view.isEmpty && view.mayAct;
  switch (state) {
    case 'waiting':
      return mayStart && isDue(progress, view.now) ? { kind: 'start' } : NOTHING;
    case 'running':
      // Begun by a process that is gone: nobody knows how far it came.
      if (attempts >= hook.attempts) return { kind: 'fail', detail: 'Drover stopped meanwhile' };
      return { kind: mayStart ? 'start' : 'let-go' };
    case 'done':
      return afterwards(progress, hook, view);
    case 'failed':
      return NOTHING;
    default:
      return assertNever(state, 'state of a hook');
  }
}

/** Its pause is over; also where the clock was set back meanwhile. */
function isDue({ since, attempts }: HookProgress, now: EpochSeconds): boolean {
  const pause = pauseAfterAttempt(attempts);
  return holdLeft(since - pause, now, pause) === 0;
}

/**
 * What keeps the next attempt from beginning has done so for longer than anybody waits for the host
 * to be well again: the last attempt may have broken it. One on which nothing was done yet waits.
 */
export function isGivenUp(
  { state, attempts, since }: HookProgress,
  { patienceSeconds }: Pick<Hook, 'patienceSeconds'>,
  now: EpochSeconds,
): boolean {
  return state === 'waiting' && attempts > 0 && holdLeft(since, now, patienceSeconds) === 0;
}

/** After one that failed the next waits twice as long each time. Seconds. */
function pauseAfterAttempt(attempts: number): number {
  return FIRST_PAUSE_SECONDS * 2 ** Math.max(0, attempts - 1);
}

function afterwards(
  { since, wellSince }: HookProgress,
  hook: Pick<Hook, 'wellSeconds' | 'patienceSeconds'>,
  { against, now }: HookView,
): HookStep {
  if (against !== undefined) {
    if (holdLeft(since, now, hook.patienceSeconds) === 0) {
      return { kind: 'fail', detail: `done, and the host is not well since: ${against}` };
    }
    return wellSince === undefined ? NOTHING : { kind: 'note', wellSince: undefined };
  }
  // What lies ahead is of a clock that was set back: nobody knows how long it has been well.
  if (wellSince === undefined || wellSince > now) return { kind: 'note', wellSince: now };
  return now - wellSince >= hook.wellSeconds ? { kind: 'return' } : NOTHING;
}

/** What became of an attempt. */
export function afterAttempt(
  progress: HookProgress,
  answer: { readonly isDone: boolean; readonly detail: string },
  most: number,
  now: EpochSeconds,
): HookProgress {
  const output = answer.detail;
  if (answer.isDone) return { ...progress, state: 'done', since: now, output };
  if (progress.attempts >= most) return { ...progress, state: 'failed', since: now, output };
  const since = epochSeconds(now + pauseAfterAttempt(progress.attempts));
  return { ...progress, state: 'waiting', since, output };
}

/** Nobody has written about the hook since it was `judged`: not another controller either. */
export function isAsFar(now: HookProgress | undefined, judged: HookProgress): boolean {
  const { name, state, attempts } = judged;
  return now?.name === name && now.state === state && now.attempts === attempts;
}

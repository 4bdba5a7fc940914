/**
 * Calls across the port: every one has an end, whatever the far side does, and the retryable
 * errors of calls that may be repeated are retried with a growing pause. Time is the Clock's, so
 * that simulations can run through hours of it.
 */

import type { SourceId } from '../domain/ids.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { AdapterError } from '../ports/metric-source.ts';

/** Rejects with AdapterError `timeout` when `call` has not ended by then; it is then aborted. */
// oxlint-disable-next-line max-params -- who waits, how long, for whom, for what
export async function callWithin<Value>(
  clock: Clock,
  limit: Seconds,
  source: SourceId,
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const calling = new AbortController();
  const waiting = new AbortController();
  async function expire(): Promise<never> {
    await clock.sleep(limit, waiting.signal);
    // Nobody listens any more when the call has won the race.
    throw new AdapterError('timeout', source, `no answer within ${limit} s`);
  }
  const answer = call(calling.signal);
  try {
    return await Promise.race([answer, expire()]);
  } catch (error) {
    calling.abort();
    // Its late failure is nobody's surprise.
    answer.catch(() => undefined);
    throw error;
  } finally {
    waiting.abort();
  }
}

export interface RetryPolicy {
  /** How often the call is made at most. */
  readonly attempts: number;
  readonly firstPause: Seconds;
  readonly longestPause: Seconds;
}

export const RETRY: RetryPolicy = {
  attempts: 4,
  firstPause: seconds(1),
  longestPause: seconds(15),
};

/** The pause after the given number of failures in a row: doubled each time, up to the limit. */
export function pauseAfter(failures: number, policy: RetryPolicy): Seconds {
  const doubled = policy.firstPause * 2 ** Math.max(0, failures - 1);
  return seconds(Math.min(doubled, policy.longestPause));
}

/** For calls that may be made twice. Only retryable AdapterErrors are retried. */
export async function withRetry<Value>(
  clock: Clock,
  policy: RetryPolicy,
  signal: AbortSignal,
  call: () => Promise<Value>,
): Promise<Value> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      const retryable = error instanceof AdapterError && error.retryable;
      if (!retryable || failures >= policy.attempts || signal.aborted) throw error;
      await clock.sleep(pauseAfter(failures, policy), signal);
    }
  }
}

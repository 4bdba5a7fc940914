/**
 * Calls across the port: every one has an end, whatever the far side does. Time is the Clock's,
 * so that simulations can run through hours of it.
 */

import type { SourceId } from '../domain/ids.ts';
import type { Seconds } from '../domain/units.ts';
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

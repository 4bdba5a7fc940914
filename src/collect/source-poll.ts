/**
 * Asks one source one question, again and again: with a time-out, a back-off after failures, and
 * never twice at once, even when an earlier question is still hanging. Never throws: a failure is
 * a state. Durations come from the monotonic clock, so a jump of the wall clock ages nothing.
 */

import type { EpochSeconds, Seconds } from '../domain/units.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { AdapterError } from '../ports/metric-source.ts';
import type { CollectorSettings } from './settings.ts';

export interface PollStatus {
  /** `late`: the last poll failed, but the last answer still counts. */
  readonly state: 'up' | 'late' | 'down';
  readonly lastAnswerAt: EpochSeconds | undefined;
  readonly consecutiveFailures: number;
  readonly detail: string;
}

export class SourcePoll<Answer> {
  readonly #ask: (signal: AbortSignal) => Promise<Answer>;
  readonly #clock: Clock;
  readonly #settings: CollectorSettings;
  #hanging = false;
  #failures = 0;
  #detail = 'not asked yet';
  #retryAt = seconds(0);
  #answered: { readonly at: EpochSeconds; readonly mark: Seconds } | undefined;

  constructor(
    ask: (signal: AbortSignal) => Promise<Answer>,
    clock: Clock,
    settings: CollectorSettings,
  ) {
    this.#ask = ask;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** The answer; undefined when it failed, is waiting after a failure, or still hangs. */
  async poll(stop?: AbortSignal): Promise<Answer | undefined> {
    if (this.#hanging || this.#clock.monotonic() < this.#retryAt || isAborted(stop)) {
      return undefined;
    }
    const abort = new AbortController();
    const either = stop === undefined ? abort.signal : AbortSignal.any([stop, abort.signal]);
    try {
      const timeout = this.#clock.sleep(this.#settings.timeoutSeconds, either);
      const outcome = await Promise.race([
        this.#askOnce(either).then((answer) => ({ answer })),
        timeout.then(() => undefined),
      ]);
      if (isAborted(stop)) return undefined;
      if (outcome === undefined) {
        this.#failed(`no answer within ${this.#settings.timeoutSeconds} s`, true);
        return undefined;
      }
      this.#failures = 0;
      this.#detail = '';
      this.#answered = { at: this.#clock.now(), mark: this.#clock.monotonic() };
      return outcome.answer;
    } catch (error) {
      if (!isAborted(stop)) {
        this.#failed(describe(error), !(error instanceof AdapterError) || error.retryable);
      }
      return undefined;
    } finally {
      abort.abort();
    }
  }

  status(): PollStatus {
    const answered = this.#answered;
    const age = answered === undefined ? Infinity : this.#clock.monotonic() - answered.mark;
    const fresh = age <= this.#settings.maxAgeSeconds;
    return {
      state: fresh ? (this.#failures === 0 ? 'up' : 'late') : 'down',
      lastAnswerAt: answered?.at,
      consecutiveFailures: this.#failures,
      detail: this.#detail,
    };
  }

  async #askOnce(signal: AbortSignal): Promise<Answer> {
    this.#hanging = true;
    try {
      return await this.#ask(signal);
    } finally {
      this.#hanging = false;
    }
  }

  #failed(detail: string, retryable: boolean): void {
    this.#failures += 1;
    this.#detail = this.#hanging ? `${detail}; the call still hangs` : detail;
    const { backoffSeconds, maxBackoffSeconds } = this.#settings;
    // Asking again with a refused password locks the account: wait the longest time at once.
    const doubled = retryable ? backoffSeconds * 2 ** (this.#failures - 1) : maxBackoffSeconds;
    const wait = Math.min(doubled, maxBackoffSeconds);
    this.#retryAt = seconds(this.#clock.monotonic() + wait);
  }
}

/** A function, because it changes during an await, which the compiler does not see. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

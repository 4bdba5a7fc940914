/** Slows down guessing of tokens: so many refusals a minute and address, then none is looked at. */

const WINDOW_MS = 60_000;
const MOST_FAILURES = 30;
/** Addresses remembered at once; beyond, the oldest is forgotten. */
const MOST_ADDRESSES = 1_000;

interface Failures {
  readonly since: number;
  readonly count: number;
}

export class FailureLimit {
  readonly #now: () => number;
  readonly #byAddress = new Map<string, Failures>();

  /** @param monotonicMs milliseconds that never go back. */
  constructor(monotonicMs: () => number) {
    this.#now = monotonicMs;
  }

  isBlocked(address: string): boolean {
    return (this.#fresh(address)?.count ?? 0) >= MOST_FAILURES;
  }

  count(address: string): void {
    const failures = this.#fresh(address) ?? { since: this.#now(), count: 0 };
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { ...failures, count: failures.count + 1 });
    const oldest = this.#byAddress.keys().next().value;
    if (this.#byAddress.size > MOST_ADDRESSES && oldest !== undefined)
      this.#byAddress.delete(oldest);
  }

  #fresh(address: string): Failures | undefined {
    const failures = this.#byAddress.get(address);
    return failures !== undefined && this.#now() - failures.since < WINDOW_MS
      ? failures
      : undefined;
  }
}

/**
 * Slows down guessing of tokens: after so many guesses a minute from one address, only those who
 * were admitted from there before are admitted. So a stranger who shares the address of the
 * alerting system (loopback, a proxy) cannot lock it out.
 */

const WINDOW_MS = 60_000;
const MOST_FAILURES = 30;
/** Addresses, and friends, remembered at once; beyond, the oldest is forgotten. */
const MOST_ADDRESSES = 1_000;

interface Failures {
  readonly since: number;
  readonly count: number;
}

export class FailureLimit {
  readonly #now: () => number;
  readonly #byAddress = new Map<string, Failures>();
  readonly #friends = new Set<string>();

  /** @param monotonicMs milliseconds that never go back. */
  constructor(monotonicMs: () => number) {
    this.#now = monotonicMs;
  }

  isBlocked(address: string): boolean {
    return (this.#fresh(address)?.count ?? 0) >= MOST_FAILURES;
  }

  isFriend(address: string, name: string): boolean {
    return this.#friends.has(JSON.stringify([address, name]));
  }

  /** Somebody was admitted under this name. */
  befriend(address: string, name: string): void {
    this.#friends.add(JSON.stringify([address, name]));
    const [oldest] = this.#friends;
    if (this.#friends.size > MOST_ADDRESSES && oldest !== undefined) this.#friends.delete(oldest);
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

/**
 * Turns counters that only grow into rates. A counter that went back (a guest that was restarted,
 * or came from another host) starts anew, without a value.
 */

interface Reading {
  readonly value: number;
  readonly seconds: number;
}

export class Rates {
  readonly #readings = new Map<string, Reading>();
  readonly #seen = new Set<string>();

  /**
   * Growth of the counter per second since its last reading; undefined at the first one. `seconds`
   * comes from a clock that never goes back.
   */
  next(counter: string, value: number, seconds: number): number | undefined {
    const before = this.#readings.get(counter);
    this.#seen.add(counter);
    if (before !== undefined && seconds <= before.seconds) return undefined;
    this.#readings.set(counter, { value, seconds });
    if (before === undefined || value < before.value) return undefined;
    return (value - before.value) / (seconds - before.seconds);
  }

  /** Forgets the counters that were not asked for since the last call: their owners are gone. */
  forgetUnseen(): void {
    for (const counter of this.#readings.keys()) {
      if (!this.#seen.has(counter)) this.#readings.delete(counter);
    }
    this.#seen.clear();
  }
}

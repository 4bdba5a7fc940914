// Role: all that happens in a run, in order, as a running hash; kept as lines where somebody wants
// to read them. Two runs of the same seed have the same hash.
import { createHash, type Hash } from 'node:crypto';

import type { Clock } from '../../src/ports/clock.ts';
import { timeText } from './script.ts';

export class Trace {
  readonly #clock: Clock;
  readonly #hash: Hash = createHash('sha256');
  readonly #lines: string[] | undefined;

  constructor(clock: Clock, isKept: boolean) {
    this.#clock = clock;
    this.#lines = isKept ? [] : undefined;
  }

  say(who: string, text: string): void {
    const line = `${timeText(this.#clock.monotonic())} ${who.padEnd(7)} ${text}`;
    this.#hash.update(line).update('\n');
    this.#lines?.push(line);
  }

  /** Empty where they were not to be kept. */
  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

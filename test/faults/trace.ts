// Role: all that happens in a run, in order, as a running hash; kept as lines where somebody wants
// to read them. Two runs of the same seed have the same hash.
import { createHash, type Hash } from 'node:crypto';

import type { Clock } from '../../src/ports/clock.ts';
import { timeText } from './script.ts';

export class Trace {
  readonly #clock: Clock;
  /** Where this run has its files: named anew in each, and so left out. */
  readonly #folder: string;
  readonly #hash: Hash = createHash('sha256');
  readonly #lines: string[] | undefined;

  constructor(clock: Clock, folder: string, isKept: boolean) {
    this.#clock = clock;
    this.#folder = folder;
    this.#lines = isKept ? [] : undefined;
  }

  say(who: string, text: string): void {
    const at = timeText(this.#clock.monotonic());
    const line = `${at} ${who.padEnd(7)} ${text.replaceAll(this.#folder, '')}`;
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

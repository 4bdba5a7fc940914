/**
 * Time that passes only when everybody waits. Nothing here looks at a real clock: a simulated day
 * takes as long as its computations, and the same program sees the same moments every time.
 *
 * One turn: let all pending promises settle, then go to the time of the earliest sleepers and wake
 * all that are due at that very moment, in the order in which they lay down.
 */

import { epochSeconds, seconds, type EpochSeconds, type Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { EventQueue } from './event-queue.ts';

export interface VirtualClockOptions {
  readonly startAt: EpochSeconds;
  /**
   * Resolves when every promise that can settle without time passing has settled: one turn of the
   * event loop (`setImmediate`). Given from outside, because this room uses no timers.
   */
  readonly settle: () => Promise<void>;
}

interface Sleeper {
  wake: (() => void) | undefined;
}

/** Everybody waits for something else than time: nothing will ever happen again. */
export class StuckError extends Error {
  constructor(at: number) {
    super(`the simulation is stuck at ${at} s: nobody sleeps, and the task has not ended`);
    this.name = 'StuckError';
  }
}

export class VirtualClock implements Clock {
  readonly #settle: () => Promise<void>;
  readonly #sleepers = new EventQueue<Sleeper>();
  #elapsed = 0;
  #epoch: number;

  constructor({ startAt, settle }: VirtualClockOptions) {
    this.#epoch = startAt;
    this.#settle = settle;
  }

  now(): EpochSeconds {
    return epochSeconds(this.#epoch + this.#elapsed);
  }

  monotonic(): Seconds {
    return seconds(this.#elapsed);
  }

  sleep(duration: Seconds, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        wake() {
          sleeper.wake = undefined;
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      function onAbort(): void {
        sleeper.wake?.();
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(this.#elapsed + Math.max(0, duration), sleeper);
    });
  }

  /** When the next sleeper wakes, as `monotonic`; undefined: nobody sleeps. */
  nextWake(): Seconds | undefined {
    for (let next = this.#sleepers.peek(); next !== undefined; next = this.#sleepers.peek()) {
      if (next.item.wake !== undefined) return seconds(next.at);
      this.#sleepers.pop(); // its signal was aborted
    }
    return undefined;
  }

  /** Lets time pass until `body` has ended. Rejects with StuckError if it never can. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    let isOver = false;
    const task = body();
    const over = (): void => {
      isOver = true;
    };
    task.then(over, over);
    await this.#settle();
    while (!isOver) {
      if (!this.#turn(Infinity)) throw new StuckError(this.#elapsed);
      await this.#settle();
    }
    return task;
  }

  /** Lets `duration` pass, with everything that falls due in it. */
  async advance(duration: Seconds): Promise<void> {
    const until = this.#elapsed + duration;
    await this.#settle();
    while (this.#turn(until)) await this.#settle();
    this.#elapsed = until;
  }

  /** Goes on until nobody sleeps any more, or until `limit` has passed. */
  async runUntilIdle(limit: Seconds): Promise<void> {
    const until = this.#elapsed + limit;
    await this.#settle();
    while (this.#turn(until)) await this.#settle();
  }

  /** Sets the wall clock forward or back, as NTP or a person would; `monotonic` does not see it. */
  jump(delta: number): void {
    this.#epoch += delta;
  }

  /**
   * Forgets all sleepers: they never wake. What a crash does to a process: whoever waited is gone,
   * the world and its time go on.
   */
  abandon(): void {
    this.#sleepers.clear();
  }

  /** Wakes whoever is due next; false if nobody is until `until`. */
  #turn(until: number): boolean {
    const at = this.nextWake();
    if (at === undefined || at > until || at === Infinity) return false;
    this.#elapsed = at;
    // Only those that lie there now: who lies down again for no time waits for the next turn.
    const due: Sleeper[] = [];
    while (this.#sleepers.peek()?.at === at) {
      const sleeper = this.#sleepers.pop();
      if (sleeper !== undefined) due.push(sleeper.item);
    }
    for (const sleeper of due) sleeper.wake?.();
    return true;
  }
}

// Role: a clock that tests set by hand. Sleepers wake in the order of their time; `run` lets time
// pass as fast as everybody has gone to sleep.
import { type EpochSeconds, epochSeconds, type Seconds, seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';

interface Sleeper {
  readonly at: number;
  wake(): void;
}

export interface ManualClock extends Clock {
  /** Lets `duration` seconds pass; those who sleep until then wake on their way. */
  pass(duration: number): Promise<void>;
  /** Lets time pass until `work` is done; rejects after `limit` seconds of that time. */
  until<Value>(work: Promise<Value>, limit?: number): Promise<Value>;
  /** Moves the wall clock (not the monotonic one), as an operator or NTP does. */
  jump(by: number): void;
  readonly sleeping: number;
}

/** A turn of the event loop: everything that can go on without time passing has gone on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function manualClock(start = 1_000_000): ManualClock {
  let elapsed = 0;
  let offset = start;
  const sleepers: Sleeper[] = [];

  function sleep(duration: Seconds, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { at: elapsed + duration, wake: finish };
      function finish(): void {
        signal?.removeEventListener('abort', finish);
        const index = sleepers.indexOf(sleeper);
        if (index >= 0) sleepers.splice(index, 1);
        resolve();
      }
      signal?.addEventListener('abort', finish, { once: true });
      sleepers.push(sleeper);
    });
  }

  function earliest(): Sleeper | undefined {
    return sleepers.reduce<Sleeper | undefined>(
      (first, next) => (first === undefined || next.at < first.at ? next : first),
      undefined,
    );
  }

  async function pass(duration: number): Promise<void> {
    const end = elapsed + duration;
    await settle();
    for (let next = earliest(); next !== undefined && next.at <= end; next = earliest()) {
      elapsed = Math.max(elapsed, next.at);
      next.wake();
      await settle();
    }
    elapsed = end;
  }

  async function until<Value>(work: Promise<Value>, limit = 100_000): Promise<Value> {
    let isDone = false;
    void Promise.allSettled([work]).then(() => {
      isDone = true;
      return undefined;
    });
    const end = elapsed + limit;
    await settle();
    while (!isDone) {
      const next = earliest();
      if (next === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      } else if (next.at > end) {
        throw new Error(`not done after ${limit} s of manual time`);
      } else {
        elapsed = Math.max(elapsed, next.at);
        next.wake();
      }
      await settle();
    }
    return work;
  }

  return {
    now: (): EpochSeconds => epochSeconds(offset + elapsed),
    monotonic: (): Seconds => seconds(elapsed),
    sleep,
    pass,
    until,
    jump: (by) => {
      offset += by;
    },
    get sleeping() {
      return sleepers.length;
    },
  };
}

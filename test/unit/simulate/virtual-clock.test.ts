// Role: virtual time: order of waking, aborts, stuck programs, jumps, crashes.
import { describe, expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import { StuckError } from '../../../src/simulate/virtual-clock.ts';
import { MONDAY_MORNING, virtualClock } from '../../support/virtual-time.ts';

const DAY = seconds(86_400);

describe('VirtualClock', () => {
  it('passes a day at once, and both clocks show it', async () => {
    const clock = virtualClock();
    await clock.run(() => clock.sleep(DAY));
    expect(clock.monotonic()).toBe(DAY);
    expect(clock.now()).toBe(MONDAY_MORNING + DAY);
  });

  it('wakes by time, then in the order of lying down', async () => {
    const clock = virtualClock();
    const woken: string[] = [];
    const sleeper = async (name: string, duration: number): Promise<void> => {
      await clock.sleep(seconds(duration));
      woken.push(`${name}@${clock.monotonic()}`);
    };
    await clock.run(async () => {
      await Promise.all([
        sleeper('late', 5),
        sleeper('first', 2),
        sleeper('second', 2),
        sleeper('now', 0),
      ]);
    });
    expect(woken).toEqual(['now@0', 'first@2', 'second@2', 'late@5']);
  });

  it('is the same whatever the heap looks like', async () => {
    const order = async (durations: readonly number[]): Promise<number[]> => {
      const clock = virtualClock();
      const woken: number[] = [];
      const all = durations.map(async (duration) => {
        await clock.sleep(seconds(duration));
        woken.push(duration);
      });
      await clock.run(() => Promise.all(all));
      return woken;
    };
    const durations = Array.from({ length: 200 }, (_, index) => (index * 7919) % 211);
    expect(await order(durations)).toEqual(durations.toSorted((a, b) => a - b));
  });

  it('goes no further than it is told to', async () => {
    const clock = virtualClock();
    let isAwake = false;
    const task = clock.sleep(seconds(10)).then(() => {
      isAwake = true;
    });
    await clock.advance(seconds(9.5));
    expect([isAwake, clock.monotonic()]).toEqual([false, 9.5]);
    await clock.advance(seconds(0.5));
    expect(isAwake).toBe(true);
    await task;
  });

  it('wakes a sleeper at once when its signal is aborted, and does not reject', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    await clock.run(async () => {
      const sleeping = clock.sleep(DAY, controller.signal);
      await clock.sleep(seconds(1));
      controller.abort();
      await sleeping;
      await clock.sleep(DAY, controller.signal);
    });
    expect(clock.monotonic()).toBe(1);
    expect(clock.nextWake()).toBeUndefined();
  });

  it('says so when nothing will ever happen again', async () => {
    const clock = virtualClock();
    await expect(clock.run(() => new Promise(() => {}))).rejects.toBeInstanceOf(StuckError);
  });

  it('passes errors on', async () => {
    const clock = virtualClock();
    const task = clock.run(async () => {
      await clock.sleep(seconds(1));
      throw new Error('broken');
    });
    await expect(task).rejects.toThrow('broken');
  });

  it('lets wall time jump without waking or delaying anybody', async () => {
    const clock = virtualClock();
    await clock.run(async () => {
      const sleeping = clock.sleep(seconds(10));
      clock.jump(-3600);
      expect(clock.now()).toBe(MONDAY_MORNING - 3600);
      await sleeping;
    });
    expect(clock.monotonic()).toBe(10);
    expect(clock.now()).toBe(MONDAY_MORNING - 3590);
  });

  it('forgets the sleepers of a process that crashed', async () => {
    const clock = virtualClock();
    let isAwake = false;
    void clock.sleep(seconds(10)).then(() => {
      isAwake = true;
    });
    await clock.advance(seconds(5));
    clock.abandon();
    await clock.advance(seconds(100));
    expect(isAwake).toBe(false);
    expect(clock.monotonic()).toBe(105);
  });

  it('runs until nobody sleeps, or until it has had enough', async () => {
    const clock = virtualClock();
    await Promise.race([clock.sleep(seconds(3)), clock.runUntilIdle(DAY)]);
    await clock.runUntilIdle(DAY);
    expect(clock.monotonic()).toBe(3);
    const ticking = (async () => {
      for (let tick = 0; tick < 1000; tick += 1) await clock.sleep(seconds(1));
    })();
    await clock.runUntilIdle(seconds(10));
    expect(clock.monotonic()).toBe(13);
    await clock.run(() => ticking);
  });
});

// Role: real time, faster: sleeps are as long as ordered, by its own measure, and can be ended.
import { describe, expect, it } from 'vitest';

import { AcceleratedClock } from '../../../adapters/simulated/accelerated-clock.ts';
import { seconds } from '../../../src/domain/units.ts';
import { MONDAY_MORNING } from '../../support/virtual-time.ts';

describe('AcceleratedClock', () => {
  it('lets a simulated minute pass in a moment', async () => {
    const clock = new AcceleratedClock({ factor: 6000, startAt: MONDAY_MORNING });
    const before = clock.monotonic();
    await clock.sleep(seconds(60));
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(60);
    expect(clock.now()).toBeGreaterThanOrEqual(MONDAY_MORNING + 60);
  });

  it('ends a sleep when its signal is aborted, without an error', async () => {
    const clock = new AcceleratedClock({ factor: 1, startAt: MONDAY_MORNING });
    const controller = new AbortController();
    const sleeping = clock.sleep(seconds(1e9), controller.signal);
    controller.abort();
    await sleeping;
    await clock.sleep(seconds(1e9), controller.signal);
    expect(clock.monotonic()).toBeLessThan(1e6);
  });

  it.each([0, -1, NaN, Infinity])('refuses the speed %s', (factor) => {
    expect(() => new AcceleratedClock({ factor, startAt: MONDAY_MORNING })).toThrow(/speed/);
  });
});

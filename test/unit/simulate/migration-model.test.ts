// Role: the formulas of live migration, at their bounds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import {
  AUTO_CONVERGE,
  dirtyAfter,
  mayStop,
  nextThrottle,
  NO_THROTTLE,
} from '../../../src/simulate/migration-model.ts';

describe('dirtyAfter', () => {
  it('grows with the rate at first and never beyond the working set', () => {
    expect(dirtyAfter(0, 10, 1e9, 1)).toBeCloseTo(10, 3);
    expect(dirtyAfter(0, 1e9, 1000, 60)).toBeCloseTo(1000, 6);
    expect(dirtyAfter(7, 0, 1000, 60)).toBe(7);
    expect(dirtyAfter(7, 10, 0, 60)).toBe(7);
  });

  it('does not care in how many steps one looks', () => {
    const amount = fc.double({ min: 1, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(amount, amount, fc.double({ min: 0, max: 1, noNaN: true }), (rate, set, cut) => {
        const whole = dirtyAfter(0, rate, set, 10);
        const parts = dirtyAfter(dirtyAfter(0, rate, set, 10 * cut), rate, set, 10 * (1 - cut));
        expect(parts).toBeCloseTo(whole, 6 - Math.ceil(Math.log10(Math.max(10, whole))));
        expect(whole).toBeLessThanOrEqual(set * (1 + 1e-9));
      }),
    );
  });
});

describe('mayStop', () => {
  it('compares what is left with what the stop can carry', () => {
    expect(mayStop(300, 1000, seconds(0.3))).toBe(true);
    expect(mayStop(301, 1000, seconds(0.3))).toBe(false);
    expect(mayStop(1, 0, seconds(10))).toBe(false);
    expect(mayStop(0, 0, seconds(0))).toBe(true);
  });
});

describe('nextThrottle', () => {
  it('waits for two bad rounds, then 20 %, then 10 % more each time, up to 99 %', () => {
    let throttle = NO_THROTTLE;
    const shares: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      throttle = nextThrottle(throttle, 100, 51);
      shares.push(Number(throttle.share.toFixed(2)));
    }
    expect(shares.slice(0, 6)).toEqual([0, 0.2, 0.2, 0.3, 0.3, 0.4]);
    expect(Math.max(...shares)).toBe(AUTO_CONVERGE.max);
  });

  it('does not punish a round that went well, and forgets the strike before it', () => {
    const struck = nextThrottle(NO_THROTTLE, 100, 90);
    expect(nextThrottle(struck, 100, 50)).toEqual(NO_THROTTLE);
  });
});

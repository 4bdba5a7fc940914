// Role: load curves: bounded, repeatable, daily.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { epochSeconds } from '../../../src/domain/units.ts';
import { LOAD_PROFILES, loadAt } from '../../../src/simulate/load-curve.ts';
import { MONDAY_MORNING } from '../../support/virtual-time.ts';

const MIDNIGHT = MONDAY_MORNING - 8 * 3600;

/** Mean of many guests, so that noise and spikes even out. */
function meanAt(profile: keyof typeof LOAD_PROFILES, at: number): number {
  let sum = 0;
  for (let key = 1; key <= 300; key += 1) {
    sum += loadAt(LOAD_PROFILES[profile], key * 7919, epochSeconds(at));
  }
  return sum / 300;
}

describe('loadAt', () => {
  it('stays a share, whatever the time and the guest', () => {
    const profile = fc.constantFrom(...Object.values(LOAD_PROFILES));
    const key = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const time = fc.double({ min: 0, max: 8e9, noNaN: true });
    fc.assert(
      fc.property(profile, key, time, (load, guest, at) => {
        const share = loadAt(load, guest, epochSeconds(at));
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(loadAt(load, guest, epochSeconds(at))).toBe(share);
      }),
    );
  });

  it('peaks at its hour and rests at the other end of the day', () => {
    expect(meanAt('web', MIDNIGHT + 14 * 3600)).toBeGreaterThan(0.4);
    expect(meanAt('web', MIDNIGHT + 2 * 3600)).toBeLessThan(0.12);
    expect(meanAt('batch', MIDNIGHT + 2 * 3600)).toBeGreaterThan(0.5);
  });

  it('rests on Saturdays and Sundays', () => {
    const weekday = meanAt('office', MIDNIGHT + 10 * 3600);
    const saturday = meanAt('office', MIDNIGHT + 5 * 86_400 + 10 * 3600);
    const sunday = meanAt('office', MIDNIGHT + 6 * 86_400 + 10 * 3600);
    const monday = meanAt('office', MIDNIGHT + 7 * 86_400 + 10 * 3600);
    expect([saturday, sunday].every((share) => share < 0.5 * weekday)).toBe(true);
    expect(monday).toBeGreaterThan(0.8 * weekday);
  });

  it('moves smoothly but for spikes, and guests differ', () => {
    const load = { ...LOAD_PROFILES.web, spikeChance: 0 };
    let widest = 0;
    for (let at = MIDNIGHT; at < MIDNIGHT + 86_400; at += 10) {
      const step = loadAt(load, 5, epochSeconds(at + 10)) - loadAt(load, 5, epochSeconds(at));
      widest = Math.max(widest, Math.abs(step));
    }
    expect(widest).toBeGreaterThan(0);
    expect(widest).toBeLessThan(0.02);
    expect(loadAt(load, 1, MONDAY_MORNING)).not.toBe(loadAt(load, 2, MONDAY_MORNING));
  });
});

// Role: the price of emptying hosts is in what is scarce, and bounds what can be gained.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Emptiable, pricesInRoom } from '../../../src/plan/emptying-price.ts';

const pair = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
const some = fc
  .array(fc.record({ gain: fc.integer({ min: 1, max: 3 }), load: pair, room: pair }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((list) => list.map((one, host): Emptiable => ({ ...one, host })));

/** Every set of hosts whose load the room of the others could hold, were load cut at will. */
function mostGained(hosts: readonly Emptiable[]): number {
  let most = 0;
  for (let set = 0; set < 2 ** hosts.length; set += 1) {
    const isOff = ({ host }: Emptiable): boolean => ((set >> host) & 1) === 1;
    const fits = ([0, 1] as const).every((r) => {
      const left = hosts.reduce((sum, one) => sum + (isOff(one) ? -one.load[r] : one.room[r]), 0);
      return left >= 0;
    });
    if (fits)
      most = Math.max(
        most,
        hosts.filter(isOff).reduce((sum, { gain }) => sum + gain, 0),
      );
  }
  return most;
}

describe('prices in room', () => {
  it('bound what emptying hosts can gain', () => {
    fc.assert(
      fc.property(some, (hosts) => {
        const total = (r: 0 | 1): number => hosts.reduce((sum, one) => sum + one.room[r], 0);
        const { most } = pricesInRoom(hosts, [total(0), total(1)]);
        expect(most).toBeGreaterThanOrEqual(mostGained(hosts) - 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('are in the resource that is scarce', () => {
    const hosts: Emptiable[] = [
      { host: 0, gain: 1, load: [1, 8], room: [5, 1] },
      { host: 1, gain: 1, load: [8, 1], room: [5, 1] },
    ];
    const { of, most } = pricesInRoom(hosts, [1000, 10]);
    // The whole of one, and as much of the other as memory is left for; CPU would be for both.
    expect(most).toBeCloseTo(1 + 0.8 / 0.9, 9);
    expect(of.get(1)).toBeLessThan(of.get(0) ?? 0);
  });
});

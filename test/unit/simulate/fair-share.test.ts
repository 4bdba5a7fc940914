// Role: how migrations share links: examples, and the properties that make it max-min fair.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fairShares, type Flow } from '../../../src/simulate/fair-share.ts';

const LINKS = new Map([
  ['out a', 1000],
  ['in b', 600],
  ['in c', 5000],
]);

function flow(links: readonly string[], limit = Infinity): Flow {
  return { links, limit };
}

describe('fairShares', () => {
  it('gives one flow the narrowest of its links', () => {
    expect(fairShares([flow(['out a', 'in b'])], LINKS)).toEqual([600]);
  });

  it('divides a link evenly, and gives what one can not use to the other', () => {
    expect(fairShares([flow(['out a']), flow(['out a'])], LINKS)).toEqual([500, 500]);
    expect(fairShares([flow(['out a'], 100), flow(['out a'])], LINKS)).toEqual([100, 900]);
    const shared = [flow(['out a', 'in b']), flow(['in b']), flow(['out a', 'in c'])];
    expect(fairShares(shared, LINKS)).toEqual([300, 300, 700]);
  });

  it('gives nothing over a dead or unknown link, and no flows get no rates', () => {
    expect(fairShares([flow(['nowhere']), flow(['in b'])], LINKS)).toEqual([0, 600]);
    expect(fairShares([], LINKS)).toEqual([]);
    expect(fairShares([flow(['in b'], 0)], LINKS)).toEqual([0]);
  });

  const flows = fc.array(
    fc.record({
      links: fc.subarray(['out a', 'in b', 'in c'], { minLength: 1 }),
      limit: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 2000 })),
    }),
    { maxLength: 12 },
  );

  it('never overfills a link or a limit, and leaves no flow that could still grow', () => {
    fc.assert(
      fc.property(flows, (all) => {
        const rates = fairShares(all, LINKS);
        const load = (link: string): number =>
          all.reduce((sum, one, index) => sum + (one.links.includes(link) ? rates[index]! : 0), 0);
        for (const [link, capacity] of LINKS) expect(load(link)).toBeLessThanOrEqual(capacity + 2);
        for (const [index, one] of all.entries()) {
          expect(rates[index]).toBeLessThanOrEqual(one.limit + 1e-6);
          const isAtLimit = rates[index]! >= one.limit - 2;
          const isBlocked = one.links.some((link) => load(link) >= LINKS.get(link)! - 2);
          expect(isAtLimit || isBlocked).toBe(true);
        }
      }),
    );
  });
});

// Role: the fewest domains that a group may turn out to be in: the same as by trying all, and known
// at once for groups that nobody could try all of.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fewestDomains } from '../../../src/check/fewest-domains.ts';

type Choices = readonly (readonly (string | undefined)[])[];

function byTryingAll(choices: Choices): number {
  let all: ReadonlySet<string>[] = [new Set()];
  for (const list of choices) {
    all = all.flatMap((chosen) =>
      list.map((one) => (one === undefined ? chosen : new Set([...chosen, one]))),
    );
  }
  return Math.min(...all.map(({ size }) => size));
}

const place = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), {
  nil: undefined,
  freq: 15,
});
const groups = fc.array(fc.array(place, { minLength: 1, maxLength: 3 }), { maxLength: 8 });

describe('the fewest domains of a group', () => {
  it('are those that trying all finds, up to what is asked for', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 0, max: 8 }), (choices, enough) => {
        expect(fewestDomains(choices, enough)).toBe(Math.min(enough, byTryingAll(choices)));
      }),
      { numRuns: 500 },
    );
  });

  it('are found where each of a hundred moves to a host of its own, or to the next one', () => {
    const own = Array.from({ length: 100 }, (_, i) => [`from ${i}`, `to ${i}`]);
    expect(fewestDomains(own, 100)).toBe(100);
    const chain = Array.from({ length: 100 }, (_, i) => [`h${i}`, `h${i + 1}`]);
    expect(fewestDomains(chain, 100)).toBe(50);
    const ring = Array.from({ length: 99 }, (_, i) => [`h${i}`, `h${(i + 1) % 99}`]);
    expect(fewestDomains(ring, 99)).toBe(50);
  });
});

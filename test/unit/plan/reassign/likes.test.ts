import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Likes } from '../../../../src/plan/reassign/likes.ts';
import { costWeights } from '../../../../src/plan/reassign/load-tables.ts';
import type { Problem } from '../../../../src/plan/reassign/problem.ts';
import { aProblem } from '../../../support/reassign.ts';

/** A random number that asks for the like of that rank, of 32. */
const forRank = (rank: number): number => Math.sqrt((rank + 0.5) / 32);

function distance({ resources, need }: Problem, weights: Float64Array, a: number, b: number) {
  return weights.reduce((sum, weight, r) => {
    return sum + weight * Math.abs(need[a * resources + r]! - need[b * resources + r]!);
  }, 0);
}

describe('items that are like each other', () => {
  test('are those at the least distance, in its order; none that needs the same', () => {
    const needs = fc.array(fc.tuple(fc.nat(200), fc.nat(60)), {
      minLength: 1,
      maxLength: 400,
      size: 'max',
    });
    fc.assert(
      fc.property(needs, fc.nat(), (pairs, draw) => {
        const homes = pairs.map(() => 0);
        const softWeight = Float64Array.of(1, 7);
        const problem = aProblem(pairs.flat(), homes, { bins: 1, resources: 2, softWeight });
        const likes = new Likes(problem);
        const weights = costWeights(problem);
        const item = draw % problem.items;
        const others = pairs
          .map((_, other) => distance(problem, weights, item, other))
          .filter((far) => far > 0)
          .toSorted((a, b) => a - b);
        for (let rank = 0; rank < 32; rank += 1) {
          const like = likes.like(item, forRank(rank));
          const far = like < 0 ? undefined : distance(problem, weights, item, like);
          expect(far).toBe(others[rank]);
        }
      }),
      { numRuns: 200 },
    );
  });
});

// Role: the planner beside an exact solver on small fleets. No plan may be better than the optimum:
// that would be a fault of one of the two. How far above it the plans are is printed, not judged.
import { beforeAll, describe, expect, it } from 'vitest';

import { SHAPES, figuresOf, gapOf } from '../bench/gap.ts';
import { type Exact, LEVEL_GAP, loadExact } from '../support/exact.ts';
import { testSeed } from '../tools/test-seed.ts';

const FLEETS = 5;

let exact: Exact;
beforeAll(async () => {
  exact = await loadExact();
});

describe.each(SHAPES)('the planner on small fleets: $goal, $hosts hosts, $busy busy', (shape) => {
  it('is never better than the optimum', { timeout: 300_000 }, () => {
    const seeds = Array.from({ length: FLEETS }, (_none, i) => testSeed() + i);
    const gaps = seeds.map((seed) => ({ seed, ...gapOf(exact, { ...shape, seed }) }));
    for (const { seed, reached, inTurn, ...gap } of gaps) {
      const optimum = inTurn ?? gap.optimum;
      if (reached === undefined || optimum === undefined) continue;
      const least = optimum * (1 - (shape.goal === 'level' ? LEVEL_GAP : 1e-6)) - 1e-6;
      // Of watts saved more is better, of all else less is.
      const isBetter = shape.goal === 'consolidate' ? reached > optimum + 1e-6 : reached < least;
      expect(isBetter, `seed ${seed}: ${reached}, the optimum is ${optimum}`).toBe(false);
    }
    // What is proven to be impossible must be so.
    const disproven = gaps.filter((gap) => gap.saysImpossible && gap.optimum !== undefined);
    expect(disproven).toEqual([]);
    process.stdout.write(`${JSON.stringify(figuresOf(shape, gaps))}\n`);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { BINS, type Problem } from '../../../../src/plan/reassign/problem.ts';
import { reassign } from '../../../../src/plan/reassign/reassign.ts';
import { anyProblem, aProblem, naiveCost, naiveFaults } from '../../../support/reassign.ts';

const BUDGET = { seed: 1, steps: 20_000 };

/** The least cost over all placements that break nothing. */
function optimum(problem: Problem): number {
  let best = Number.POSITIVE_INFINITY;
  const at = new Int32Array(problem.items);
  for (let code = 0; code < problem.bins ** problem.items; code += 1) {
    for (let item = 0, rest = code; item < problem.items; item += 1) {
      at[item] = rest % problem.bins;
      rest = Math.floor(rest / problem.bins);
    }
    if (naiveFaults(problem, at).every((fault) => fault === 0)) {
      best = Math.min(best, naiveCost(problem, at));
    }
  }
  return best;
}

describe('reassign', () => {
  test('finds the optimum of small problems', () => {
    const needs = [5, 4, 3, 3, 2, 2, 1];
    const problem = aProblem(needs, [0, 0, 1, 1, 1, 2, 2], {
      bins: 3,
      capacity: Float64Array.from([12, 10, 10]),
      moveCost: Float64Array.from([0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1]),
      transient: Uint8Array.of(1),
      groups: [Int32Array.of(0, 1, 2), Int32Array.of(5), Int32Array.of(6)],
      rules: [
        { kind: 'apart', group: 0, by: BINS, atMost: 2 },
        { kind: 'depends', group: 1, on: 2, by: BINS },
      ],
    });
    expect(reassign(problem, BUDGET).cost).toBeCloseTo(optimum(problem), 9);
  });

  test('breaks nothing new, is never worse than the start, and tells the truth', () => {
    fc.assert(
      fc.property(anyProblem(), fc.nat(), (problem, seed) => {
        const answer = reassign(problem, { seed, steps: 3000 });
        const before = naiveFaults(problem, problem.home);
        const after = naiveFaults(problem, answer.at);
        after.forEach((fault, index) => expect(fault).toBeLessThanOrEqual(before[index]!));
        expect(answer.cost).toBeLessThanOrEqual(answer.startCost);
        const told = answer.cost - problem.penalty * answer.broken;
        expect(told).toBeCloseTo(naiveCost(problem, answer.at), 6);
      }),
      { numRuns: 100 },
    );
  });

  test('is the same for the same seed and steps', () => {
    const [problem] = fc.sample(anyProblem(), { numRuns: 1, seed: 7 });
    const answers = [1, 2].map(() => reassign(problem!, BUDGET));
    expect(answers[0]).toEqual(answers[1]);
  });

  test('places items that are in no bin, the large first', () => {
    const problem = aProblem([3, 7, 9], [-1, 0, -1], { bins: 2 });
    const answer = reassign(problem, BUDGET);
    expect([...answer.at]).toEqual([0, 0, 1]);
    expect(answer).toMatchObject({ broken: 0, moved: 0 });
  });

  test('mends what the start breaks: overload, a rule, an item where it may not be', () => {
    const problem = aProblem([6, 6, 1, 1, 2], [0, 0, 1, 1, 1], {
      bins: 3,
      classOf: Int32Array.of(0, 0, 0, 0, 1),
      allowed: [undefined, Uint8Array.of(1, 0, 1)],
      groups: [Int32Array.of(2, 3)],
      rules: [{ kind: 'apart', group: 0, by: BINS }],
    });
    const answer = reassign(problem, BUDGET);
    expect(answer.broken).toBe(0);
    expect(naiveFaults(problem, answer.at).every((fault) => fault === 0)).toBe(true);
  });

  test('moves no more items than it may, and none that is fixed', () => {
    const problem = aProblem([3, 3, 3, 1], [0, 0, 0, 1], { bins: 2, maxMoves: 1 });
    expect(reassign(problem, BUDGET)).toMatchObject({ moved: 1, cost: 0 });
    expect(reassign({ ...problem, maxMoves: 0 }, BUDGET)).toMatchObject({ moved: 0, cost: 3 });
    const fixed = { ...problem, fixed: Uint8Array.of(1, 1, 1, 1) };
    expect(reassign(fixed, BUDGET)).toMatchObject({ moved: 0, cost: 3 });
  });

  test('levels where deviation from the fleet costs', () => {
    const problem = aProblem([2, 2, 2, 2], [0, 0, 0, 0], {
      bins: 4,
      soft: new Float64Array(4).fill(Number.POSITIVE_INFINITY),
      spreadWeight: new Float64Array(4).fill(1),
    });
    expect([...reassign(problem, BUDGET).at].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });

  test('does nothing when there is nothing to do or no time to do it', () => {
    const problem = aProblem([3, 4], [0, 1], { bins: 2 });
    expect([...reassign(problem, BUDGET).at]).toEqual([0, 1]);
    const busy = aProblem([5, 4], [0, 0], { bins: 2 });
    const answer = reassign(busy, { ...BUDGET, shouldStop: () => true });
    expect([...answer.at]).toEqual([0, 0]);
    const empty = aProblem([], [], { bins: 2 });
    expect(reassign(empty, BUDGET)).toMatchObject({ cost: 0, moved: 0 });
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { seededRng } from '../../../../src/domain/rng.ts';
import { Assignment } from '../../../../src/plan/reassign/assignment.ts';
import { Descent } from '../../../../src/plan/reassign/descend.ts';
import { Reach } from '../../../../src/plan/reassign/reach.ts';
import { Rearranger } from '../../../../src/plan/reassign/rearrange.ts';
import { anyProblem, aProblem, naiveFaults } from '../../../support/reassign.ts';

const NEVER = (): boolean => false;

describe('rearranging', () => {
  // The large one must leave the first bin, which should be empty; only the second could hold it,
  // whose guests have to go to the third before.
  const problem = aProblem([8, 2, 2], [0, 1, 1], {
    bins: 3,
    capacity: Float64Array.of(10, 9, 4),
    soft: Float64Array.of(0, 9, 4),
  });

  test('brings an item into a bin that others leave for it', () => {
    const state = new Assignment(problem, problem.home.slice());
    const rearranger = new Rearranger(state, seededRng(1), new Reach(state.problem));
    const changes = Array.from({ length: 50 }, () => rearranger.attempt(0));
    expect([...state.at]).toEqual([1, 2, 2]);
    expect(changes.filter((change) => change !== undefined)).toEqual([-8]);
  });

  test('lets guests take the place that the item has left', () => {
    // Neither of the small ones fits beside the large one, nor that beside either of them.
    const exchange = aProblem([8, 3, 3], [0, 1, 1], {
      bins: 2,
      capacity: Float64Array.of(10, 8),
      soft: Float64Array.of(6, 8),
    });
    const state = new Assignment(exchange, exchange.home.slice());
    const rearranger = new Rearranger(state, seededRng(1), new Reach(exchange));
    for (let time = 0; time < 50; time += 1) rearranger.attempt(0);
    expect([...state.at]).toEqual([1, 0, 0]);
  });

  test('changes nothing when the whole costs more than it may', () => {
    const state = new Assignment(problem, problem.home.slice());
    const rearranger = new Rearranger(state, seededRng(1), new Reach(state.problem));
    for (let time = 0; time < 50; time += 1) expect(rearranger.attempt(-9)).toBeUndefined();
    expect([...state.at]).toEqual([...problem.home]);
    expect(rearranger.steps).toBeGreaterThan(0);
  });

  test('tells what it changes, within the limit, and breaks nothing', () => {
    fc.assert(
      fc.property(anyProblem(), fc.nat(), fc.integer({ min: -5, max: 20 }), (any, seed, limit) => {
        const state = new Assignment(any, any.home.slice());
        const rearranger = new Rearranger(state, seededRng(seed), new Reach(any));
        for (let time = 0; time < 10; time += 1) {
          const [cost, before] = [state.cost(), state.at.slice()];
          const change = rearranger.attempt(limit);
          expect(change ?? limit).toBeLessThanOrEqual(limit);
          expect(change !== undefined || state.at.every((bin, i) => bin === before[i])).toBe(true);
          expect(state.cost() - cost).toBeCloseTo(change ?? 0, 6);
          const old = naiveFaults(any, before);
          naiveFaults(any, state.at).forEach((fault, i) =>
            expect(fault).toBeLessThanOrEqual(old[i]!),
          );
        }
      }),
    );
  });
});

describe('descending', () => {
  test('never gets dearer, breaks nothing, and ends', () => {
    fc.assert(
      fc.property(anyProblem(), fc.nat(), (any, seed) => {
        const state = new Assignment(any, any.home.slice());
        const descent = new Descent(state, seededRng(seed), NEVER);
        for (let cost = state.cost(), goesOn = true; goesOn; ) {
          goesOn = descent.round();
          expect(state.cost()).toBeLessThanOrEqual(cost + 1e-6);
          cost = state.cost();
        }
        const old = naiveFaults(any, any.home);
        naiveFaults(any, state.at).forEach((fault, i) =>
          expect(fault).toBeLessThanOrEqual(old[i]!),
        );
      }),
    );
  });

  test('shifts what gains most; exchanges where nothing fits; stops when it must', () => {
    const shift = aProblem([5, 3, 1], [0, 0, 1], { bins: 2 });
    const state = new Assignment(shift, shift.home.slice());
    new Descent(state, seededRng(1), NEVER).round();
    expect(state.cost()).toBe(0);
    const full = aProblem([5, 4, 2, 2], [0, 0, 1, 1], {
      bins: 2,
      capacity: Float64Array.of(10, 6),
      soft: Float64Array.of(7, 6),
    });
    const exchanged = new Assignment(full, full.home.slice());
    new Descent(exchanged, seededRng(1), NEVER).round();
    expect(exchanged.cost()).toBe(0);
    const stopped = new Assignment(full, full.home.slice());
    expect(new Descent(stopped, seededRng(1), () => true).round()).toBe(false);
    expect([...stopped.at]).toEqual([...full.home]);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Assignment } from '../../../../src/plan/reassign/assignment.ts';
import { Reach } from '../../../../src/plan/reassign/reach.ts';
import { anyProblem, aProblem } from '../../../support/reassign.ts';

test('what is held at home is never free for others', () => {
  const given = { bins: 2, transient: Uint8Array.of(1) };
  const reach = new Reach(aProblem([6, 5, 4], [0, 1, 1], given));
  expect(reach.holds(0, 0)).toBe(true);
  expect(reach.holds(0, 1)).toBe(false);
  expect(reach.holds(1, 0)).toBe(false);
  expect(reach.holds(2, 0)).toBe(true);
});

test('is scarce where most items can be at home only', () => {
  const needs = [6, 6, 6, 6, 6, 6];
  const scarce = { bins: 6, transient: Uint8Array.of(1) };
  expect(new Reach(aProblem(needs, [0, 1, 2, 3, 4, 5], scarce)).isScarce).toBe(true);
  expect(new Reach(aProblem(needs, [0, 1, 2, 3, 4, 5], { bins: 6 })).isScarce).toBe(false);
});

test('where an item may go is within reach, wherever the others are', () => {
  const places = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(anyProblem(), places, (problem, moves) => {
      const state = new Assignment(problem, problem.home.slice());
      const reach = new Reach(problem);
      for (const [some, where] of moves) {
        const [item, bin] = [some % problem.items, where % problem.bins];
        if (state.at[item] === bin || state.shiftCost(item, bin) === Infinity) continue;
        expect(reach.holds(item, bin)).toBe(true);
        state.place(item, bin);
      }
    }),
  );
});

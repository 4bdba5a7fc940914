import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Assignment } from '../../../../src/plan/reassign/assignment.ts';
import type { Problem } from '../../../../src/plan/reassign/problem.ts';
import { anyProblem, naiveBroken, naiveCost, naiveFaults } from '../../../support/reassign.ts';

const anyMoves = fc.array(
  fc.record({
    swap: fc.boolean(),
    item: fc.nat(),
    other: fc.nat(),
    limit: fc.integer({ min: -30, max: 30 }),
  }),
  {
    minLength: 1,
    maxLength: 30,
  },
);

/** Rules and misplaced items cost a penalty each; beyond capacity is asked for separately. */
function expectedCost(problem: Problem, at: Int32Array): number {
  const rules = (problem.rules ?? []).reduce((n, rule) => n + naiveBroken(problem, rule, at), 0);
  const stray = [...at].filter(
    (bin, item) => problem.allowed?.[problem.classOf![item]!]?.[bin] === 0,
  );
  return naiveCost(problem, at) + problem.penalty * (rules + stray.length);
}

/** Without load beyond hard capacity, whose penalty has its own unit. */
function fitsHard(problem: Problem, at: Int32Array): boolean {
  const without = {
    ...problem,
    rules: [],
    allowed: [undefined, undefined],
    transient: new Uint8Array(9),
  };
  return naiveFaults(without, at).every((fault) => fault === 0);
}

describe('assignment', () => {
  test('what a change is said to cost is what it costs', () => {
    fc.assert(
      fc.property(anyProblem(), anyMoves, (problem, moves) => {
        fc.pre(fitsHard(problem, problem.home));
        const state = new Assignment(problem, problem.home.slice());
        expect(state.cost()).toBeCloseTo(expectedCost(problem, problem.home), 6);
        for (const { swap, item: i, other: o, limit } of moves) {
          const [item, other] = [i % problem.items, o % (swap ? problem.items : problem.bins)];
          if (swap ? state.at[item] === state.at[other] : state.at[item] === other) continue;
          const before = expectedCost(problem, state.at);
          const change = swap ? state.swapCost(item, other) : state.shiftCost(item, other);
          const hurried = swap
            ? state.swapCost(item, other, limit)
            : state.shiftCost(item, other, limit);
          expect(hurried > limit || hurried === change).toBe(true);
          expect(hurried > limit).toBe(change > limit);
          if (change === Number.POSITIVE_INFINITY) continue;
          if (swap) state.swap(item, other);
          else state.place(item, other);
          expect(expectedCost(problem, state.at) - before).toBeCloseTo(change, 6);
          expect(state.cost()).toBeCloseTo(expectedCost(problem, state.at), 6);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a change is refused exactly when it breaks something or breaks it further', () => {
    fc.assert(
      fc.property(anyProblem(), anyMoves, (problem, moves) => {
        const state = new Assignment(problem, problem.home.slice());
        for (const { swap, item: i, other: o } of moves) {
          const [item, other] = [i % problem.items, o % (swap ? problem.items : problem.bins)];
          if (swap ? state.at[item] === state.at[other] : state.at[item] === other) continue;
          const change = swap ? state.swapCost(item, other) : state.shiftCost(item, other);
          const after = state.at.slice();
          if (swap) [after[item], after[other]] = [after[other]!, after[item]!];
          else after[item] = other;
          const before = naiveFaults(problem, state.at);
          const faults = naiveFaults(problem, after);
          const worse = faults.some((fault, index) => fault > before[index]!);
          // From one bin where it may not be, an item does not go to another such bin.
          const strayed = [item, ...(swap ? [other] : [])].some(
            (each) => problem.allowed?.[problem.classOf![each]!]?.[after[each]!] === 0,
          );
          expect(change === Number.POSITIVE_INFINITY).toBe(worse || strayed);
          if (worse || strayed) continue;
          if (swap) state.swap(item, other);
          else state.place(item, other);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a chain costs what it is said to cost, and is refused when it breaks something', () => {
    const anyChain = fc.record({ one: fc.nat(), other: fc.nat(), to: fc.nat(), limit: fc.nat(30) });
    fc.assert(
      fc.property(anyProblem(), fc.array(anyChain, { maxLength: 30 }), (problem, chains) => {
        const state = new Assignment(problem, problem.home.slice());
        const hard = fitsHard(problem, problem.home);
        for (const chain of chains) {
          const [one, other] = [chain.one % problem.items, chain.other % problem.items];
          const [to, through] = [chain.to % problem.bins, state.at[other]!];
          if (new Set([state.at[one], through, to]).size < 3) continue;
          const change = state.chainCost(one, other, to);
          const hurried = state.chainCost(one, other, to, chain.limit);
          expect(hurried > chain.limit).toBe(change > chain.limit);
          const after = state.at.slice();
          [after[one], after[other]] = [through, to];
          const before = naiveFaults(problem, state.at);
          const faults = naiveFaults(problem, after);
          const isWorse = faults.some((fault, index) => fault > before[index]!);
          const strays = [one, other].some(
            (item) => problem.allowed?.[problem.classOf![item]!]?.[after[item]!] === 0,
          );
          expect(change === Number.POSITIVE_INFINITY).toBe(isWorse || strays);
          if (isWorse || strays) continue;
          const cost = expectedCost(problem, state.at);
          state.chain(one, other, to);
          const told = hard ? change : expectedCost(problem, state.at) - cost;
          expect(expectedCost(problem, state.at) - cost).toBeCloseTo(told, 6);
          expect(state.at).toEqual(after);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('taking changes back leads to where they began', () => {
    fc.assert(
      fc.property(anyProblem(), anyMoves, (problem, moves) => {
        const state = new Assignment(problem, problem.home.slice());
        const cost = state.cost();
        const made: [number, number][] = [];
        for (const { item: i, other } of moves) {
          const item = i % problem.items;
          made.push([item, state.at[item]!]);
          state.place(item, other % problem.bins);
        }
        for (const [item, bin] of made.toReversed()) state.place(item, bin);
        expect([...state.at]).toEqual([...problem.home]);
        expect(state.cost()).toBeCloseTo(cost, 6);
        expect(state.broken()).toBeCloseTo(
          new Assignment(problem, problem.home.slice()).broken(),
          6,
        );
      }),
    );
  });

  test('knows who is away from home', () => {
    fc.assert(
      fc.property(anyProblem(), anyMoves, (problem, moves) => {
        const state = new Assignment(problem, problem.home.slice());
        for (const { item: i, other } of moves) {
          state.place(i % problem.items, other % problem.bins);
          const away = [...state.at.keys()].filter((item) => state.at[item] !== problem.home[item]);
          expect([...state.away].toSorted((a, b) => a - b)).toEqual(away);
        }
      }),
    );
  });
});

import { Worker } from 'node:worker_threads';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { seededRng } from '../../../../src/domain/rng.ts';
import { ROUNDS } from '../../../../src/plan/reassign/anneal.ts';
import { arrange } from '../../../../src/plan/reassign/arrange.ts';
import { Assignment } from '../../../../src/plan/reassign/assignment.ts';
import { Meeting, meetingPlace } from '../../../../src/plan/reassign/meeting.ts';
import {
  BINS,
  type MeetingPoint,
  type Whereabouts,
} from '../../../../src/plan/reassign/problem.ts';
import { reassign } from '../../../../src/plan/reassign/reassign.ts';
import { Sale } from '../../../../src/plan/reassign/sale.ts';
import { anyProblem, aProblem, naiveCost, naiveFaults } from '../../../support/reassign.ts';

describe('arranging', () => {
  test('changes neither costs nor faults, and numbers items by size', () => {
    fc.assert(
      fc.property(anyProblem(), fc.array(fc.nat()), (given, draws) => {
        const { problem, itemOf } = arrange(given);
        const there = Int32Array.from(given.home, (bin, item) => (draws[item] ?? bin) % given.bins);
        const at = itemOf.map((item) => there[item]!);
        expect(naiveCost(problem, at)).toBeCloseTo(naiveCost(given, there), 6);
        const sum = (faults: readonly number[]): number => faults.reduce((a, b) => a + b, 0);
        expect(sum(naiveFaults(problem, at))).toBeCloseTo(sum(naiveFaults(given, there)), 6);
        expect([...itemOf].toSorted((a, b) => a - b)).toEqual([...given.home.keys()]);
      }),
    );
    const { itemOf } = arrange(aProblem([3, 1, 2], [0, 0, 0], { bins: 1 }));
    expect([...itemOf]).toEqual([1, 2, 0]);
  });
});

describe('room and rules for sale', () => {
  test('are bought at their price, and all is whole again when the sale is over', () => {
    const anyMoves = fc.array(fc.tuple(fc.nat(), fc.nat()));
    const anyWorth = fc.constantFrom(1, 10, Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(anyProblem(), anyMoves, anyWorth, (problem, moves, ruleWorth) => {
        const state = new Assignment(problem, problem.home.slice());
        fc.pre(state.broken() === 0 && state.loads.canSellRoom());
        const sale = new Sale(state, seededRng(1), () => false);
        expect(sale.update(0.5, ruleWorth)).toBe(true);
        expect(state.rules.isForSale).toBe(ruleWorth < Number.POSITIVE_INFINITY);
        for (const [index, [i, to]] of moves.entries()) {
          const [item, bin] = [i % problem.items, to % problem.bins];
          const marked = state.cost() + sale.markUp(0.5 + index / 1000);
          const before = state.cost();
          expect(before).toBeCloseTo(marked, 6);
          const change = state.shiftCost(item, bin);
          if (state.at[item] === bin || change === Number.POSITIVE_INFINITY) continue;
          state.place(item, bin);
          expect(state.cost() - before).toBeCloseTo(change, 6);
        }
        sale.close();
        expect(sale.isOpen).toBe(false);
        const before = naiveFaults(problem, problem.home);
        naiveFaults(problem, state.at).forEach((fault, index) =>
          expect(fault).toBeLessThanOrEqual(before[index]!),
        );
        expect(state.cost()).toBeCloseTo(new Assignment(problem, state.at.slice()).cost(), 6);
      }),
      { numRuns: 300 },
    );
  });

  test('gets dearer where it is overdrawn, cheaper where it no longer is, and is forgotten', () => {
    const state = new Assignment(aProblem([6, 6], [0, 1], { bins: 3 }), Int32Array.of(0, 1));
    const { loads } = state;
    loads.sellRoom(2);
    const calm = state.shiftCost(1, 0);
    state.place(1, 0);
    // 2 units beyond the room, at 2 × 1 each, and three times that.
    expect(loads.markUp(3, 0.5)).toBeCloseTo(2 * 2 * (3 - 1), 9);
    expect(state.shiftCost(1, 1)).toBeCloseTo(-calm - 2 * 2 * (3 - 1), 9);
    state.place(1, 1);
    expect(loads.markUp(3, 0.5)).toBe(0);
    expect(state.shiftCost(1, 0)).toBeCloseTo(calm + 2 * 2 * (1.5 - 1), 9);
    loads.sellRoom(Infinity);
    loads.sellRoom(2);
    expect(state.shiftCost(1, 0)).toBeCloseTo(calm, 9);
  });

  test('those who may not leave each other leave a bin that is too small together', () => {
    const problem = aProblem([4, 4, 8], [0, 0, 1], {
      bins: 2,
      fixed: Uint8Array.of(0, 0, 1),
      groups: [Int32Array.of(0), Int32Array.of(1)],
      rules: [
        { kind: 'depends', group: 0, on: 1, by: BINS },
        { kind: 'depends', group: 1, on: 0, by: BINS },
      ],
    });
    const state = new Assignment(problem, problem.home.slice());
    const sale = new Sale(state, seededRng(1), () => false);
    sale.update(0.5);
    for (const item of [0, 1]) state.place(item, 1);
    expect(sale.isWhole()).toBe(false);
    sale.close();
    expect(sale.isWhole()).toBe(true);
    expect([...state.at]).toEqual([0, 0, 1]);
  });

  test('a rule gets dearer while broken, cheaper once it is not, and that is forgotten', () => {
    const problem = aProblem([1, 1, 1], [0, 1, 0], {
      bins: 3,
      groups: [Int32Array.of(0, 1)],
      rules: [{ kind: 'apart', group: 0, by: BINS }],
    });
    const state = new Assignment(problem, problem.home.slice());
    expect(state.shiftCost(0, 1)).toBe(Number.POSITIVE_INFINITY);
    state.rules.sell(5);
    expect(state.shiftCost(0, 1)).toBe(5);
    state.place(0, 1);
    expect(state.cost()).toBe(5);
    expect(state.rules.markUp(4, 0.5)).toBe(15);
    expect(state.shiftCost(0, 0, -1)).toBe(-20);
    expect(state.swapCost(0, 2, -1)).toBe(-20);
    expect(state.chainCost(0, 2, 2, -1)).toBe(-20);
    state.place(0, 0);
    expect(state.rules.markUp(4, 0.5)).toBe(0);
    expect(state.shiftCost(0, 1)).toBe(10);
    state.rules.sell(Number.POSITIVE_INFINITY);
    expect([state.cost(), state.shiftCost(0, 1)]).toEqual([0, Number.POSITIVE_INFINITY]);
    state.rules.sell(5);
    expect(state.shiftCost(0, 1)).toBe(5);
  });

  test('a long search moves two that may not part', () => {
    const problem = aProblem([4, 4], [0, 0], {
      bins: 2,
      soft: Float64Array.of(6, 10),
      groups: [Int32Array.of(0), Int32Array.of(1)],
      rules: [
        { kind: 'depends', group: 0, on: 1, by: BINS },
        { kind: 'depends', group: 1, on: 0, by: BINS },
      ],
    });
    expect(reassign(problem, { seed: 1, steps: 5000 }).cost).toBe(2);
    const answer = reassign(problem, { seed: 1, steps: 50_000 });
    expect([answer.cost, answer.broken, ...answer.at]).toEqual([0, 0, 1, 1]);
  });

  test('a swap and a chain beyond room and rules cost what they are said to', () => {
    const all = fc.tuple(
      fc.boolean(),
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: -9, max: 9 }),
    );
    fc.assert(
      fc.property(anyProblem(), fc.array(all), (problem, changes) => {
        const state = new Assignment(problem, problem.home.slice());
        fc.pre(state.broken() === 0 && state.loads.canSellRoom());
        state.loads.sellRoom(3);
        state.rules.sell(4);
        for (const [isSwap, i, o, b, limit] of changes) {
          const [one, other, to] = [i % problem.items, o % problem.items, b % problem.bins];
          const [here, there] = [state.at[one]!, state.at[other]!];
          if (here === there || (!isSwap && (to === here || to === there))) continue;
          const before = state.cost();
          const costWithin = (most: number): number =>
            isSwap ? state.swapCost(one, other, most) : state.chainCost(one, other, to, most);
          const change = costWithin(Number.POSITIVE_INFINITY);
          expect(costWithin(limit + 0.5) > limit + 0.5).toBe(change > limit + 0.5);
          if (change === Number.POSITIVE_INFINITY) continue;
          if (isSwap) state.swap(one, other);
          else state.chain(one, other, to);
          expect(state.cost() - before).toBeCloseTo(change, 6);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Tells what the search called `self` says at its meetings, and answers what it is told to. */
class Witness implements MeetingPoint {
  readonly self: number;
  readonly rounds: number[] = [];
  readonly prices: number[] = [];
  readonly #answer: (round: number) => Int32Array | undefined;

  constructor(self: number, answer: (round: number) => Int32Array | undefined = () => undefined) {
    this.self = self;
    this.#answer = answer;
  }

  meet(round: number, _here: Whereabouts, holdingPrice: number): Int32Array | undefined {
    this.rounds.push(round);
    this.prices.push(holdingPrice);
    return this.#answer(round);
  }
}

describe('searches that meet', () => {
  const at = (cost: number, ...bins: number[]): Whereabouts => ({
    cost,
    held: 0,
    at: Int32Array.from(bins),
  });

  test('take up the cheaper placement of the other, and only that', () => {
    const place = meetingPlace(2, 2, 3);
    const [first, second] = [new Meeting(place, 0, false), new Meeting(place, 1, false)];
    expect(first.meet(0, at(5, 1, 1), 0)).toBeUndefined();
    expect(second.meet(0, at(7, 0, 0), 0)).toEqual(Int32Array.of(1, 1));
    expect(second.meet(1, at(3, 0, 1), 0)).toBeUndefined();
    expect(first.meet(1, at(3, 1, 0), 0)).toBeUndefined();
    expect(first.meet(2, at(3, 1, 0), 0)).toBeUndefined();
    expect(first.meet(3, at(9, 1, 0), 0)).toBeUndefined();
  });

  test('judge the other by their own price of held room', () => {
    const dear = { cost: 5, held: 4, at: Int32Array.of(1) };
    const thrifty = { cost: 7, held: 1, at: Int32Array.of(0) };
    const offered = (one: Whereabouts, other: Whereabouts, price: number): boolean => {
      const place = meetingPlace(1, 2, 1);
      new Meeting(place, 0, false).meet(0, one, 0);
      return new Meeting(place, 1, false).meet(0, other, price) !== undefined;
    };
    // 7 against 5 where holding is free; 7 + 1 against 5 + 4 at a price of 1; even at 2 / 3.
    expect([0, 0.6, 0.7, 1].map((price) => offered(dear, thrifty, price))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([0, 0.6, 0.7, 1].map((price) => offered(thrifty, dear, price))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test('in a long search every other one holds room for free', () => {
    const problem = aProblem([4, 4, 1, 1], [0, 0, 1, 1], {
      bins: 3,
      transient: Uint8Array.of(1),
    });
    const paidBy = (self: number, steps: number): readonly boolean[] => {
      const meeting = new Witness(self);
      reassign(problem, { seed: 1, steps, meeting });
      return meeting.prices.slice(0, -1).map((price) => price > 0); // at the last one all is over
    };
    const [always, never] = [true, false].map((paid) => Array(ROUNDS - 1).fill(paid));
    expect(paidBy(0, 120_000)).toEqual(always);
    expect(paidBy(2, 120_000)).toEqual(always);
    expect(paidBy(1, 120_000)).toEqual(never);
    expect(paidBy(1, 15_000)).toEqual(always);
  });

  test('wait for each other where they are to', () => {
    const place = meetingPlace(1, 2, 1);
    const code = `
      const { workerData: { buffer } } = require('node:worker_threads');
      new Int32Array(buffer, 40, 2)[1] = 6;
      new Float64Array(buffer, 0, 2)[1] = 4;
      const been = new Int32Array(buffer, 32, 2);
      setTimeout(() => { Atomics.store(been, 1, 1); Atomics.notify(been, 1); }, 50);`;
    const other = new Worker(code, { eval: true, workerData: { buffer: place.buffer } });
    expect(new Meeting(place, 0, true).meet(0, at(5, 1), 0)).toEqual(Int32Array.of(6));
    other.unref();
  });

  test('attend every round once, whatever the budget, and end with the better answer', () => {
    const anySelf = fc.integer({ min: 0, max: 1 });
    fc.assert(
      fc.property(
        anyProblem(),
        fc.integer({ min: 1, max: 20_000 }),
        anySelf,
        (problem, steps, self) => {
          const meeting = new Witness(self);
          reassign(problem, { seed: 1, steps, meeting });
          expect(meeting.rounds).toEqual(Array.from({ length: ROUNDS }, (_, round) => round));
        },
      ),
      { numRuns: 20 },
    );
    const problem = aProblem([9, 1, 1], [0, 0, 0], { bins: 2 });
    const best = Int32Array.of(1, 1, 0); // by size: the small ones go
    const meeting = new Witness(0, (round) => (round === ROUNDS - 1 ? best : undefined));
    expect([...reassign(problem, { seed: 1, steps: 1, meeting }).at]).toEqual([0, 1, 1]);
  });
});

describe('the time guard', () => {
  test('whenever time is over, the search ends within a stride, with the best so far', () => {
    const needs = Array.from({ length: 200 }, (_, item) => 1 + (item % 7));
    const homes = needs.map((_, item) => item % 5);
    const problem = aProblem(needs, homes, {
      bins: 20,
      capacity: new Float64Array(20).fill(400),
      soft: new Float64Array(20).fill(45),
    });
    for (const allowed of [0, 1, 3, 10, 40]) {
      let asked = 0;
      const spent = (): number => (asked >= allowed ? 1 : asked / allowed);
      const shouldStop = (): boolean => {
        asked += 1;
        return asked > allowed;
      };
      const answer = reassign(problem, { seed: 1, steps: 1e9, spent, shouldStop });
      expect(answer.steps).toBeLessThanOrEqual((allowed + 1) * 1100);
      expect(answer.cost).toBeLessThanOrEqual(answer.startCost);
      expect(naiveFaults(problem, answer.at).every((fault) => fault === 0)).toBe(true);
    }
  });
});

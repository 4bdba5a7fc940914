// Role: the engine's repair: that it mends with as few moves as there have to be, gives up without
// harm, and never breaks what was whole; against brute force on tiny problems.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BINS, type GroupRule, type Problem } from '../../../src/plan/reassign/problem.ts';
import { repair } from '../../../src/plan/reassign/repair.ts';

interface Shape {
  readonly capacity: readonly number[];
  readonly need: readonly number[];
  readonly home: readonly number[];
  readonly groups?: readonly (readonly number[])[];
  readonly rules?: readonly GroupRule[];
  readonly fixed?: readonly number[];
  readonly banned?: readonly number[];
  readonly partitions?: readonly (readonly number[])[];
}

function problemOf(shape: Shape): Problem {
  const { capacity, need, home, groups = [], rules = [], fixed = [], banned = [] } = shape;
  return {
    items: need.length,
    bins: capacity.length,
    resources: 1,
    need: Float64Array.from(need),
    home: Int32Array.from(home),
    fixed: Uint8Array.from(need, (_need, item) => Number(fixed.includes(item))),
    allowed: [Uint8Array.from(capacity, (_room, bin) => Number(!banned.includes(bin)))],
    classOf: new Int32Array(need.length),
    capacity: Float64Array.from(capacity),
    soft: new Float64Array(capacity.length).fill(Number.POSITIVE_INFINITY),
    softWeight: new Float64Array(capacity.length),
    moveCost: Float64Array.from(home, (bin) => (bin < 0 ? 0 : 1)),
    groups: groups.map((group) => Int32Array.from(group)),
    partitions: (shape.partitions ?? []).map((domains) => Int32Array.from(domains)),
    rules,
    penalty: 1000,
  };
}

function repaired(shape: Shape) {
  const { at, moved, broken } = repair(problemOf(shape));
  return { at: [...at], moved, broken };
}

const APART = { kind: 'apart', group: 0, by: BINS } as const;

describe('repair', () => {
  it('leaves alone what is whole', () => {
    const shape = { capacity: [10, 10], need: [9, 1, 9], home: [0, 0, 1] };
    expect(repaired(shape)).toEqual({ at: [0, 0, 1], moved: 0, broken: 0 });
  });

  it('relieves a bin by the smallest of the fewest that suffice', () => {
    const shape = { capacity: [10, 20], need: [1, 1, 6, 5], home: [0, 0, 0, 0] };
    expect(repaired(shape)).toEqual({ at: [0, 0, 0, 1], moved: 1, broken: 0 });
  });

  it('puts the unplaced into the tightest room', () => {
    const shape = { capacity: [10, 6, 5], need: [5, 3], home: [-1, 0] };
    expect(repaired(shape)).toEqual({ at: [2, 0], moved: 0, broken: 0 });
  });

  it('has others make room where nothing fits', () => {
    const shape = { capacity: [10, 10, 4], need: [8, 6, 4, 7], home: [0, 1, 1, -1] };
    expect(repaired({ ...shape, need: [8, 6, 4, 4] })).toEqual({
      at: [0, 1, 1, 2],
      moved: 0,
      broken: 0,
    });
    expect(repaired({ ...shape, capacity: [10, 10, 6], need: [4, 6, 4, 10] })).toMatchObject({
      broken: 0,
    });
  });

  it('empties bins that may not be used, but for the fixed', () => {
    const shape = { capacity: [9, 9], need: [3, 3], home: [0, 0], banned: [0], fixed: [1] };
    expect(repaired(shape)).toMatchObject({ at: [1, 0], moved: 1 });
  });

  it('takes a group apart, and brings one together', () => {
    const apart = { capacity: [9, 9], need: [3, 3], home: [0, 0], groups: [[0, 1]] };
    expect(repaired({ ...apart, rules: [APART] })).toMatchObject({ moved: 1, broken: 0 });
    const together = { ...apart, home: [0, 1], rules: [{ ...APART, kind: 'together' as const }] };
    expect(repaired(together)).toMatchObject({ moved: 1, broken: 0 });
  });

  it('drives out whom a rule keeps from the newcomer, if that is the only way', () => {
    const shape = {
      capacity: [9, 4],
      need: [4, 9],
      home: [-1, -1],
      groups: [[0, 1]],
      rules: [APART],
    };
    expect(repaired(shape)).toEqual({ at: [1, 0], moved: 0, broken: 0 });
  });

  it('leaves at home whom it finds no place for, and says that something is broken', () => {
    const result = repaired({ capacity: [4, 2], need: [4, 4], home: [0, 0] });
    expect(result.at).toEqual([0, 0]);
    expect(result.moved).toBe(0);
    expect(result.broken).toBeGreaterThan(0);
    expect(repaired({ capacity: [4], need: [5], home: [-1] })).toEqual({
      at: [-1],
      moved: 0,
      broken: 1,
    });
  });

  it('gives up without harm when the budget is spent', () => {
    const shape = { capacity: [10, 10, 6], need: [4, 6, 4, 10], home: [0, 1, 1, -1] };
    expect(repair(problemOf(shape)).broken).toBe(0);
    const spent = repair(problemOf(shape), { steps: 1_000_000, shouldStop: () => true });
    expect([...spent.at]).toEqual([0, 1, 1, -1]);
    expect(repair(problemOf(shape), { steps: 1 }).at).toEqual(spent.at);
  });

  it('is right and close to the fewest moves, by brute force on tiny problems', () => {
    const sums = { solvable: 0, solved: 0, fewest: 0, moved: 0 };
    fc.assert(
      fc.property(tiny(), (shape) => {
        const { at, moved, broken } = repaired(shape);
        expect(repaired(shape).at).toEqual(at);
        for (const item of shape.fixed ?? []) expect(at[item]).toBe(shape.home[item]);
        const worst = Math.max(0, faultsOf(shape, shape.home));
        expect(faultsOf(shape, at)).toBeLessThanOrEqual(worst);
        expect(broken === 0).toBe(faultsOf(shape, at) === 0);
        const fewest = fewestMovesOf(shape);
        expect(moved).toBeGreaterThanOrEqual(broken === 0 ? (fewest ?? Infinity) : 0);
        if (fewest === undefined) return;
        sums.solvable += 1;
        if (broken > 0) return;
        sums.solved += 1;
        sums.fewest += fewest;
        sums.moved += moved;
      }),
      { numRuns: 500 },
    );
    expect(sums.solved).toBeGreaterThan(0.95 * sums.solvable);
    expect(sums.moved).toBeLessThanOrEqual(1.08 * sums.fewest);
  });
});

function tiny(): fc.Arbitrary<Shape> {
  return fc
    .record({
      capacity: fc.array(fc.integer({ min: 4, max: 12 }), { minLength: 3, maxLength: 4 }),
      items: fc.array(fc.record({ need: fc.integer({ min: 1, max: 6 }), home: fc.nat(4) }), {
        minLength: 2,
        maxLength: 6,
      }),
      fixed: fc.array(fc.nat(5), { maxLength: 1 }),
      banned: fc.array(fc.nat(3), { maxLength: 1 }),
      group: fc.uniqueArray(fc.nat(5), { minLength: 2, maxLength: 3 }),
      kind: fc.constantFrom('apart', 'together'),
    })
    .map(({ capacity, items, fixed, banned, group, kind }) => {
      const home = items.map((item) => (item.home >= capacity.length ? -1 : item.home));
      return {
        capacity,
        need: items.map(({ need }) => need),
        home,
        // Who has to leave, or to be placed, is not fixed.
        fixed: fixed.filter(
          (item) => (home[item] ?? -1) >= 0 && !banned.includes(home[item] ?? -1),
        ),
        banned,
        groups: [group.filter((item) => item < items.length)],
        rules: [{ kind, group: 0, by: BINS } as GroupRule], // one of two kinds of the same shape
      };
    });
}

/** Counted apart from the engine: overload, items that are nowhere or banned, broken rules. */
function faultsOf(shape: Shape, at: readonly number[]): number {
  const { capacity, need, groups = [], rules = [], banned = [], fixed = [] } = shape;
  let faults = 0;
  for (const [bin, room] of capacity.entries()) {
    const load = need.reduce((sum, each, item) => sum + (at[item] === bin ? each : 0), 0);
    faults += Math.max(0, load - room);
  }
  for (const [item, bin] of at.entries()) {
    if (bin < 0) faults += 100;
    else if (banned.includes(bin) && !fixed.includes(item)) faults += 1;
  }
  const placed = (groups[0] ?? []).map((item) => at[item] ?? -1).filter((bin) => bin >= 0);
  const bins = new Set(placed).size;
  if (rules[0]?.kind === 'apart') faults += placed.length - bins;
  else faults += Math.max(0, bins - 1);
  return faults;
}

function fewestMovesOf(shape: Shape): number | undefined {
  const { home, capacity, need, fixed = [] } = shape;
  let fewest: number | undefined;
  const at: number[] = [];
  const visit = (item: number, moves: number): void => {
    if (moves >= (fewest ?? Number.POSITIVE_INFINITY)) return;
    if (item === need.length) {
      if (faultsOf(shape, at) === 0) fewest = moves;
      return;
    }
    const own = home[item] ?? -1;
    for (const bin of capacity.keys()) {
      if (fixed.includes(item) && bin !== own) continue;
      at[item] = bin;
      visit(item + 1, moves + Number(own >= 0 && bin !== own));
    }
    at.length = item;
  };
  visit(0, 0);
  return fewest;
}

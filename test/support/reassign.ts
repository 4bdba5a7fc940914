// Role: small reassignment problems for tests, and what a placement costs and breaks, told from the
// formulas in problem.ts alone, slowly. Must share no code with the engine.
import fc from 'fast-check';

import { BINS, type GroupRule, type Problem } from '../../src/plan/reassign/problem.ts';

/** Two or more bins of one resource with room for 10, soft at 6; items given as needs. */
export function aProblem(
  needs: readonly number[],
  homes: readonly number[],
  given: Partial<Problem> & { readonly bins: number },
): Problem {
  const resources = given.resources ?? 1;
  return {
    items: homes.length,
    resources,
    need: Float64Array.from(needs),
    home: Int32Array.from(homes),
    capacity: new Float64Array(given.bins * resources).fill(10),
    soft: new Float64Array(given.bins * resources).fill(6),
    softWeight: new Float64Array(given.bins * resources).fill(1),
    moveCost: new Float64Array(homes.length),
    penalty: 1000,
    ...given,
  };
}

export function loadsOf(problem: Problem, at: Int32Array): Float64Array {
  const { resources, bins, base, need } = problem;
  const loads = base?.slice() ?? new Float64Array(bins * resources);
  at.forEach((bin, item) => {
    for (let r = 0; bin >= 0 && r < resources; r += 1) {
      loads[bin * resources + r]! += need[item * resources + r]!;
    }
  });
  return loads;
}

/** The problem's cost without what is broken. */
export function naiveCost(problem: Problem, at: Int32Array): number {
  const { resources: width, bins, capacity, soft, softWeight, home } = problem;
  const loads = loadsOf(problem, at);
  const shares = shareOfFleet(problem, loads);
  let cost = 0;
  for (let cell = 0; cell < bins * width; cell += 1) {
    cost += softWeight[cell]! * Math.max(0, loads[cell]! - soft[cell]!);
    const off = loads[cell]! / capacity[cell]! - shares[cell % width]!;
    if (problem.spreadWeight !== undefined) cost += problem.spreadWeight[cell]! * off ** 2;
  }
  for (let bin = 0; bin < bins; bin += 1) {
    const free = (r: number): number => capacity[bin * width + r]! - loads[bin * width + r]!;
    for (const { first, second, target, weight } of problem.balances ?? []) {
      cost += weight * Math.max(0, target * free(first) - free(second));
    }
  }
  const movedOf = new Map<number, number>();
  at.forEach((bin, item) => {
    const from = home[item]!;
    if (from < 0 || bin < 0 || bin === from) return;
    cost += problem.moveCost[item]!;
    cost += (problem.pairWeight ?? 1) * (problem.pairCost?.[from * bins + bin] ?? 0);
    const group = problem.moveGroupOf?.[item] ?? -1;
    if (group >= 0) movedOf.set(group, (movedOf.get(group) ?? 0) + 1);
  });
  return cost + (problem.moveGroupWeight ?? 0) * Math.max(0, ...movedOf.values());
}

function shareOfFleet({ resources, capacity }: Problem, loads: Float64Array): number[] {
  return Array.from({ length: resources }, (_, r) => {
    const sum = (table: Float64Array): number =>
      table.reduce((total, value, cell) => total + (cell % resources === r ? value : 0), 0);
    return sum(loads) / sum(capacity);
  });
}

/** Per thing that can be broken, by how much it is: rules, bins × resources, items. */
export function naiveFaults(problem: Problem, at: Int32Array): number[] {
  const { resources: width, capacity, transient, home, need } = problem;
  const held = loadsOf(problem, at);
  at.forEach((bin, item) => {
    const from = home[item]!;
    if (from < 0 || bin === from) return;
    for (let r = 0; r < width; r += 1) {
      if (transient?.[r] === 1) held[from * width + r]! += need[item * width + r]!;
    }
  });
  const over = [...held].map((load, cell) => Math.max(0, load - capacity[cell]!));
  const stray = [...at].map((bin, item) => {
    const row = problem.allowed?.[problem.classOf?.[item] ?? 0];
    return bin < 0 || row?.[bin] === 0 ? 1 : 0;
  });
  const rules = (problem.rules ?? []).map((rule) => naiveBroken(problem, rule, at));
  return [...rules, ...over, ...stray];
}

export function naiveBroken(problem: Problem, rule: GroupRule, at: Int32Array): number {
  const domain = (bin: number): number =>
    bin < 0 || rule.by === BINS ? bin : problem.partitions![rule.by]![bin]!;
  const domainsOf = (group: number): number[] =>
    [...problem.groups![group]!].map((item) => domain(at[item]!)).filter((d) => d >= 0);
  const used = domainsOf(rule.group);
  const distinct = new Set(used);
  switch (rule.kind) {
    case 'apart':
      return [...distinct].reduce(
        (sum, d) =>
          sum + Math.max(0, used.filter((each) => each === d).length - (rule.atMost ?? 1)),
        0,
      );
    case 'together':
      return Math.max(0, distinct.size - 1);
    case 'spread':
      return Math.max(0, rule.atLeast - distinct.size);
    case 'depends': {
      const there = new Set(domainsOf(rule.on));
      return [...distinct].filter((d) => !there.has(d)).length;
    }
  }
}

/** Problems of every kind of cost and rule; their start may break anything. */
export function anyProblem(): fc.Arbitrary<Problem> {
  return fc
    .record({
      items: fc.integer({ min: 1, max: 12 }),
      bins: fc.integer({ min: 2, max: 5 }),
      resources: fc.integer({ min: 1, max: 3 }),
    })
    .chain(({ items, bins, resources }) => {
      const table = (size: number, max: number): fc.Arbitrary<Float64Array> =>
        fc
          .array(fc.integer({ min: 0, max }), { minLength: size, maxLength: size })
          .map((values) => Float64Array.from(values));
      const indexes = (size: number, min: number, max: number): fc.Arbitrary<Int32Array> =>
        fc
          .array(fc.integer({ min, max }), { minLength: size, maxLength: size })
          .map((values) => Int32Array.from(values));
      const bits = (size: number): fc.Arbitrary<Uint8Array> =>
        indexes(size, 0, 2).map((values) =>
          Uint8Array.from(values, (value) => (value > 0 ? 1 : 0)),
        );
      const resource = fc.integer({ min: 0, max: resources - 1 });
      const by = fc.constantFrom(BINS, 0, 1);
      const group = fc.integer({ min: 0, max: 2 });
      const rule: fc.Arbitrary<GroupRule> = fc.oneof(
        fc.record({
          kind: fc.constant('apart' as const),
          group,
          by,
          atMost: fc.integer({ min: 1, max: 2 }),
        }),
        fc.record({ kind: fc.constant('together' as const), group, by }),
        fc.record({
          kind: fc.constant('spread' as const),
          group,
          by,
          atLeast: fc.integer({ min: 1, max: 4 }),
        }),
        fc.record({ kind: fc.constant('depends' as const), group, on: group, by }),
      );
      return fc.record({
        items: fc.constant(items),
        bins: fc.constant(bins),
        resources: fc.constant(resources),
        need: table(items * resources, 5),
        home: indexes(items, 0, bins - 1),
        classOf: indexes(items, 0, 1),
        allowed: bits(bins).map((row) => [undefined, row]),
        capacity: table(bins * resources, 12).map((row) => row.map((value) => value + 8)),
        base: table(bins * resources, 2),
        transient: bits(resources),
        soft: table(bins * resources, 15),
        softWeight: table(bins * resources, 3),
        balances: fc.array(
          fc.record({
            first: resource,
            second: resource,
            target: fc.integer({ min: 1, max: 2 }),
            weight: fc.integer({ min: 1, max: 3 }),
          }),
          { maxLength: 2 },
        ),
        spreadWeight: table(bins * resources, 9),
        moveCost: table(items, 3),
        pairCost: table(bins * bins, 3),
        pairWeight: fc.integer({ min: 0, max: 2 }),
        moveGroupOf: indexes(items, -1, 2),
        moveGroupWeight: fc.integer({ min: 0, max: 3 }),
        partitions: fc.tuple(indexes(bins, -1, 2), indexes(bins, 0, 1)),
        groups: fc.array(
          fc
            .uniqueArray(fc.integer({ min: 0, max: items - 1 }))
            .map((list) => Int32Array.from(list)),
          { minLength: 3, maxLength: 3 },
        ),
        rules: fc.array(rule, { maxLength: 4 }),
        penalty: fc.constant(1000),
      });
    });
}

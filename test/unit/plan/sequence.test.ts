// Role: the sequencer: order, waiting, parking, and that nothing is ever overfilled whatever order
// and overlap its dependencies allow.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BINS, type GroupRule, type Problem } from '../../../src/plan/reassign/problem.ts';
import { type Step, momentsOf, sequence } from '../../../src/plan/sequence/sequence.ts';

interface Shape {
  readonly capacity: readonly number[];
  readonly need: readonly number[];
  readonly home: readonly number[];
  readonly apart?: readonly (readonly number[])[];
}

function problemOf({ capacity, need, home, apart = [] }: Shape): Problem {
  return {
    items: need.length,
    bins: capacity.length,
    resources: 1,
    need: Float64Array.from(need),
    home: Int32Array.from(home),
    capacity: Float64Array.from(capacity),
    soft: new Float64Array(capacity.length).fill(Number.POSITIVE_INFINITY),
    softWeight: new Float64Array(capacity.length),
    moveCost: new Float64Array(need.length).fill(1),
    groups: apart.map((group) => Int32Array.from(group)),
    rules: apart.map((_group, group) => ({ kind: 'apart', group, by: BINS }) as const),
    penalty: 1000,
  };
}

function ordered(shape: Shape, at: readonly number[], always: readonly GroupRule[] = []) {
  return sequence(problemOf(shape), Int32Array.from(at), always);
}

describe('the sequencer', () => {
  it('lets go at once what needs not wait', () => {
    const { steps } = ordered({ capacity: [10, 10, 10], need: [4, 4], home: [0, 1] }, [2, 2]);
    expect(steps.map(({ dependsOn }) => dependsOn)).toEqual([[], []]);
  });

  it('lets an arrival wait for the departure that makes room', () => {
    const { steps } = ordered({ capacity: [10, 10, 10], need: [8, 8], home: [0, 1] }, [1, 2]);
    expect(steps).toEqual([
      { item: 1, from: 1, to: 2, dependsOn: [] },
      { item: 0, from: 0, to: 1, dependsOn: [0] },
    ]);
    expect(momentsOf(steps)).toEqual([0, 1]);
  });

  it('unties a circle by parking one, which moves twice', () => {
    const shape = { capacity: [10, 10, 10], need: [8, 8], home: [0, 1] };
    const { steps, stuck } = ordered(shape, [1, 0]);
    expect(stuck).toEqual([]);
    expect(steps.map(({ item, from, to }) => [item, from, to])).toEqual([
      [0, 0, 2],
      [1, 1, 0],
      [0, 2, 1],
    ]);
    expect(steps.map(({ dependsOn }) => dependsOn)).toEqual([[], [0], [0, 1]]);
    expect(momentsOf(steps)).toEqual([0, 1, 2]);
  });

  it('says who is stuck when there is nowhere to park', () => {
    const { steps, stuck } = ordered({ capacity: [10, 10], need: [8, 8], home: [0, 1] }, [1, 0]);
    expect(steps).toEqual([]);
    expect(stuck).toEqual([0, 1]);
  });

  it('keeps apart at every moment whom a rule keeps apart, when asked to', () => {
    const shape = { capacity: [10, 10, 10], need: [1, 1], home: [0, 1], apart: [[0, 1]] };
    expect(ordered(shape, [1, 2]).steps.map(({ dependsOn }) => dependsOn)).toEqual([[], []]);
    const always = problemOf(shape).rules ?? [];
    expect(ordered(shape, [1, 2], always).steps).toMatchObject([
      { item: 1, dependsOn: [] },
      { item: 0, dependsOn: [0] },
    ]);
  });

  it('never lets a bin overfill or a group meet, in no order that the dependencies allow', () => {
    let waited = 0;
    let parked = 0;
    fc.assert(
      fc.property(situations(), fc.infiniteStream(fc.nat(1000)), ({ shape, at }, draws) => {
        const problem = problemOf(shape);
        const { steps } = sequence(problem, Int32Array.from(at), problem.rules);
        waited += steps.filter(({ dependsOn }) => dependsOn.length > 0).length;
        parked += steps.length - new Set(steps.map(({ item }) => item)).size;
        expect(faults(shape, steps, draws)).toEqual([]);
      }),
      { numRuns: 400 },
    );
    expect(waited).toBeGreaterThan(100);
    expect(parked).toBeGreaterThan(0);
  });
});

/** Two placements that both fit, of items in tight bins; some of which are kept apart. */
function situations(): fc.Arbitrary<{ shape: Shape; at: readonly number[] }> {
  const item = fc.record({
    need: fc.integer({ min: 1, max: 9 }),
    from: fc.nat(99),
    to: fc.nat(99),
  });
  return fc
    .record({
      capacity: fc.array(fc.integer({ min: 8, max: 16 }), { minLength: 2, maxLength: 6 }),
      items: fc.array(item, { minLength: 2, maxLength: 14 }),
      unplaced: fc.nat(3),
    })
    .map(({ capacity, items, unplaced }) => {
      const group = [0, 1, 2].filter((index) => index < items.length);
      const [before, after] = [capacity.slice(), capacity.slice()];
      const [home, at]: [number[], number[]] = [[], []];
      const need: number[] = [];
      for (const [index, { need: wanted, from, to }] of items.entries()) {
        const start =
          index < unplaced ? -1 : firstFit(before, wanted, from, taken(home, group, index));
        const end = firstFit(after, wanted, to, taken(at, group, index));
        if (end < 0 || (start < 0 && index >= unplaced)) break;
        before[start] = (before[start] ?? 0) - wanted;
        after[end] = (after[end] ?? 0) - wanted;
        home.push(start);
        at.push(end);
        need.push(wanted);
      }
      const apart = [group.filter((index) => index < need.length)];
      return { shape: { capacity, need, home, apart }, at };
    });
}

function taken(bins: readonly number[], group: readonly number[], index: number): Set<number> {
  return new Set(group.includes(index) ? group.map((member) => bins[member] ?? -1) : []);
}

function firstFit(
  free: readonly number[],
  need: number,
  from: number,
  except: ReadonlySet<number>,
): number {
  const order = free.map((_room, index) => (index + from) % free.length);
  return order.find((bin) => (free[bin] ?? 0) >= need && !except.has(bin)) ?? -1;
}

/** Plays the steps in some order and overlap that the dependencies allow. */
function faults(shape: Shape, steps: readonly Step[], draws: fc.Stream<number>): string[] {
  const found: string[] = [];
  const present = shape.home.map((bin) => new Set(bin < 0 ? [] : [bin]));
  const [running, ended] = [new Set<number>(), new Set<number>()];
  while (ended.size < steps.length) {
    const ready = steps
      .keys()
      .filter((i) => !running.has(i) && !ended.has(i))
      .filter((i) => steps[i]?.dependsOn.every((place) => ended.has(place)) ?? false)
      .toArray();
    const choices = [...ready, ...running];
    const chosen = choices[(draws.next().value ?? 0) % choices.length];
    const step = steps[chosen ?? -1];
    if (chosen === undefined || step === undefined) return [...found, 'nothing can go on'];
    if (running.delete(chosen)) {
      ended.add(chosen);
      present[step.item]?.delete(step.from);
      continue;
    }
    running.add(chosen);
    const bins = [...(present[step.item] ?? [])];
    if (bins.join() !== (step.from < 0 ? '' : `${step.from}`))
      found.push(`${step.item} is not there`);
    present[step.item]?.add(step.to);
    const here = present.flatMap((bins, item) => (bins.has(step.to) ? [item] : []));
    const load = here.reduce((sum, item) => sum + (shape.need[item] ?? 0), 0);
    if (load > (shape.capacity[step.to] ?? 0)) found.push(`bin ${step.to} holds ${load}`);
    const group = shape.apart?.[0] ?? [];
    if (group.includes(step.item) && here.filter((item) => group.includes(item)).length > 1) {
      found.push(`the group meets in bin ${step.to}`);
    }
  }
  const last = new Map(steps.map(({ item, to }) => [item, to]));
  for (const [item, to] of last) if (!present[item]?.has(to)) found.push(`item ${item} is lost`);
  return found;
}

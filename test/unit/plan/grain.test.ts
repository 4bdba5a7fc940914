// Role: the grain of what moves cost: no bound is ever raised above what costs so much at least.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CRITICALITIES, type Vm } from '../../../src/domain/vm.ts';
import { Grain } from '../../../src/plan/grain.ts';
import { type Model, buildModel } from '../../../src/plan/model.ts';
import {
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

const GIB = 1024 ** 3;

function modelOf(vms: readonly Vm[], perMoveGib = 2): Model {
  return buildModel({
    snapshot: aSnapshot({ hosts: [aHost({ id: 'h1' })], vms }),
    findings: [],
    limits: someLimits(),
    migration: someMigration(),
    weights: {
      ...someWeights(),
      perMoveBytes: (perMoveGib * GIB) as Model['weights']['perMoveBytes'],
    },
    seed: 1,
  });
}

function guests(memories: readonly number[], options: Partial<Vm> = {}): readonly Vm[] {
  return memories.map((memoryGib, i) => ({
    ...aVm({ id: `v${i}`, host: 'h1', memoryGib }),
    ...options,
  }));
}

const GUEST = fc.record({
  memory: fc.constantFrom(0.5, 1, 2, 4, 8, 16),
  criticality: fc.constantFrom(...CRITICALITIES),
  moveFactor: fc.constantFrom(undefined, undefined, 0.5, 3),
  isChosen: fc.boolean(),
});

describe('the grain of costs', () => {
  it('never raises a bound above what a set of moves costs', () => {
    fc.assert(
      fc.property(
        fc.array(GUEST, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0, 0.3, 2),
        (drawn, share, perMove) => {
          const vms = drawn.map(({ memory, criticality, moveFactor }, i) => ({
            ...aVm({ id: `v${100 + i}`, host: 'h1', memoryGib: memory, criticality }),
            ...(moveFactor !== undefined && { moveFactor }),
          }));
          const model = modelOf(vms, perMove);
          const grain = new Grain(model);
          const sum = drawn.reduce((all, { isChosen }, v) => {
            return isChosen ? all + (model.cost[v] ?? 0) : all;
          }, 0);
          expect(grain.raised(sum * share)).toBeGreaterThanOrEqual(sum * share);
          expect(grain.raised(sum * share)).toBeLessThanOrEqual(sum);
        },
      ),
    );
  });

  it('raises it to the next multiple where all memory is of one', () => {
    const model = modelOf(guests([2, 4, 8]));
    const [least = 0] = model.cost;
    expect(new Grain(model).raised(least * 1.1)).toBeCloseTo(least * 1.5, -3);
    expect(new Grain(model).raised(Infinity)).toBe(Infinity);
  });

  it('takes limits for one that have the same multiples below them', () => {
    const model = modelOf(guests([2, 4, 8]));
    const grain = new Grain(model);
    const size = (model.cost[0] ?? 0) / 2;
    const reaches = [0.7, 1.4, 2, 2.7].map((multiple) => grain.reach(multiple * size));
    expect(reaches).toEqual([1, 2, 2, 3]);
  });
});

// Role: what the policy says of the cost of moves, and of their number: which VM is moved, what the
// objective counts, where a plan ends.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, explainPair, plan } from '../../../src/plan/plan.ts';
import { BUDGET } from '../../../src/plan/codes.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { classify } from '../../../src/rules/classify.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm, someLimits } from '../../support/fleet.ts';
import { planRequests, tightRequests } from '../../support/random-fleet.ts';
import { HOSTS, movesOf, request } from './support.ts';

/** Eleven like guests on h1, 103 % of its 16 threads. */
const HOT = Array.from({ length: 11 }, (_none, i) =>
  aVm({ id: `v${String(i).padStart(2, '0')}`, cpuUsed: 1.5 }),
);
const relieve = aFinding('relieve', { host: 'h1' });

function dear(vms: readonly Vm[], factor: number, ...ids: readonly string[]): Vm[] {
  return vms.map((vm) => (ids.includes(vm.id) ? { ...vm, moveFactor: factor } : vm));
}

describe('the cost of moves of a VM', () => {
  it('decides which of like VMs relieves a host', () => {
    const cheap = ['v04', 'v05', 'v07'];
    const asked = request({ hosts: HOSTS, vms: dear(HOT, 0.5, ...cheap) }, [relieve]);
    const moved = movesOf(asked).map((move) => move.slice(0, 3));
    expect(moved.toSorted()).toEqual(cheap);
    const others = dear(HOT, 3, ...moved);
    const elsewhere = plan(request({ hosts: HOSTS, vms: others }, [relieve])).plan.moves;
    expect(elsewhere.filter(({ vm }) => cheap.includes(vm))).toEqual([]);
  });

  it('is what the objective counts', () => {
    const asked = (factor: number) => {
      const vms = dear([aVm({ id: 'a' })], factor, 'a');
      const evacuate = aFinding('evacuate', { host: 'h1' });
      return plan(request({ hosts: HOSTS, vms }, [evacuate])).plan.objective.terms['moveCost'];
    };
    expect(asked(3)?.after).toBeCloseTo(3 * (asked(1)?.after ?? 0), 12);
  });

  it('keeps levelling from moving it for little', () => {
    const vms = HOT.slice(0, 4);
    const levelled = (factor: number): number => {
      const all = dear(vms, factor, ...vms.map(({ id }) => id));
      return movesOf(request({ hosts: HOSTS, vms: all }, [aFinding('level')])).length;
    };
    expect(levelled(1)).toBeGreaterThan(0);
    expect(levelled(1000)).toBe(0);
  });

  it('is that of the nearest selector, the higher one among equals', () => {
    const any = { labels: {}, clusters: [], sites: [] };
    const costs = [
      { vms: { ...any, names: ['*'], clusters: [] }, factor: 2 },
      { vms: { ...any, names: ['a*'] }, factor: 5 },
      { vms: { ...any, names: [], clusters: ['c1'] }, factor: 9 },
    ];
    const snapshot = aSnapshot({ hosts: HOSTS, vms: [aVm({ id: 'a' }), aVm({ id: 'b' })] });
    const { vms } = classify(snapshot, aPolicy({ costs }));
    expect(vms.map(({ moveFactor }) => moveFactor)).toEqual([5, 2]);
    expect(classify(snapshot, aPolicy()).vms[0]?.moveFactor).toBeUndefined();
  });
});

describe('the number of moves of a plan', () => {
  const few = (movesPerPlan: number) => ({ limits: someLimits({ movesPerPlan }) });

  it('ends relief, which says so', () => {
    const asked = request({ hosts: HOSTS, vms: HOT }, [relieve], few(2));
    expect(movesOf(asked)).toHaveLength(2);
    expect(plan(asked).report.unresolved).toMatchObject([{ subject: { host: 'h1' } }]);
    expect(movesOf(request({ hosts: HOSTS, vms: HOT }, [relieve]))).toHaveLength(3);
  });

  it('does not end an evacuation, nor count it', () => {
    const vms = [...HOT, aVm({ id: 'x', host: 'h3' }), aVm({ id: 'y', host: 'h3' })];
    const hosts = [...HOSTS, aHost({ id: 'h4', threads: 64, memoryGib: 512 })];
    const findings = [relieve, aFinding('evacuate', { host: 'h3' })];
    const { moves } = plan(request({ hosts, vms }, findings, few(1))).plan;
    expect(moves.map(({ tier }) => tier).toSorted()).toEqual([
      'mandatory',
      'mandatory',
      'optional',
    ]);
  });

  it('counts who gives way first', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'h2' })];
    const refused = (movesPerPlan: number): number => {
      const setting = makeSetting(request({ hosts: HOSTS, vms }, [], few(movesPerPlan)));
      return setting.state.refusalWithout(0, 1, setting.termsOf('optional'), [1]);
    };
    expect([refused(1), refused(2)]).toEqual([BUDGET, 0]);
  });

  it('speaks against nothing while no plan is made', () => {
    const asked = request({ hosts: HOSTS, vms: HOT }, [relieve], few(1));
    expect(explainPair(asked, vmId('v00'), hostId('h2'))).toEqual([]);
  });

  it('is never exceeded on random fleets, and the checker finds nothing', {
    timeout: 60_000,
  }, () => {
    const limited = fc
      .tuple(
        fc.oneof(planRequests(), planRequests(false), tightRequests()),
        fc.integer({ min: 1, max: 4 }),
      )
      .map(([asked, movesPerPlan]): PlanRequest => {
        return { ...asked, limits: { ...asked.limits, movesPerPlan } };
      });
    fc.assert(
      fc.property(limited, (asked) => {
        const { snapshot, limits, migration } = asked;
        const made = plan(asked).plan;
        const counted = made.moves.filter(({ tier }) => tier !== 'mandatory');
        expect(counted.length).toBeLessThanOrEqual(limits.movesPerPlan ?? 0);
        expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

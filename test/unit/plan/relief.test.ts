// Role: relief of several hosts together, on fleets small enough to see by eye what is best; and
// the bounds that its search relies on, against the exact answer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Host } from '../../../src/domain/host.ts';
import { ratio } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { buildModel } from '../../../src/plan/model.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { ReliefBound } from '../../../src/plan/relief-bound.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  anAntiAffinity,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

function requestOf(hosts: readonly Host[], vms: readonly Vm[], hot: readonly string[]) {
  const settings = { limits: someLimits(), migration: someMigration(), weights: someWeights() };
  const findings = hot.map((host) => aFinding('relieve', { host }));
  const request: PlanRequest = {
    snapshot: aSnapshot({ hosts, vms }),
    findings,
    ...settings,
    seed: 1,
  };
  return request;
}

function host(id: string): Host {
  return aHost({ id, threads: 10, memoryGib: 128 });
}

function vm(id: string, on: string, cpuUsed: number, memoryGib = 4): Vm {
  return aVm({ id, host: on, cpuUsed, memoryGib, vcpus: 8 });
}

/** In words, and checked: "a: h1 > h2" in the order of the plan. */
function movesOf(request: PlanRequest): string[] {
  const { plan: made, report } = plan(request);
  const { snapshot, limits, migration } = request;
  expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
  expect(report.unresolved).toEqual([]);
  return made.moves.map((move) => `${move.vm}: ${move.from} > ${move.to}`);
}

describe('relief of several hosts', () => {
  it('sends a VM to a host that was hot itself, once that has been cleared', () => {
    // `large` can go to h3 only. For `small` the dear one could leave h4 for h5; but where `large`
    // was there is room for nothing.
    const hosts = ['h1', 'h2', 'h3', 'h4', 'h5'].map(host);
    const vms = [
      vm('large', 'h1', 4.5),
      vm('fixed-1', 'h1', 4.5, 64),
      vm('small', 'h2', 1.6),
      vm('fixed-2', 'h2', 7, 64),
      vm('fixed-3', 'h3', 3.4, 100),
      vm('dear', 'h4', 1.5, 32),
      vm('fixed-4', 'h4', 6.4, 64),
      vm('fixed-5', 'h5', 6.45, 64),
    ];
    expect(movesOf(requestOf(hosts, vms, ['h1', 'h2']))).toEqual([
      'large: h1 > h3',
      'small: h2 > h1',
    ]);
  });

  it('lets one VM give way for two', () => {
    // h4 has the CPU for `a` and `b`, but the memory for `guest` only.
    const hosts = ['h1', 'h2', 'h3', 'h4'].map(host);
    const vms = [
      vm('a', 'h1', 1),
      vm('fixed-1', 'h1', 7.5, 64),
      vm('b', 'h2', 1),
      vm('fixed-2', 'h2', 7.5, 64),
      vm('guest', 'h3', 2, 2),
      vm('fixed-3', 'h3', 5.5, 64),
      vm('fixed-4', 'h4', 6, 125),
    ];
    const [first, ...others] = movesOf(requestOf(hosts, vms, ['h1', 'h2']));
    expect(first).toBe('guest: h3 > h4');
    expect(others.toSorted()).toEqual(['a: h1 > h3', 'b: h2 > h3']);
  });
});

describe('the bound of what relief costs', () => {
  const GUEST = fc.record({
    cpu: fc.integer({ min: 1, max: 40 }),
    memory: fc.constantFrom(2, 4, 8, 16),
  });

  it('is never above the cheapest set', () => {
    fc.assert(
      fc.property(
        fc.array(GUEST, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 300 }),
        (guests, missing) => {
          const vms = guests.map(({ cpu, memory }, i) => vm(`v${i}`, 'h1', cpu / 8, memory));
          const model = buildModel(requestOf([host('h1')], vms, []));
          const bound = new ReliefBound(model, () => [...vms.keys()]);
          const quick = bound.quick(0, 0, missing / 8);
          const exact = bound.exact(0, 0, missing / 8);
          expect(quick).toBeLessThanOrEqual(exact);
          const all = guests.reduce((sum, { cpu }) => sum + cpu, 0);
          expect(quick === Infinity).toBe(all < missing);
        },
      ),
    );
  });
});

describe('relief beside other findings', () => {
  it('lets the most important VM go first, whatever its finding may fill the target to', () => {
    // h2 may be filled to 75 % by relief, to 80 % by whom it is the home of: with `db` there first,
    // the others would have had to stop at 75 % together.
    const hosts = ['h1', 'h2'].map(host);
    const vms = [
      { ...vm('db', 'h1', 1.5), criticality: 'mission-critical' as const },
      vm('fixed', 'h1', 4.5, 100),
      vm('web', 'h1', 3.2),
      vm('wiki', 'h1', 3.2),
    ];
    const request = requestOf(hosts, vms, ['h1']);
    const home = { fact: 'vm.home', operator: 'notEqual', threshold: 'h1', value: 'h2' } as const;
    const findings = [
      aFinding('return', { vm: 'db', evidence: [home] }),
      { ...aFinding('relieve', { host: 'h1' }), relieveBelow: ratio(0.75) },
    ];
    expect(movesOf({ ...request, findings })).toEqual([
      'db: h1 > h2',
      'web: h1 > h2',
      'wiki: h1 > h2',
    ]);
  });

  it('lets what mends a rule go first, though relief alone may not fill the target so far', () => {
    // h2 may be filled to 50 % by relief, to 80 % by who mends a rule. Both leave h1 together, the
    // larger one is placed first: after `db-2` there were no room for it within 50 %.
    const hosts = ['h1', 'h2'].map(host);
    const vms = [
      vm('db-1', 'h1', 4, 100),
      vm('db-2', 'h1', 1),
      vm('web', 'h1', 4),
      vm('there', 'h2', 0.5),
    ];
    const request = requestOf(hosts, vms, ['h1']);
    const snapshot = {
      ...request.snapshot,
      placement: [anAntiAffinity('apart', ['db-1', 'db-2'])],
    };
    const findings = [
      aFinding('repair', { trigger: { kind: 'placement', rule: 'apart' } }),
      { ...aFinding('relieve', { host: 'h1' }), relieveBelow: ratio(0.5) },
    ];
    expect(movesOf({ ...request, snapshot, findings })).toEqual(['db-2: h1 > h2', 'web: h1 > h2']);
  });
});

// Role: resources that a policy names, over random fleets. Plans pass the checker, whose misses
// are counted by planting faults; their order and those of which there is plenty change nothing;
// no move makes a host worse that was to be relieved of one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { Finding } from '../../src/domain/finding.ts';
import type { Host } from '../../src/domain/host.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { HostShare, Resource } from '../../src/domain/resource.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import { type Mutator, Scene, dependencies, places } from '../support/mutation-scene.ts';
import { aPlan } from '../support/plans.ts';
import { aFinding } from '../support/fleet.ts';
import { planRequests, tightRequests } from '../support/random-fleet.ts';
import { withPairs, withPlenty, withResources } from '../support/random-resources.ts';

const RUNS = { numRuns: 250 };

function violations(request: PlanRequest, moves?: readonly Move[]): readonly { code: string }[] {
  const { snapshot, limits, migration, weights } = request;
  if (moves === undefined) {
    return check({ snapshot, plan: plan(request).plan, limits, migration, weights });
  }
  return check({ snapshot, plan: aPlan(moves), limits, migration });
}

describe('a plan with resources that a policy names', () => {
  it('passes the checker', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withResources(planRequests()), (request) => {
        expect(violations(request)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('passes the checker where there is little of everything', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withResources(tightRequests()), (request) => {
        expect(violations(request)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('passes the checker where they and pairs of them are to be level', {
    timeout: 120_000,
  }, () => {
    fc.assert(
      fc.property(withPairs(planRequests(false)), (request) => {
        const levelled = { ...request, findings: [aFinding('level')] };
        expect(violations(levelled)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('passes the checker where they are to be left in proportion', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withPairs(planRequests()), (request) => {
        expect(violations(request)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('moves the same VMs for the same where they are to be', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withPairs(planRequests()), (drawn) => {
        // What mending a soft rule is worth, they are part of.
        const isMend = ({ tier, response }: Finding): boolean =>
          response === 'repair' && tier === 'optional';
        const request = { ...drawn, findings: drawn.findings.filter((one) => !isMend(one)) };
        const { balance: _none, ...weights } = request.weights;
        const [paired, plain] = [request, { ...request, weights }].map((one) => plan(one).plan);
        const movers = (moves: readonly Move[] = []) => moves.map(({ vm }) => vm).toSorted();
        expect(movers(paired?.moves)).toEqual(movers(plain?.moves));
        const cost = (made: typeof paired) => made?.objective.terms['moveCost']?.after ?? 0;
        expect(cost(paired)).toBeCloseTo(cost(plain), 9);
      }),
      RUNS,
    );
  });

  it('does not depend on the order in which they are named', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.oneof(withResources(planRequests()), withPairs(planRequests())), (request) => {
        const { resources = [] } = request.snapshot;
        const other = { ...request.snapshot, resources: resources.toReversed() };
        const reversed = plan({ ...request, snapshot: other });
        expect(JSON.stringify(reversed)).toBe(JSON.stringify(plan(request)));
      }),
      RUNS,
    );
  });

  it('is the same as without those of which there is plenty', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(), fc.boolean(), (request, transient) => {
        const rich = plan(withPlenty(request, transient));
        expect(JSON.stringify(rich)).toBe(JSON.stringify(plan(request)));
      }),
      RUNS,
    );
  });

  it('fills no host beyond its share of one, but with what it says', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(withResources(planRequests(false)), (request) => {
        const { moves } = plan(request).plan;
        const at = new Map(moves.map(({ vm, to }) => [vm, to]));
        for (const resource of request.snapshot.resources ?? []) {
          const { hosts, vms } = resource;
          const coming = moves.filter(({ vm }) => (vms.get(vm) ?? 0) > 0);
          for (const move of coming) {
            const { to } = move;
            const there = request.snapshot.vms.filter((vm) => (at.get(vm.id) ?? vm.host) === to);
            const sum = there.reduce((all, vm) => all + (vms.get(vm.id) ?? Number.NaN), 0);
            const share = hosts.get(to);
            const most = share === undefined ? Number.NaN : mostOf(resource, share, move);
            expect(sum).toBeLessThanOrEqual(most + 1e-9);
          }
        }
      }),
      RUNS,
    );
  });
});

/** A soft one may be filled to the brim by whom the plan says so of. */
function mostOf({ soft }: Resource, { capacity, safety }: HostShare, move: Move): number {
  const isBent = soft === true && move.overSoft === true && move.tier === 'mandatory';
  return capacity * (isBent ? 1 : safety);
}

function named(request: PlanRequest): readonly Resource[] {
  return request.snapshot.resources ?? [];
}

/** What the VMs need that are there and that the plan leaves there. */
function staying({ request, moves }: Scene, host: Host, { vms }: Resource): number {
  const moved = new Set(moves.map(({ vm }) => vm));
  const leaving = new Set(request.snapshot.inFlight.map(({ vm }) => vm));
  const there = request.snapshot.vms.filter(
    (vm) => vm.host === host.id && !moved.has(vm.id) && !leaving.has(vm.id),
  );
  return there.reduce((sum, vm) => sum + (vm.powerState === 'off' ? 0 : (vms.get(vm.id) ?? 0)), 0);
}

function needs(vm: Vm, { vms }: Resource): number {
  return vm.powerState === 'off' ? 0 : (vms.get(vm.id) ?? 0);
}

/** Whether the target has too little when only what the move waits for has happened. */
function overfills(scene: Scene, moves: readonly Move[], index: number, of: Resource): boolean {
  const move = moves[index];
  const share = move === undefined ? undefined : of.hosts.get(move.to);
  if (move === undefined || share === undefined) return false;
  const own = needs(scene.vm(move), of);
  const flying = new Set(scene.request.snapshot.inFlight.map(({ vm }) => vm));
  let held = own;
  for (const [id, place] of scene.placesAfter(moves, scene.waitsFor(moves, index))) {
    const vm = scene.vms.get(id);
    const counts = id !== move.vm && place === move.to && !flying.has(id);
    if (vm !== undefined && counts) held += needs(vm, of);
  }
  return own > 0 && held > mostOf(of, share, move) + 1e-6;
}

const MUTATORS: readonly Mutator[] = [
  {
    name: 'without waiting for the one that makes room',
    codes: ['resource'],
    plant: (scene) =>
      named(scene.request).flatMap((resource) =>
        dependencies(scene).flatMap(({ index, first }) => {
          const id = scene.moves[first]?.id;
          const dependsOn = scene.moves[index]?.dependsOn.filter((one) => one !== id) ?? [];
          const moves = scene.with(index, { dependsOn });
          return overfills(scene, moves, index, resource) ? [moves] : [];
        }),
      ),
  },
  {
    name: 'to a host without enough of a resource',
    codes: ['resource'],
    plant: (scene) =>
      named(scene.request).flatMap((resource) =>
        scene.retarget((host, vm, move) => {
          const share = resource.hosts.get(host.id);
          if (share === undefined || needs(vm, resource) <= 0) return false;
          const held = staying(scene, host, resource) + needs(vm, resource);
          return held > mostOf(resource, share, move) + 1e-6;
        }),
      ),
  },
  {
    name: 'above the safety capacity of a soft one, without a word',
    codes: ['resource'],
    plant: (scene) =>
      named(scene.request).flatMap((resource) =>
        places(scene, ({ overSoft }) => overSoft === true).flatMap((index) => {
          const moves = scene.with(index, { overSoft: undefined as never });
          return overfills(scene, moves, index, resource) ? [moves] : [];
        }),
      ),
  },
  {
    name: 'to a host of which nobody knows what it has',
    codes: ['resource-unknown'],
    plant: (scene) =>
      named(scene.request).flatMap((resource) =>
        scene.retarget((host, vm) => needs(vm, resource) > 0 && !resource.hosts.has(host.id)),
      ),
  },
  {
    name: 'beside a VM of which nobody knows what it needs',
    codes: ['resource-unknown'],
    plant: (scene) =>
      named(scene.request).flatMap((resource) =>
        scene.retarget((host, vm) => {
          const dark = scene.request.snapshot.vms.some(
            (one) => one.host === host.id && one.powerState !== 'off' && !resource.vms.has(one.id),
          );
          return needs(vm, resource) > 0 && dark;
        }),
      ),
  },
  {
    name: 'of a VM of which nobody knows what it needs',
    codes: ['resource-unknown'],
    plant: (scene) =>
      named(scene.request).flatMap((resource) =>
        [...scene.vms.values()]
          .filter((vm) => vm.powerState !== 'off' && !resource.vms.has(vm.id))
          .flatMap((vm) =>
            places(scene, ({ to }) => to !== vm.host).map((index) =>
              scene.with(index, { vm: vm.id, from: vm.host }),
            ),
          ),
      ),
  },
];

describe('check, on good plans with one fault about a resource', () => {
  it.each(MUTATORS)('finds a move $name', { timeout: 120_000 }, (mutator) => {
    const enough = 10;
    const seed = fc.readConfigureGlobal()?.seed ?? 0;
    let planted = 0;
    const both = fc.oneof(withResources(planRequests()), withResources(tightRequests()));
    for (const request of fc.sample(both, { seed, numRuns: 2500 })) {
      if (planted >= enough) break;
      const { moves } = plan(request).plan;
      if (moves.length === 0 || violations(request, moves).length > 0) continue;
      for (const wrong of mutator.plant(new Scene(request, moves)).slice(0, 4)) {
        planted += 1;
        const found = violations(request, wrong).map(({ code }) => code);
        expect(found.some((code) => mutator.codes.some((one) => one === code))).toBe(true);
      }
    }
    expect(planted).toBeGreaterThanOrEqual(enough);
  });
});

// Role: what holds of consolidation whatever the fleet: hosts are emptied whole or left alone, what
// it comes to is left alone the next time, and no host is filled so far that it would be relieved.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { HostId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { ratio, watts } from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  anAntiAffinity,
  someLimits,
  someMigration,
  someWeights,
} from '../support/fleet.ts';
import { planRequests } from '../support/random-fleet.ts';

const RUNS = { numRuns: 150 };
const LONG = { timeout: 120_000 };

/** All hosts underused, whatever else is asked. */
const mixed = planRequests(true).map((request) => ({
  ...request,
  findings: [...request.findings, aFinding('consolidate')],
}));

const machine = fc.record({
  guests: fc.array(
    fc.record({
      load: fc.double({ min: 0.05, max: 3, noNaN: true }),
      memoryGib: fc.constantFrom(2, 4, 8, 16),
      group: fc.constantFrom(0, 1, 2, undefined, undefined),
      isCritical: fc.boolean(),
    }),
    { maxLength: 5 },
  ),
  threads: fc.constantFrom(16, 32),
  idle: fc.constantFrom(undefined, 80, 150, 240),
});

/** Nothing is asked but to save power. */
const saving: fc.Arbitrary<PlanRequest> = fc
  .tuple(fc.array(machine, { minLength: 2, maxLength: 7 }), fc.constantFrom(0, 1, 2))
  .map(([machines, keepSpare]) => {
    const hosts = machines.map(({ threads, idle }, h) =>
      aHost({
        id: `h${h}`,
        threads,
        memoryGib: 4 * threads,
        power: idle === undefined ? undefined : { idle: watts(idle), peak: watts(400) },
      }),
    );
    const groups = new Map<number, string[]>();
    const vms = machines.flatMap(({ guests }, h) =>
      guests.map(({ load, memoryGib, group, isCritical }, i) => {
        const id = `v${h}-${i}`;
        if (group !== undefined) groups.set(group, [...(groups.get(group) ?? []), id]);
        const criticality = isCritical ? 'mission-critical' : 'standard';
        return aVm({ id, host: `h${h}`, vcpus: 4, cpuUsed: load, memoryGib, criticality });
      }),
    );
    const placement = [...groups].map(([group, ids]) => anAntiAffinity(`apart-${group}`, ids));
    return {
      snapshot: aSnapshot({ hosts, vms, placement }),
      findings: [aFinding('consolidate')],
      limits: someLimits({
        consolidation: { fillTo: { cpu: ratio(0.65), memory: ratio(0.9) }, keepSpare },
      }),
      migration: someMigration(),
      weights: someWeights(),
      seed: 1,
    };
  });

/** When these moves and those in flight have ended. */
function after({ snapshot }: PlanRequest, moves: readonly Move[]) {
  const ends = new Map([...snapshot.inFlight, ...moves].map(({ vm, to }) => [vm, to]));
  const vms = snapshot.vms.map((vm) => ({ ...vm, host: ends.get(vm.id) ?? vm.host }));
  return { ...snapshot, vms } satisfies Snapshot;
}

function carrying({ vms }: Snapshot): Set<HostId> {
  return new Set(vms.map(({ host }) => host));
}

function cpuOf(vm: Vm): number {
  const mean = vm.metrics['cpu.used']?.mean;
  return mean?.kind === 'known' ? mean.value : Number.NaN;
}

/** Share of the host's threads that its VMs use. */
function useOf({ hosts, vms }: Snapshot, id: HostId): number {
  const threads = hosts.find((host) => host.id === id)?.cpu.threads ?? Number.NaN;
  const here = vms.filter(({ host }) => host === id);
  return here.reduce((sum, vm) => sum + cpuOf(vm), 0) / threads;
}

describe('consolidation', () => {
  it('leaves nothing behind on a host that it empties, and moves nothing else', LONG, () => {
    fc.assert(
      fc.property(mixed, (request) => {
        const { moves } = plan(request).plan;
        const { inFlight, reservations } = request.snapshot;
        const expecting = [
          ...inFlight.map(({ to }) => to),
          ...reservations.map(({ host }) => host),
        ];
        const ends = carrying(after(request, moves));
        // By this plan's own mandatory moves a host may have got its first VM.
        const others = moves.filter(({ reason }) => reason.finding !== 'consolidate-fleet');
        const before = new Set([
          ...carrying(request.snapshot),
          ...expecting,
          ...others.map(({ to }) => to),
        ]);
        for (const { from, to, reason } of moves) {
          if (reason.finding !== 'consolidate-fleet') continue;
          expect(ends.has(from), `${from} is not empty`).toBe(false);
          expect(before.has(to), `${to} was empty`).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it('is found sound by the checker, beside relief and evacuations too', LONG, () => {
    fc.assert(
      fc.property(fc.oneof(mixed, saving), (asked) => {
        const findings = asked.findings.filter(({ response }) => response !== 'repair');
        const request = { ...asked, findings };
        const { snapshot, limits, migration } = request;
        expect(check({ snapshot, plan: plan(request).plan, limits, migration })).toEqual([]);
      }),
      RUNS,
    );
  });

  it('uses no more hosts than before, and fills none beyond the ceiling', LONG, () => {
    fc.assert(
      fc.property(saving, (request) => {
        const { moves } = plan(request).plan;
        const end = after(request, moves);
        const emptied = new Set(moves.map(({ from }) => from));
        expect(carrying(end).size).toBe(carrying(request.snapshot).size - emptied.size);
        const fullest = Math.max(0, ...moves.map(({ to }) => useOf(end, to)));
        expect(fullest).toBeLessThanOrEqual(0.65 + 1e-9);
      }),
      RUNS,
    );
  });

  it('is over: what it comes to is left alone', LONG, () => {
    fc.assert(
      fc.property(saving, (request) => {
        const snapshot = after(request, plan(request).plan.moves);
        const again = plan({ ...request, snapshot });
        expect(again.plan.moves.map(({ vm, from, to }) => `${vm}: ${from} > ${to}`)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('is not undone by relief: nothing that it filled is hot', LONG, () => {
    fc.assert(
      fc.property(saving, (request) => {
        const snapshot = after(request, plan(request).plan.moves);
        const filled = new Set(plan(request).plan.moves.map(({ to }) => to));
        const findings = [...filled].map((host) =>
          aFinding('relieve', { host, relieveBelow: ratio(0.75) }),
        );
        expect(plan({ ...request, snapshot, findings }).plan.moves).toEqual([]);
      }),
      RUNS,
    );
  });

  it('lowers the objective by each host', LONG, () => {
    fc.assert(
      fc.property(saving, (request) => {
        const { moves, objective } = plan(request).plan;
        const price = objective.terms['moveCost']?.after ?? 0;
        const { before = 0, after: left = 0 } = objective.terms['power'] ?? {};
        const gain = before - left - price;
        expect(moves.length > 0 ? gain > 0 : gain === 0).toBe(true);
      }),
      RUNS,
    );
  });

  it('does not depend on the order of the input', LONG, () => {
    fc.assert(
      fc.property(saving, (request) => {
        const { snapshot } = request;
        const { hosts, vms, placement } = snapshot;
        const turned = {
          ...snapshot,
          hosts: hosts.toReversed(),
          vms: vms.toReversed(),
          placement: placement.toReversed(),
        };
        expect(plan({ ...request, snapshot: turned })).toEqual(plan(request));
      }),
      RUNS,
    );
  });
});

// Role: what makes a plan a good one, whatever the fleet: it ends, leaves good fleets alone, moves
// nothing that does not help, and is never worse for having had more time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { HostId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { ratio } from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import { aFinding, aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { carriedOut } from '../support/carried-out.ts';
import { planRequests, tightRequests } from '../support/random-fleet.ts';

const RUNS = { numRuns: 100 };
/** Of large fleets, where shrinking would take too long. */
const FEW_RUNS = { numRuns: 25, endOnFailure: true };
const LONG = { timeout: 120_000 };

function cpuOf(vm: Vm): number {
  const mean = vm.metrics['cpu.used']?.mean;
  return mean?.kind === 'known' && vm.powerState === 'running' ? mean.value : 0;
}

/** CPU load over capacity by host when these moves are done; hosts and VMs of one speed. */
function usesAfter({ snapshot }: PlanRequest, moves: readonly Move[]): Map<HostId, number> {
  const ends = new Map(moves.map(({ vm, to }) => [vm, to]));
  const uses = new Map(snapshot.hosts.map((host) => [host.id, 0]));
  const threads = new Map(snapshot.hosts.map(({ id, cpu }) => [id, cpu.threads]));
  for (const vm of snapshot.vms) {
    const host = ends.get(vm.id) ?? vm.host;
    uses.set(host, (uses.get(host) ?? 0) + cpuOf(vm) / (threads.get(host) ?? Number.NaN));
  }
  return uses;
}

/** How far all hosts together are above what the findings (or the policy) allow, in shares. */
function excessOf(request: PlanRequest, moves: readonly Move[]): number {
  const { cpu } = request.limits.safetyCapacity;
  const asked = new Map<string, number>();
  for (const { response, subject, relieveBelow } of request.findings) {
    if (response !== 'relieve' || subject.kind !== 'host') continue;
    asked.set(subject.host, relieveBelow ?? cpu);
  }
  return [...usesAfter(request, moves)].reduce((sum, [host, use]) => {
    return sum + Math.max(0, use - (asked.get(host) ?? cpu));
  }, 0);
}

function bytesOf(request: PlanRequest, moves: readonly Move[]): number {
  const sizes = new Map(request.snapshot.vms.map((vm) => [vm.id, vm.memoryBytes]));
  return moves.reduce(
    (sum, { vm }) => sum + (sizes.get(vm) ?? 0) + request.weights.perMoveBytes,
    0,
  );
}

/** Without this move and all that wait for it, or start where it ends. */
function without(moves: readonly Move[], index: number): Move[] {
  const gone = new Set([moves[index]?.id]);
  const left = new Set([moves[index]?.vm]);
  return moves.filter((move, at) => {
    const stays =
      at < index ||
      (!gone.has(move.id) && !left.has(move.vm) && !move.dependsOn.some((id) => gone.has(id)));
    if (!stays) {
      gone.add(move.id);
      left.add(move.vm);
    }
    return stays;
  });
}

/** Like hosts, everything measured, no rules: what helps can be seen from the loads alone. */
const loads = fleetsOf(2, 6);

function fleetsOf(least: number, most: number): fc.Arbitrary<Snapshot> {
  const guests = fc.array(fc.double({ min: 0.05, max: 0.95, noNaN: true }), { maxLength: 7 });
  return fc.array(guests, { minLength: least, maxLength: most }).map((hosts) => {
    const machines = hosts.map((_guests, h) => aHost({ id: `h${h}`, threads: 16, memoryGib: 96 }));
    const vms = hosts.flatMap((guests, h) =>
      guests.map((load, i) =>
        aVm({
          id: `v${h}-${i}`,
          host: `h${h}`,
          vcpus: 4,
          memoryGib: 4 + 4 * (i % 3),
          cpuUsed: 4 * load,
        }),
      ),
    );
    return aSnapshot({ hosts: machines, vms });
  });
}

/** Hot hosts are to be relieved, or all hosts levelled; limits and weights as in other tests. */
function asking(goal: 'relieve' | 'level', fleets = loads): fc.Arbitrary<PlanRequest> {
  return fc.tuple(fleets, planRequests(false)).map(([snapshot, other]) => {
    const empty = { ...other, snapshot, findings: [] };
    const hot = [...usesAfter(empty, [])].filter(([, use]) => use > 0.8);
    const relief = hot.map(([host]) => aFinding('relieve', { host }));
    return { ...empty, findings: goal === 'level' ? [aFinding('level')] : relief };
  });
}

const relieved = asking('relieve');
const levelled = asking('level');

describe('an optional move', () => {
  it('that relieves cannot be left out: hosts would be left above their limit', LONG, () => {
    fc.assert(
      fc.property(relieved, (request) => {
        const { moves } = plan(request).plan;
        const reached = excessOf(request, moves);
        for (const index of moves.keys()) {
          const less = excessOf(request, without(moves, index));
          expect(less, `without ${moves[index]?.vm}`).toBeGreaterThan(reached - 1e-9);
          expect(less - reached, `without ${moves[index]?.vm}`).toBeGreaterThan(1e-9);
        }
      }),
      RUNS,
    );
  });
});

describe('a good fleet', () => {
  it('is left alone by relief: no host is above its limit', () => {
    fc.assert(
      fc.property(relieved, (request) => {
        const findings = request.snapshot.hosts
          .filter(({ id }) => (usesAfter(request, []).get(id) ?? 0) <= 0.8)
          .map(({ id }) => aFinding('relieve', { host: id }));
        expect(plan({ ...request, findings }).plan.moves).toEqual([]);
      }),
      RUNS,
    );
  });

  it('is left alone by levelling: all hosts carry the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.05, max: 0.6, noNaN: true }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        planRequests(false),
        (guests, count, other) => {
          const names = Array.from({ length: count }, (_none, h) => `h${h}`);
          const hosts = names.map((id) => aHost({ id }));
          const vms = names.flatMap((host) =>
            guests.map((load, i) => aVm({ id: `${host}-${i}`, host, cpuUsed: 2 * load })),
          );
          const snapshot = aSnapshot({ hosts, vms });
          const findings = [aFinding('level')];
          expect(plan({ ...other, snapshot, findings }).plan.moves).toEqual([]);
        },
      ),
      RUNS,
    );
  });

  it('is left alone by levelling once it was levelled', LONG, () => {
    let levelledAny = 0;
    fc.assert(
      fc.property(asking('level', fleetsOf(12, 24)), (request) => {
        const { moves } = plan(request).plan;
        levelledAny += moves.length;
        const after = { ...request, snapshot: carriedOut(request, moves) };
        expect(plan(after).plan.moves.map(({ vm, from, to }) => [vm, from, to])).toEqual([]);
      }),
      FEW_RUNS,
    );
    expect(levelledAny).toBeGreaterThan(FEW_RUNS.numRuns);
  });

  it('is left alone by levelling: one VM on empty hosts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.nat(7),
        fc.double({ min: 0.1, max: 16, noNaN: true }),
        planRequests(false),
        (count, home, cpuUsed, other) => {
          const hosts = Array.from({ length: count }, (_none, h) => aHost({ id: `h${h}` }));
          const vms = [aVm({ id: 'lone', host: `h${home % count}`, vcpus: 16, cpuUsed })];
          const findings = [aFinding('level'), aFinding('relieve', { host: `h${home % count}` })];
          const snapshot = aSnapshot({ hosts, vms });
          expect(plan({ ...other, snapshot, findings }).plan.moves).toEqual([]);
        },
      ),
      RUNS,
    );
  });
});

describe('more time', () => {
  const BUDGETS = [0, 1, 2, 5, 10, 40, 160, 640];
  const hot = fc.oneof(relieved, tightRequests(), planRequests(false)).map((request) => ({
    ...request,
    findings: request.findings.filter(({ response }) => response !== 'evacuate'),
  }));

  it('makes no plan worse: less is left open, or as much for less', LONG, () => {
    fc.assert(
      fc.property(hot, (request) => {
        let before: { readonly open: number; readonly bytes: number } | undefined;
        for (const steps of BUDGETS) {
          const { plan: made, report } = plan({ ...request, steps });
          const now = { open: report.unresolved.length, bytes: bytesOf(request, made.moves) };
          const { open, bytes } = before ?? now;
          const isWorse = now.open > open || (now.open === 0 && open === 0 && now.bytes > bytes);
          expect(isWorse, `${steps} steps: ${JSON.stringify([before, now])}`).toBe(false);
          before = now;
        }
      }),
      RUNS,
    );
  });

  it('is not needed for a sound plan: stopped at any question, check finds nothing', LONG, () => {
    fc.assert(
      fc.property(
        fc.oneof(planRequests(), tightRequests(), levelled),
        fc.nat(30),
        (request, questions) => {
          let left = questions;
          const shouldStop = (): boolean => {
            left -= 1;
            return left < 0;
          };
          const { snapshot, limits, migration } = request;
          const made = plan({ ...request, shouldStop }).plan;
          expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
        },
      ),
      RUNS,
    );
  });
});

describe('a plan with little room', () => {
  it('passes the checker', LONG, () => {
    fc.assert(
      fc.property(tightRequests(), (request) => {
        const { snapshot, limits, migration } = request;
        const made = plan(request).plan;
        expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
      }),
      RUNS,
    );
  });

  it('also where less is asked of the hosts than the policy says', LONG, () => {
    fc.assert(
      fc.property(tightRequests(), fc.constantFrom(0.3, 0.5, 0.7), (request, share) => {
        const findings = request.findings.map((finding) => ({
          ...finding,
          relieveBelow: finding.response === 'relieve' ? ratio(share) : undefined,
        }));
        const { snapshot, limits, migration } = request;
        const made = plan({ ...request, findings }).plan;
        expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
      }),
      RUNS,
    );
  });
});

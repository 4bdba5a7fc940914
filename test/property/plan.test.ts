// Role: what holds for every plan on every fleet. Safety is judged by `check`, which shares no
// code with the planner; the other properties are the ones operators complain about when broken.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import type { Move } from '../../src/domain/plan.ts';
import { type PlanRequest, plan, stagesOf } from '../../src/plan/plan.ts';
import { aFinding } from '../support/fleet.ts';
import { carriedOut } from '../support/carried-out.ts';
import { withClusters } from '../support/random-clusters.ts';
import { planRequests, tightRequests } from '../support/random-fleet.ts';

const RUNS = { numRuns: 300 };

function violations(request: PlanRequest): unknown[] {
  const { snapshot, limits, migration } = request;
  return [...check({ snapshot, plan: plan(request).plan, limits, migration })];
}

describe('every plan', () => {
  it('passes the checker', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(), (request) => {
        expect(violations(request)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('passes the checker where everything is measured and may move', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(false), (request) => {
        expect(violations(request)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('passes the checker where the moves of a cluster are capped', { timeout: 120_000 }, () => {
    const capped = fc.oneof(withClusters(planRequests()), withClusters(tightRequests()));
    fc.assert(
      fc.property(capped, (request) => {
        expect(violations(request)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('does not depend on the order of the input', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(), fc.infiniteStream(fc.nat()), (request, numbers) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((item) => ({ item, key: numbers.next().value }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item);
        const { snapshot, findings } = request;
        const other: PlanRequest = {
          ...request,
          findings: shuffled(findings),
          snapshot: {
            ...snapshot,
            hosts: shuffled(snapshot.hosts),
            vms: shuffled(snapshot.vms),
            placement: shuffled(snapshot.placement).map((rule) => ({
              ...rule,
              vms: shuffled(rule.vms),
            })),
            inFlight: shuffled(snapshot.inFlight),
            reservations: shuffled(snapshot.reservations),
          },
        };
        expect(JSON.stringify(plan(other))).toBe(JSON.stringify(plan(request)));
      }),
      RUNS,
    );
  });

  it('names what stays open by a reason that its proof names', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(), (request) => {
        const unnamed = plan(request).report.unresolved.filter(({ code, proof }) => {
          const causes = proof?.causes ?? [];
          return causes.length > 0 && !causes.some((cause) => cause.code === code);
        });
        expect(unnamed).toEqual([]);
      }),
      RUNS,
    );
  });

  it('has as few stages as its dependencies allow', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(), (request) => {
        const result = plan(request).plan;
        const stages = stagesOf(result);
        const all = result.moves.map((_move, index) => index);
        expect(stages.flat().toSorted((a, b) => a - b)).toEqual(all);
        for (const [stage, indexes] of stages.entries()) {
          const done = new Set(stages.slice(0, stage).flat());
          const next = new Set(stages[stage - 1]);
          for (const index of indexes) {
            const waits = all.filter((other) => isBefore(result.moves, other, index));
            expect(waits.every((other) => done.has(other))).toBe(true);
            expect(stage === 0 || waits.some((other) => next.has(other))).toBe(true);
          }
        }
      }),
      RUNS,
    );
  });
});

/** Whether the second has to wait for the first: it says so, or it moves the same VM on. */
function isBefore(moves: readonly Move[], first: number, second: number): boolean {
  const [before, after] = [moves[first], moves[second]];
  if (before === undefined || after === undefined) return false;
  const isSameVm = before.vm === after.vm && first < second;
  return isSameVm || after.dependsOn.includes(before.id);
}

describe('the planner', () => {
  it('leaves alone what no finding asks to change', () => {
    fc.assert(
      fc.property(planRequests(), (request) => {
        const result = plan({ ...request, findings: [] });
        expect(result.plan.moves).toEqual([]);
        expect(result.report.notes).toEqual(['nothing to do: no finding asks for a move']);
      }),
    );
  });

  it('has nothing left to do when its plan was carried out', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(false), (request) => {
        // Groups that are to be together, and needs that stay open, may be served by further plans,
        // since a VM moves once in each.
        const placement = request.snapshot.placement.filter(({ kind }) => kind !== 'affinity');
        const asked = { ...request, snapshot: { ...request.snapshot, placement } };
        const first = plan(asked);
        fc.pre(first.report.unresolved.length === 0);
        const after = { ...asked, snapshot: carriedOut(asked, first.plan.moves) };
        expect(plan(after).plan.moves.map(({ vm, from, to }) => [vm, from, to])).toEqual([]);
      }),
      RUNS,
    );
  });

  it('comes to rest, and moves no VM back to where it was', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(planRequests(false), (request) => {
        const left = new Set<string>();
        // What a hard rule breaks of a soft one may be mended, later, by going back: see
        // soft-rules.test.ts, which has both.
        const findings = request.findings.filter(
          ({ response, tier }) => response !== 'repair' || tier !== 'optional',
        );
        let now = { ...request, findings };
        for (let round = 0; round < 6; round += 1) {
          const { moves } = plan(now).plan;
          if (moves.length === 0) return;
          for (const { vm, to } of moves) expect(left.has(`${vm} ${to}`)).toBe(false);
          for (const { vm, from } of moves) left.add(`${vm} ${from}`);
          now = { ...now, snapshot: carriedOut(now, moves) };
        }
        expect(plan(now).plan.moves).toEqual([]);
      }),
      RUNS,
    );
  });

  it('does not move a lone VM between like hosts, however hot it is', () => {
    fc.assert(
      fc.property(planRequests(false), fc.nat(), (request, pick) => {
        const { snapshot } = request;
        const vm = snapshot.vms[pick % Math.max(1, snapshot.vms.length)];
        const home = snapshot.hosts.find((host) => host.id === vm?.host);
        if (vm === undefined || home === undefined) return;
        const twins = snapshot.hosts.map((host) => ({ ...home, id: host.id, metrics: {} }));
        const alone = { ...snapshot, hosts: twins, vms: [vm], placement: [] };
        const findings = [aFinding('relieve', { host: vm.host })];
        const emptied = carriedOut({ ...request, snapshot: alone }, []);
        expect(plan({ ...request, snapshot: emptied, findings }).plan.moves).toEqual([]);
      }),
    );
  });
});

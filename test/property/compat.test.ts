// Role: hosts and VMs that count as alike for compatibility are alike in all that it asks: the
// answer that the planner keeps for a class is the one that each of its pairs gets by itself.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { staticRefusals } from '../../src/domain/compatibility.ts';
import type { Host } from '../../src/domain/host.ts';
import type { MigrationSettings } from '../../src/domain/policy.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { codeName } from '../../src/plan/codes.ts';
import { Compatibility, type Ways, hostClassesOf, methodsFor } from '../../src/plan/compat.ts';
import { buildModel } from '../../src/plan/model.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';
import { planRequests } from '../support/random-fleet.ts';

/** The method by which the VM would go, or the first code against the first one. */
function ownAnswer(vm: Vm, ends: readonly Host[], settings: MigrationSettings, ways: Ways) {
  const [from, to] = ends;
  if (from === undefined || to === undefined) throw new RangeError('a pair without a host');
  const tried = methodsFor(vm, settings, ways).map((method) => {
    const against = staticRefusals(vm, from, to, method, settings);
    return { method, code: against.find(({ code }) => code !== 'vcpus')?.code };
  });
  const open = tried.find(({ code }) => code === undefined)?.method;
  return open ?? tried[0]?.code ?? 'method-unsupported';
}

/** Per VM and other host, what is kept for their classes, and what they get by themselves. */
function answers(request: PlanRequest, ways: Ways) {
  const { migration } = request;
  const model = buildModel(request);
  const kept = new Compatibility(model, hostClassesOf(model), migration, ways);
  return model.vms.flatMap((vm, v) => {
    const from = model.hosts[model.home[v] ?? -1];
    return model.hosts.flatMap((to, h) => {
      if (from === undefined || from === to) return [];
      const way = kept.way(v, h);
      const found = way.code === 0 ? way.method : codeName(way.code);
      const own = ownAnswer(vm, [from, to], migration, ways);
      return [{ pair: `${vm.id} to ${to.id}`, found, own }];
    });
  });
}

it('is the same for all of a class', { timeout: 60_000 }, () => {
  const everyWays = fc.constantFrom<Ways>('live', 'any', 'restart');
  fc.assert(
    fc.property(planRequests(), everyWays, (request, ways) => {
      expect(answers(request, ways).filter(({ found, own }) => found !== own)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

// Role: random resources beside CPU and memory, laid over a random fleet: scarce ones and ample
// ones, transient or not, of which a need or what a host has is sometimes not known. Findings of
// hosts that have too much of one come with them.
import fc from 'fast-check';

import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { HostShare, Resource } from '../../src/domain/resource.ts';
import { ratio } from '../../src/domain/units.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';
import { aFinding } from './fleet.ts';

interface Drawn {
  readonly transient: boolean;
  readonly soft: boolean;
  readonly capacities: readonly number[];
  readonly needs: readonly number[];
  readonly safety: number;
  readonly imbalance: number;
}

/** Negative: nobody knows. */
const UNKNOWN = -1;

const DRAWN: fc.Arbitrary<Drawn> = fc.record({
  transient: fc.boolean(),
  soft: fc.boolean(),
  capacities: fc.array(fc.constantFrom(8, 16, 32, 64, 0, UNKNOWN), { minLength: 3, maxLength: 8 }),
  needs: fc.array(fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 1, 2, 3, UNKNOWN), {
    minLength: 5,
    maxLength: 40,
  }),
  safety: fc.constantFrom(1, 0.8, 0.5),
  imbalance: fc.constantFrom(0, 0, 1),
});

/** The request with one to three resources, of which some are short. */
export function withResources(requests: fc.Arbitrary<PlanRequest>): fc.Arbitrary<PlanRequest> {
  return fc
    .tuple(requests, fc.array(DRAWN, { minLength: 1, maxLength: 3 }))
    .map(([request, drawn]) => {
      const resources = drawn.map((one, index) => resourceOf(one, `r${index}`, request));
      const hot = resources.flatMap((resource) => overloads(resource, request));
      const snapshot = { ...request.snapshot, resources };
      return { ...request, snapshot, findings: [...request.findings, ...hot] };
    });
}

/** The request with the first of its resources, and CPU, to be left in proportion with memory. */
export function withPairs(requests: fc.Arbitrary<PlanRequest>): fc.Arbitrary<PlanRequest> {
  return withResources(requests).map((request) => {
    const pairs: readonly (readonly [string, string])[] = [
      ['cpu', 'memory'],
      ['memory', 'r0'],
    ];
    const balance = pairs.map((resources) => ({ resources, weight: 3 }));
    return { ...request, weights: { ...request.weights, balance } };
  });
}

/** The request with resources of which every host has far more than all VMs together need. */
export function withPlenty(request: PlanRequest, transient: boolean): PlanRequest {
  const { hosts, vms } = request.snapshot;
  const ample = { capacities: [1e12], needs: [1, 2, 3], safety: 0.8, imbalance: 0 };
  const drawn = { ...ample, transient, soft: false };
  const plenty = resourceOf(drawn, 'plenty', { ...request, snapshot: request.snapshot });
  const none = { ...plenty, name: 'none', vms: new Map(vms.map(({ id }) => [id, 0])) };
  expectAll(plenty.hosts.size, hosts.length);
  return { ...request, snapshot: { ...request.snapshot, resources: [none, plenty] } };
}

function expectAll(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${found} of ${wanted} hosts have the resource`);
}

function resourceOf(drawn: Drawn, name: string, { snapshot }: PlanRequest): Resource {
  const { capacities, needs, transient, soft, imbalance } = drawn;
  const hosts = new Map<HostId, HostShare>();
  for (const [index, { id }] of snapshot.hosts.entries()) {
    const capacity = capacities[index % capacities.length] ?? 0;
    if (capacity !== UNKNOWN) hosts.set(id, { capacity, safety: ratio(drawn.safety) });
  }
  const vms = new Map<VmId, number>();
  for (const [index, { id }] of snapshot.vms.entries()) {
    const need = needs[index % needs.length] ?? 0;
    if (need !== UNKNOWN) vms.set(id, need);
  }
  const kind = { unit: 'number', transient, soft, measured: false, imbalance } as const;
  return { name, ...kind, hosts, vms };
}

function overloads(resource: Resource, { snapshot }: PlanRequest): PlanRequest['findings'] {
  return snapshot.hosts.flatMap(({ id }) => {
    const share = resource.hosts.get(id);
    const there = snapshot.vms.filter((vm) => vm.host === id && vm.powerState !== 'off');
    const needed = there.reduce((sum, vm) => sum + (resource.vms.get(vm.id) ?? 0), 0);
    if (share === undefined || needed <= share.capacity * share.safety) return [];
    const fact = `host.resource.${resource.name}.ratio`;
    const evidence = [{ fact, operator: 'greaterThan', threshold: 1, value: 2 }];
    return [aFinding('relieve', { id: `${resource.name}-${id}`, host: id, evidence })];
  });
}

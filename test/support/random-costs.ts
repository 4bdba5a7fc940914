// Role: random prices of groups and paths for random fleets, whose hosts get sites and clusters.
import fc from 'fast-check';

import { clusterId, siteId, storageId } from '../../src/domain/ids.ts';
import type { MoveCosts, PathPrice } from '../../src/domain/move-costs.ts';
import { GIB, bytes } from '../../src/domain/units.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';

const COSTS = fc.record({
  groups: fc.array(
    fc.record({
      vms: fc.array(fc.nat(100), { minLength: 1, maxLength: 6 }),
      gib: fc.constantFrom(1, 8, 100),
    }),
    { maxLength: 3 },
  ),
  paths: fc.array(
    fc.record({
      kind: fc.constantFrom('site', 'cluster', 'rack', 'pair', 'pair'),
      from: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }),
      to: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }),
      factor: fc.constantFrom(0.1, 1, 4, 1000),
    }),
    { maxLength: 3 },
  ),
  places: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
  /** Every so many VMs one has a disk that only its host sees. */
  ownDisk: fc.constantFrom(1, 2, 5),
});

export function withCosts(requests: fc.Arbitrary<PlanRequest>): fc.Arbitrary<PlanRequest> {
  return fc.tuple(requests, COSTS).map(([asked, { groups, paths, places, ownDisk }]) => {
    const { snapshot, migration } = asked;
    const hosts = snapshot.hosts.map((host, index) => {
      const place = places[index] ?? 0;
      const site = place === 3 ? undefined : siteId(`s${place % 2}`);
      return { ...host, site, cluster: clusterId(`c${place % 2}`) };
    });
    const pick = <Id>(list: readonly { readonly id: Id }[], drawn: readonly number[]): Id[] =>
      drawn.flatMap((number) => list[number % Math.max(1, list.length)]?.id ?? []);
    const vms = snapshot.vms.map((vm, index) => {
      if (index % ownDisk !== 0) return vm;
      const disk = { storage: storageId('san'), bytes: bytes(20 * GIB), shared: false };
      return { ...vm, disks: [...vm.disks, disk] };
    });
    const moveCosts: MoveCosts = {
      groups: groups.map((group, at) => {
        return { origin: `g${at}`, vms: pick(vms, group.vms), bytes: bytes(group.gib * GIB) };
      }),
      paths: paths.map(({ kind, from, to, factor }, at): PathPrice => {
        const common = { origin: `p${at}`, factor };
        if (kind !== 'pair') return { ...common, across: kind };
        return { ...common, from: pick(hosts, from), to: pick(hosts, to) };
      }),
    };
    const methods = ['pre-copy', 'storage', 'cold'] as const;
    return {
      ...asked,
      snapshot: { ...snapshot, hosts, vms, moveCosts },
      migration: { ...migration, methods },
    };
  });
}

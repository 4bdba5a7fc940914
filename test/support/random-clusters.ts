// Role: requests whose hosts are of two clusters, or of none, and whose policy caps the moves that
// touch a cluster.
import fc from 'fast-check';

import { clusterId } from '../../src/domain/ids.ts';
import type { Limits } from '../../src/domain/policy.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';

const CLUSTERS = [clusterId('a'), clusterId('a'), clusterId('b'), undefined];

/** @param others the other caps; left out: as the request has them. */
export function withClusters(
  requests: fc.Arbitrary<PlanRequest>,
  others: Partial<Limits['concurrency']> = {},
): fc.Arbitrary<PlanRequest> {
  const clusters = fc.array(fc.constantFrom(...CLUSTERS), { minLength: 3, maxLength: 8 });
  const caps = fc.integer({ min: 1, max: 3 });
  return fc.tuple(requests, clusters, caps).map(([request, drawn, perCluster]) => {
    const { snapshot, limits } = request;
    const hosts = snapshot.hosts.map((host, at) => ({
      ...host,
      cluster: drawn[at % drawn.length],
    }));
    const concurrency = { ...limits.concurrency, ...others, perCluster };
    return {
      ...request,
      snapshot: { ...snapshot, hosts },
      limits: { ...limits, concurrency },
    };
  });
}

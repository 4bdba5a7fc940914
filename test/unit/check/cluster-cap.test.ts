// Role: the checker where the policy caps the moves that touch a cluster.
import { describe, expect, it } from 'vitest';

import type { CheckRequest } from '../../../src/check/check.ts';
import { clusterId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { aHost, aVm, someLimits } from '../../support/fleet.ts';
import { aMove, startingAt } from '../../support/plans.ts';
import { type Planted, codes, fleet, judge } from './planted.ts';

/** The fleet, and h4, in two clusters: h1 and h4 in one, h2 and h3 in the other. */
function twoClusters(vms: Snapshot['vms'] = fleet().vms): Snapshot {
  const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) =>
    aHost({ id, cluster: clusterId(id === 'h1' || id === 'h4' ? 'a' : 'b') }),
  );
  return fleet({ hosts, vms });
}

/** No other cap is reached. */
function cappedPerCluster(perCluster: number): Partial<CheckRequest> {
  const others = { total: 99, perHostIn: 99, perHostOut: 99, perLink: 99 };
  return { limits: someLimits({ concurrency: { ...others, perCluster } }) };
}

const FAULTS: readonly Planted[] = [
  {
    what: 'too many within one cluster',
    code: 'concurrency',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })],
    more: cappedPerCluster(1),
  },
  {
    what: 'too many in a cluster, one of which comes from another one',
    code: 'concurrency',
    snapshot: twoClusters(),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })],
    more: cappedPerCluster(1),
  },
  {
    what: 'too many in a cluster, one of which goes to another one',
    code: 'concurrency',
    snapshot: twoClusters(),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h4' })],
    more: cappedPerCluster(1),
  },
  {
    what: 'the standard before the business for which its cluster has a place',
    code: 'order',
    snapshot: twoClusters([
      aVm({ id: 'v1', criticality: 'business' }),
      aVm({ id: 'v2', criticality: 'business' }),
      aVm({ id: 'v3', host: 'h2' }),
    ]),
    moves: [
      aMove({ to: 'h4', criticality: 'business' }),
      aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ id: 'm3', vm: 'v2', to: 'h4', criticality: 'business', predicted: startingAt(30) }),
    ],
    more: cappedPerCluster(2),
  },
  {
    what: 'the standard before the business of its cluster, another cluster being full',
    code: 'order',
    snapshot: twoClusters([
      aVm({ id: 'v1', criticality: 'business' }),
      aVm({ id: 'v2' }),
      aVm({ id: 'v3', host: 'h2', criticality: 'business' }),
    ]),
    moves: [
      aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3', criticality: 'business' }),
      aMove({ id: 'm2', vm: 'v2', to: 'h4' }),
      aMove({ to: 'h4', criticality: 'business', predicted: startingAt(30) }),
    ],
    more: cappedPerCluster(1),
  },
];

const GOOD: readonly Omit<Planted, 'code'>[] = [
  {
    what: 'one move within each cluster, limit one',
    snapshot: twoClusters(),
    moves: [aMove({ to: 'h4' }), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })],
    more: cappedPerCluster(1),
  },
  {
    what: 'one between two clusters and then one in each, limit one',
    snapshot: twoClusters(),
    moves: [
      aMove(),
      aMove({ id: 'm2', vm: 'v2', to: 'h4', predicted: startingAt(30) }),
      aMove({ id: 'm3', vm: 'v3', from: 'h2', to: 'h3', predicted: startingAt(30) }),
    ],
    more: cappedPerCluster(1),
  },
  {
    what: 'a move within a cluster, which counts once, and one into it, limit two',
    snapshot: twoClusters(),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })],
    more: cappedPerCluster(2),
  },
  {
    what: 'several between hosts of no cluster, limit one',
    snapshot: fleet({
      hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id, cluster: undefined })),
    }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })],
    more: cappedPerCluster(1),
  },
  {
    what: 'a lesser move of another cluster while the more important one waits for its own',
    snapshot: twoClusters([
      aVm({ id: 'v1', criticality: 'business' }),
      aVm({ id: 'v2', criticality: 'business' }),
      aVm({ id: 'v3', host: 'h2' }),
    ]),
    moves: [
      aMove({ to: 'h4', criticality: 'business' }),
      aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ id: 'm3', vm: 'v2', to: 'h4', criticality: 'business', predicted: startingAt(30) }),
    ],
    more: cappedPerCluster(1),
  },
];

describe('check, where the moves of a cluster are capped', () => {
  it.each(FAULTS)('finds $what', ({ code, snapshot, moves, more }) => {
    expect(codes(snapshot ?? fleet(), moves, more)).toEqual([code]);
  });

  it('says in which cluster they are, and how many', () => {
    const moves = [aMove(), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })];
    const found = judge(twoClusters(), moves, cappedPerCluster(1));
    expect(found.map(({ detail }) => detail)).toEqual(['2 in cluster b at once, limit 1']);
  });

  it.each(GOOD)('passes $what', ({ snapshot, moves, more }) => {
    expect(judge(snapshot ?? fleet(), moves, more)).toEqual([]);
  });
});

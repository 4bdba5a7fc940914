// Role: the schedule of a plan whose policy caps the moves that touch a cluster.
import { describe, expect, it } from 'vitest';

import { clusterId, networkId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { plan } from '../../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';
import { flight } from '../../support/plans.ts';

describe('the clusters of the schedule', () => {
  /** Two clusters that no VM leaves: h1 and h2, of which h1 is emptied; h3 and h4, and h3. */
  function evacuated(perCluster: number, inFlight: Snapshot['inFlight'] = []): readonly Move[] {
    const machine = (id: string, cluster: string) =>
      aHost({ id, cluster: clusterId(cluster), networks: [networkId(cluster)] });
    const hosts = [machine('h1', 'a'), machine('h2', 'a'), machine('h3', 'b'), machine('h4', 'b')];
    const vms = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'].map((id) => {
      const networks = [networkId(id.startsWith('a') ? 'a' : 'b')];
      return aVm({ id, host: id.startsWith('a') ? 'h1' : 'h3', networks });
    });
    const concurrency = { total: 9, perHostIn: 9, perHostOut: 9, perLink: 9, perCluster };
    return plan({
      snapshot: aSnapshot({ hosts, vms, inFlight }),
      findings: ['h1', 'h3'].map((host) => aFinding('evacuate', { host })),
      limits: someLimits({ concurrency }),
      migration: someMigration(),
      weights: someWeights(),
      seed: 1,
    }).plan.moves;
  }
  const startsOf = (moves: readonly Move[], host: string): readonly number[] =>
    moves.filter(({ from }) => from === host).map(({ predicted }) => predicted.startSeconds);
  const secondsOf = (moves: readonly Move[]): number => moves[0]?.predicted.seconds ?? 0;

  it('have no more moves at once than the policy says, each by itself', () => {
    const moves = evacuated(1);
    const one = secondsOf(moves);
    for (const host of ['h1', 'h3']) {
      const starts = startsOf(moves, host);
      expect(starts).toHaveLength(3);
      for (const [turn, start] of starts.entries()) expect(start).toBeCloseTo(turn * one, 6);
    }
    expect(startsOf(evacuated(3), 'h1')).toEqual([0, 0, 0]);
  });

  it('have what is in flight already among those', () => {
    const moves = evacuated(1, [flight('a3', 'h1', 'h2')]);
    expect(startsOf(moves, 'h3')[0]).toBe(0);
    const [first = 0] = startsOf(moves, 'h1');
    expect(first).toBeGreaterThan(1);
  });
});

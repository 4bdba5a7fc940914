// Role: what is level beside CPU and memory where the policy gives it a weight: resources that it
// names, and pairs that are of use together only.
import { describe, expect, it } from 'vitest';

import type { Finding } from '../../../src/domain/finding.ts';
import type { BalanceWeight } from '../../../src/domain/resource-spec.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { aResource } from '../../support/a-resource.ts';
import { aFinding, aHost, aVm, someWeights } from '../../support/fleet.ts';
import { movesOf, request } from './support.ts';

const LEVEL: readonly Finding[] = [aFinding('level')];
const HOSTS = ['h1', 'h2'].map((id) => aHost({ id, threads: 16, memoryGib: 64 }));
const PAIR: readonly BalanceWeight[] = [{ resources: ['cpu', 'memory'], weight: 5 }];

/** CPU is level; h1 has the small guests and free memory, h2 the large ones and none. */
const GUESTS = [
  ...[1, 2, 3, 4].map((n) => aVm({ id: `s${n}`, host: 'h1', memoryGib: 1, cpuUsed: 1.5 })),
  ...[1, 2, 3, 4].map((n) => aVm({ id: `m${n}`, host: 'h2', memoryGib: 14, cpuUsed: 1.2 })),
  aVm({ id: 'd', host: 'h2', memoryGib: 1, cpuUsed: 1.2 }),
];

function asked(balance: readonly BalanceWeight[], more: Partial<PlanRequest['snapshot']> = {}) {
  const weights = someWeights({ balance });
  return request({ hosts: HOSTS, vms: GUESTS, ...more }, LEVEL, { weights });
}

function terms(wanted: PlanRequest) {
  return plan(wanted).plan.objective.terms;
}

describe('a pair of resources', () => {
  it('counts nowhere where the policy names none', () => {
    expect(movesOf(asked([]))).toEqual([]);
    expect(terms(asked([]))).not.toHaveProperty('balance');
  });

  it('has levelling leave hosts the same proportion of both', () => {
    const { balance } = terms(asked(PAIR));
    expect(movesOf(asked(PAIR)).length).toBeGreaterThan(0);
    expect(balance?.after).toBeLessThan(0.6 * (balance?.before ?? 0));
  });

  it('counts by its weight × the standard deviation of the difference', () => {
    const [cpu, memory] = [6 / 16, 57 / 63];
    const differences = [cpu - 4 / 63, cpu - memory];
    const half = Math.abs((differences[0] ?? 0) - (differences[1] ?? 0)) / 2;
    const idle = { ...asked(PAIR), findings: [] };
    expect(terms(idle)['balance']?.before).toBeCloseTo(5 * half, 1);
  });

  it('does not make CPU and memory fuller than they may be', () => {
    const full = HOSTS.map((host) => ({
      ...host,
      margins: { safety: { cpu: 0.376 as never } },
    }));
    expect(movesOf(asked(PAIR, { hosts: full }))).toEqual([]);
  });

  it('is left out where it names what is not there', () => {
    expect(movesOf(asked([{ resources: ['cpu', 'gpu'], weight: 9 }]))).toEqual([]);
  });
});

describe('a resource with a weight', () => {
  const network = (imbalance: number, h2 = 100) =>
    aResource({
      name: 'network',
      imbalance,
      has: { h1: 100, h2 },
      needs: Object.fromEntries(GUESTS.map(({ id }) => [id, id.startsWith('s') ? 20 : 0])),
    });

  it('is levelled, as far as there is room', () => {
    const asks = (weight: number, h2?: number) => asked([], { resources: [network(weight, h2)] });
    expect(movesOf(asks(0))).toEqual([]);
    const { imbalance } = terms(asks(3));
    expect(imbalance?.after).toBeLessThan(0.5 * (imbalance?.before ?? 0));
    // h2 could take none of those who need it.
    expect(movesOf(asks(3, 10)).filter((move) => move.startsWith('s'))).toEqual([]);
  });
});

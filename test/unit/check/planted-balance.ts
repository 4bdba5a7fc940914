// Role: plans that say of pairs of resources what is not so.
import type { Plan } from '../../../src/domain/plan.ts';
import { aVm, someWeights } from '../../support/fleet.ts';
import { aMove, aPlan } from '../../support/plans.ts';
import { type Planted, fleet } from './planted.ts';

/** 16 threads and 64 GiB each; v1 goes from h1 to h2. */
export const PAIRED = fleet({
  vms: [
    aVm({ id: 'v1', vcpus: 8, cpuUsed: 8, memoryGib: 16 }),
    aVm({ id: 'v2', cpuUsed: 0, memoryGib: 4 }),
    aVm({ id: 'v3', host: 'h2', cpuUsed: 0, memoryGib: 8 }),
  ],
});

/** CPU in use less memory in use, of each host. */
const BEFORE = 5 * deviation([8 / 16 - 20 / 64, -8 / 64, 0]);
const AFTER = 5 * deviation([-4 / 64, 8 / 16 - 24 / 64, 0]);
/** 16 GiB, 2 GiB for the move, a standard VM, and a weight of 0.001. */
const PRICE = 0.018 * 1.005;

export const PAIR_WEIGHTS = someWeights({
  balance: [{ resources: ['cpu', 'memory'], weight: 5 }],
});

export function saying(before = BEFORE, after = AFTER, byMove = after - before): Plan {
  const move = aMove();
  const terms = { moveCost: PRICE, balance: byMove };
  const moveCost = { before: 0, after: PRICE };
  const objective = { before: 0, after: 0, terms: { moveCost, balance: { before, after } } };
  return { ...aPlan([{ ...move, reason: { ...move.reason, terms } }]), objective };
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

const FAULTS: readonly (readonly [string, Plan])[] = [
  ['another balance of a pair before it', saying(BEFORE + 0.01, AFTER)],
  ['another balance of a pair after it', saying(BEFORE, AFTER + 0.01)],
  ['a change of a pair that its moves do not come to', saying(BEFORE, AFTER, 0)],
  ['no figure of a pair', { ...saying(), objective: aPlan([]).objective }],
];

export const WRONG_BALANCES = FAULTS.map(([what, plan]): Planted => {
  const also = what === 'no figure of a pair' ? (['cost'] as const) : [];
  return { what, code: 'balance', also, snapshot: PAIRED, more: { weights: PAIR_WEIGHTS, plan } };
});

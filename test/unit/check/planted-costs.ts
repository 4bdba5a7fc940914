// Role: moves that are said to cost what they do not.
import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { GIB, bytes } from '../../../src/domain/units.ts';
import { someWeights } from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';
import { type Planted, fleet } from './planted.ts';

/** 4 GiB, 2 GiB for the move, a standard VM, and a weight of 0.001. */
const PRICE = 0.006 * 1.005;
const FOUR_TIMES = { origin: 'test', factor: 4, from: [hostId('h1')], to: [hostId('h2')] };
const PAIR = { origin: 'test', vms: [vmId('v1'), vmId('v2')], bytes: bytes(10 * GIB) };

function costing(moveCost: number): Move {
  return aMove({ reason: { ...aMove().reason, terms: { moveCost } } });
}

const FAULTS: readonly Omit<Planted, 'code'>[] = [
  { what: 'a move said to cost nothing', moves: [costing(0)] },
  { what: 'a move without its cost', moves: [aMove()] },
  {
    what: 'a sum that leaves the cost of a move out',
    moves: [costing(PRICE)],
  },
  {
    what: 'a dear path said to cost as any other',

    snapshot: fleet({ moveCosts: { groups: [], paths: [FOUR_TIMES] } }),
    moves: [costing(PRICE)],
  },
  {
    what: 'a group that the second move pays for once more',

    snapshot: fleet({ moveCosts: { groups: [PAIR], paths: [] } }),
    moves: [costing(PRICE + 0.01), { ...costing(PRICE + 0.01), id: moveId('m2'), vm: vmId('v2') }],
  },
];

export const WRONG_COSTS = FAULTS.map((fault): Planted => {
  return { ...fault, code: 'cost', more: { weights: someWeights() } };
});

// Role: rules about hosts at the gate's last look, of the world as it is when a move may start.
import { expect, it } from 'vitest';

import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { GIB } from '../../../src/domain/units.ts';
import { misfit } from '../../../src/execute/fits.ts';
import { aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';
import { aFailoverReserve, aPreserve, aSpare } from '../../support/rule-kinds.ts';

const optional = aMove({ tier: 'optional' });
const mandatory = aMove({ tier: 'mandatory' });
const pressed = aMove({ tier: 'mandatory', overCpu: true });
const memory = { memory: { amount: 57 * GIB } };
const cpu = { cpu: { amount: 15 } };

const CASES: readonly (readonly [string, PlacementRule, Move, string | undefined])[] = [
  [
    'enough is kept free',
    aPreserve('r', ['h2'], { memory: { amount: 56 * GIB } }),
    optional,
    undefined,
  ],
  ['too little memory is kept free', aPreserve('r', ['h2'], memory), mandatory, 'r: memory'],
  ['too little CPU is kept free', aPreserve('r', ['h2'], cpu), mandatory, 'r: CPU'],
  ['as the plan said it might', aPreserve('r', ['h2'], cpu), pressed, undefined],
  ['another host is to keep it free', aPreserve('r', ['h1', 'h3'], memory), optional, undefined],
  ['a spare host', aSpare('r', ['h2']), optional, 'r'],
  ['a spare host, to empty another', aSpare('r', ['h2']), mandatory, undefined],
  ['from one spare host to another', aSpare('r', ['h1', 'h2']), optional, undefined],
  ['a reserve, which is the plan’s affair', aFailoverReserve('r', ['h2']), optional, undefined],
  ['only in the end', { ...aSpare('r', ['h2']), hold: 'finally' }, optional, undefined],
  ['soft', { ...aSpare('r', ['h2']), strength: 'soft' }, optional, undefined],
];

it.each(CASES)('%s', (...[, rule, move, expected]) => {
  const snapshot = aSnapshot({
    hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id })),
    vms: [aVm({ id: 'v1' }), aVm({ id: 'v2', host: 'h2' })],
    placement: [rule],
  });
  expect(misfit(move, snapshot, aPolicy())?.detail).toBe(expected);
});

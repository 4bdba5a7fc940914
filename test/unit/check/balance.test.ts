// Role: what the checker has nothing against in what plans say of pairs of resources. The faults
// are in planted-balance.ts.
import { expect, it } from 'vitest';

import { missingWindow } from '../../../src/domain/measured.ts';
import { someWeights } from '../../support/fleet.ts';
import { PAIRED, PAIR_WEIGHTS, saying } from './planted-balance.ts';
import { judge } from './planted.ts';

const weights = PAIR_WEIGHTS;

it('has nothing against what is so', () => {
  expect(judge(PAIRED, [], { weights, plan: saying() })).toEqual([]);
});

it('asks for it of pairs only that have a weight, and that the policy names', () => {
  const balance = [
    { resources: ['cpu', 'memory'] as const, weight: 0 },
    { resources: ['cpu', 'gpu'] as const, weight: 5 },
  ];
  const plan = saying(1, 2);
  expect(judge(PAIRED, [], { weights: someWeights({ balance }), plan })).toEqual([]);
});

it('does not reckon what is not known, but adds up what the moves are said to change', () => {
  const [first, ...others] = PAIRED.vms;
  const metrics = { 'cpu.used': missingWindow('stale') };
  const dark = { ...PAIRED, vms: first === undefined ? [] : [{ ...first, metrics }, ...others] };
  expect(judge(dark, [], { weights, plan: saying(1, 2) })).toEqual([]);
  const found = judge(dark, [], { weights, plan: saying(1, 2, 3) });
  expect(found.map(({ code }) => code)).toEqual(['balance']);
});

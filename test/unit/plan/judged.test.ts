// Role: what the search remembers of the pairs that it asked about, in both of its forms.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { FITS, Judged } from '../../../src/plan/judged.ts';

const HOSTS = 40;

it('tells the last answer of each pair, by host, however many hosts a VM was tried on', () => {
  const answer = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(FITS));
  const note = fc.tuple(fc.nat(2), fc.nat(HOSTS - 1), answer);
  fc.assert(
    fc.property(fc.array(note, { maxLength: 150 }), (notes) => {
      const judged = new Judged(HOSTS);
      const wanted = new Map<number, Map<number, number>>();
      for (const [vm, host, code] of notes) {
        judged.note(vm, host, code);
        const known = wanted.get(vm) ?? new Map<number, number>();
        wanted.set(vm, known.set(host, code));
      }
      const counts = new Map<number, number>();
      for (const vm of [0, 1, 2]) {
        const pairs = [...(wanted.get(vm) ?? [])].sort(([a], [b]) => a - b);
        expect(judged.of(vm)).toEqual(pairs);
        for (const [, code] of pairs) counts.set(code, (counts.get(code) ?? 0) + 1);
      }
      const told = [...judged.counts().entries()].filter(([, count]) => count > 0);
      expect(told).toEqual([...counts].sort(([a], [b]) => a - b));
    }),
  );
});

it('changes from a list to a row when a VM is tried on more than two dozen hosts', () => {
  const judged = new Judged(HOSTS);
  for (let host = HOSTS - 1; host >= 0; host -= 1) judged.note(7, host, host === 3 ? FITS : 1);
  expect(judged.of(7)).toHaveLength(HOSTS);
  expect(judged.of(7)[3]).toEqual([3, FITS]);
  expect(judged.counts()[1]).toBe(HOSTS - 1);
  expect(judged.of(8)).toEqual([]);
});

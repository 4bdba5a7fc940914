// Role: `bench report`: what is read of the figures, when a goal counts as met, and the table.
import { describe, expect, it } from 'vitest';

import { type Figures, tabled } from '../../bench/figures.ts';
import { BENCHES } from '../../bench/registry.ts';
import { type Reading, WORKS } from '../../bench/works.ts';

const SPREAD = { cpuSd: 0.8, memSdBefore: 16, memSd: 15.9, gib: 590 };
const GOOD = { ratio: 1.01, over: 0, together: 0, violations: 0, planSeconds: 0.009, ...SPREAD };

function fleet(size: string, figures: Partial<Record<keyof typeof GOOD, number>> = {}): Figures {
  return { fleet: size, ...GOOD, ...figures };
}

function read(name: string, rows: readonly Figures[]): Reading {
  const work = WORKS.find((one) => one.name === name);
  if (work === undefined) throw new Error(`there is no work ${name}`);
  return work.read(rows);
}

describe('a report of all benchmarks', () => {
  it('calls a goal met when each fleet meets it, and all that goes with it', () => {
    const all = [fleet('32/600'), fleet('100/2000', { planSeconds: 0.02 })];
    expect(read('relief-full', [...all, { fleets: 2 }])).toEqual({
      figure:
        'mean 1.0100, worst 1.0100; 2 of 2 within the goal; 2 within the time; ' +
        '0 hot, 0 together, 0 violations',
      isMet: true,
    });
    expect(read('relief-full', [...all, fleet('32/600', { ratio: 1.06 })]).isMet).toBe(false);
    expect(read('relief-full', [...all, fleet('32/600', { over: 1 })]).isMet).toBe(false);
    expect(read('relief-full', [...all, fleet('32/600', { planSeconds: 0.041 })]).isMet).toBe(
      false,
    );
    expect(read('relief', [fleet('32/600', { ratio: 1.021 })]).isMet).toBe(false);
  });

  it('asks levelling for spread, memory, what is moved and time', () => {
    const sizes = ['32/600', '100/2000', '320/6400', '1000/20000'];
    const levelled = (figures: Partial<Record<keyof typeof GOOD, number>>): Reading =>
      read('level', [fleet('32/600', figures), ...sizes.slice(1).map((size) => fleet(size))]);
    expect(levelled({}).isMet).toBe(true);
    expect(levelled({ cpuSd: 1.7 }).isMet).toBe(false);
    expect(levelled({ memSd: 16.1 }).isMet).toBe(false);
    expect(levelled({ gib: 601 }).isMet).toBe(false);
    expect(levelled({ planSeconds: 0.11 }).isMet).toBe(false);
  });

  it('asks set A for each instance, set B for the mean, and both for valid answers', () => {
    const rows = [0.1, 0.7].map((distance) => ({ instance: 'x', distance, valid: true }));
    expect(read('roadef-a-60', rows).isMet).toBe(false);
    expect(read('roadef-b-5', rows)).toEqual({
      figure: 'x 0.100, x 0.700; mean 0.400',
      isMet: true,
    });
    const invalid = rows.map((row) => ({ ...row, valid: false }));
    expect(read('roadef-b-5', invalid)).toMatchObject({ isMet: false });
  });

  it('meets no goal with what was not measured', () => {
    for (const { name, read: reading } of WORKS)
      expect([name, reading([]).isMet]).toEqual([name, false]);
  });

  it('names the works that there are, and what is missing', async () => {
    const report = BENCHES['report'];
    await expect(report?.run([])).rejects.toThrow('--bench DIR is missing');
    await expect(report?.run(['--bench', '.'])).rejects.toThrow('--data DIR is missing');
  });
});

describe('a table of figures', () => {
  it('has a head for each kind of row', () => {
    const rows = [{ name: 'a', seconds: 1.5 }, { name: 'long name', seconds: 10 }, { total: 2 }];
    expect([...tabled(rows)]).toEqual([
      '   name seconds',
      '      a     1.5',
      'long name      10',
      '  total',
      '      2',
    ]);
  });
});

// Role: the machine reassignment benchmark on a small instance made here: what is read, that the
// answer is valid and better than the start, how it is written, and that its check finds faults.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, describe, expect, it } from 'vitest';

import { seededRng } from '../../../src/domain/rng.ts';
import { benchRoadef } from '../../bench/roadef.ts';
import { roadefCost, roadefFaults } from '../../bench/roadef-check.ts';
import { readRoadef } from '../../bench/roadef-format.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-roadef-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Two resources (the second transient), three machines, two services, one balance. */
const TINY = `2 0 100 1 10
3
0 0 30 400 16 80 0 1 4
0 1 10 240 8 160 1 0 300
1 1 15 100 12 80 4 3 0
2 2 0 1 1 0
3
0 12 10 1000
0 10 20 100
1 6 200 1
1 0 1 20 10
1 10 100`;

/** 12 machines, 120 processes in services of three, all at home on the first half. */
function generated(): { model: string; assignment: string } {
  const rng = seededRng(5);
  const upTo = (n: number): number => 1 + Math.floor(rng.next() * n);
  const lines = ['2 0 1 1 2', '12'];
  for (let m = 0; m < 12; m += 1) {
    const costs = Array.from({ length: 12 }, (_, to) => (to === m ? 0 : upTo(3)));
    lines.push([m % 3, m % 4, 400, 600, 110, 120, ...costs].join(' '));
  }
  lines.push('40');
  for (let s = 0; s < 40; s += 1)
    lines.push(s % 5 === 0 ? '2 0' : `1 ${s % 3 === 0 ? '1 0' : '0'}`);
  lines.push('120');
  const assignment = Array.from({ length: 120 }, (_, p) => {
    lines.push([Math.floor(p / 3), upTo(20), upTo(20), upTo(5)].join(' '));
    return p % 6;
  });
  lines.push('0', '1 10 1');
  return { model: lines.join('\n'), assignment: assignment.join(' ') };
}

const random = generated();
writeFileSync(join(folder, 'model_tiny.txt'), TINY);
writeFileSync(join(folder, 'assignment_tiny.txt'), '0 1 0');
writeFileSync(join(folder, 'model_random_1.txt.gz'), gzipSync(random.model));
writeFileSync(join(folder, 'assignment_random_1.txt.gz'), gzipSync(random.assignment));

describe('bench roadef', () => {
  it('reads plain and gzipped files, and costs above a byte', () => {
    const { model, initial } = readRoadef(folder, 'tiny');
    expect([...initial]).toEqual([0, 1, 0]);
    expect([...model.moveCostTo]).toEqual([0, 1, 4, 1, 0, 300, 4, 3, 0]);
    expect(model.services[0]).toEqual({ spreadMin: 2, dependsOn: Int32Array.of() });
    expect(model.services[1]).toEqual({ spreadMin: 1, dependsOn: Int32Array.of(0) });
    expect(readRoadef(folder, 'random_1').model.processes).toBe(120);
    expect(() => readRoadef(folder, 'none')).toThrow(/neither this file nor/);
    writeFileSync(join(folder, 'model_cut.txt'), TINY.slice(0, 60));
    expect(() => readRoadef(folder, 'cut')).toThrow(/expected a number at byte/);
  });

  it('says what the formulas of the challenge say', () => {
    const instance = readRoadef(folder, 'tiny');
    // Load: 100 × (18 - 16) + 10 × (210 - 80), 100 × (10 - 8); balance on the first and the last:
    // 10 × (20 × 12 - 190), 10 × (20 × 15 - 100).
    expect(roadefCost(instance, Int32Array.of(0, 1, 0))).toBe(200 + 1300 + 200 + 500 + 2000);
    // The last goes to the third machine, which has 15 and 100: load 10 × (200 - 80) and so on.
    expect(roadefFaults(instance, Int32Array.of(0, 1, 0))).toEqual([]);
    expect(roadefFaults(instance, Int32Array.of(0, 0, 0))).toContain(
      'service 0: two on one machine',
    );
    expect(roadefFaults(instance, Int32Array.of(0, 1, 2))).toContainEqual(
      'machine 2: resource 1 is beyond its capacity',
    );
    expect(roadefFaults(instance, Int32Array.of(2, 1, 0))).toContainEqual(
      'service 0: in 1 of 2 places',
    );
    expect(roadefFaults(instance, Int32Array.of(0, 1))).toEqual(['2 processes, not 3']);
    expect(roadefFaults(instance, Int32Array.of(0, 3, 0))).toEqual([
      'process 1: there is no machine 3',
    ]);
  });

  it('counts what a moved process keeps at home while it moves', () => {
    const instance = readRoadef(folder, 'tiny');
    // 200 are held on the first machine, 350 more do not fit in its 400.
    const model = { ...instance.model, need: Float64Array.of(12, 10, 10, 350, 6, 200) };
    const at = Int32Array.of(0, 0, 1);
    expect(roadefFaults({ ...instance, model }, at)).toContain(
      'machine 0: resource 1 is beyond its capacity',
    );
    const at0 = { ...model, transient: Uint8Array.of(0, 0) };
    expect(roadefFaults({ ...instance, model: at0 }, at).join()).not.toContain('machine 0');
  });

  it('solves every instance there is, the same way each time, and writes the answer', () => {
    const out = join(folder, 'answer.txt');
    const args = [
      '--data',
      folder,
      '--steps',
      '40000',
      '--seconds',
      '60',
      '--instance',
      'random_1',
    ];
    const [first] = benchRoadef([...args, '--out', out]);
    const [second] = benchRoadef(args);
    expect(first).toMatchObject({ instance: 'random_1', valid: true });
    expect(second?.['cost']).toBe(first?.['cost']);
    expect(Number(first?.['cost'])).toBeLessThan(Number(first?.['initial']) / 2);
    const line = readFileSync(out, 'utf8');
    expect(line).toMatch(/^\d+( \d+){119}\n$/);
    const instance = readRoadef(folder, 'random_1');
    const at = Int32Array.from(line.trim().split(' '), Number);
    expect(roadefCost(instance, at)).toBe(first?.['cost']);
    expect(roadefFaults(instance, at)).toEqual([]);
  });

  it('repeats a search of two threads that is long enough for two kinds of it', () => {
    const args = ['--data', folder, '--instance', 'tiny', '--steps', '20000', '--seed', '7'];
    const [first] = benchRoadef(args);
    const [second] = benchRoadef(args);
    expect(first).toMatchObject({ valid: true });
    expect(second?.['cost']).toBe(first?.['cost']);
  });

  it('refuses what makes no sense', () => {
    expect(() => [...benchRoadef(['--data', folder, '--out', 'x'])]).toThrow(/--out/);
    expect(() => [...benchRoadef(['--seconds', 'soon'])]).toThrow(/--seconds/);
    expect(() => [...benchRoadef(['--data', join(folder)])]).toThrow(/expected a number/);
  });
});

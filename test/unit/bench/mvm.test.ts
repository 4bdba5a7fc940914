// Role: `bench mvm` on data made here in the formats of the data set: fit and predict, schedules of
// a scenario and of an instance with a fat tree, and what it says of files that are no such thing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, describe, expect, it } from 'vitest';

import { benchMvmProof } from '../../bench/mvm-proof.ts';
import { benchMvm } from '../../bench/mvm.ts';
import type { Figures } from '../../bench/figures.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-mvm-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: readonly string[]): Figures {
  for (const figures of benchMvm(args)) return figures;
  throw new Error('no figures');
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return path;
}

const COLUMNS =
  'scenario,run,vm,planned_bw_mbps,mem_used_mb,dirty_rate,max_dirty_size,max_dirty_duration,' +
  'planned_duration_s,real_duration_s,planned_start_s,real_start_s';

/** Guests that dirty nothing, over links that give 80 % of what they are said to, 3 s set-up. */
function rows(): readonly string[] {
  return Array.from({ length: 24 }, (_none, i) => {
    const memory = 1000 * (1 + (i % 3));
    const mbps = i % 2 === 0 ? 500 : 1000;
    const real = 3 + memory / ((0.8 * mbps) / 8);
    return `${1 + (i % 4)},1,${i},${mbps},${memory},0,0,2,10,${real},${i * 10},${i * 10}`;
  });
}

describe('bench mvm: predictions', () => {
  it('are made from planned columns alone, for rows in the order of the file', () => {
    const fit = file('fit.csv.gz', [COLUMNS, ...rows()].join('\n'));
    const planned = COLUMNS.replace(',real_duration_s', '').replace(',real_start_s', '');
    const asked = ['9,2,b,500,4000,0,0,2,10,0', '9,2,a,1000,2000,0,0,2,10,50'];
    const predict = file('predict.csv', [planned, ...asked, ''].join('\r\n'));
    const out = join(folder, 'out.csv');
    expect(run('--fit', fit, '--predict', predict, '--out', out)).toMatchObject({ rows: 2 });
    const [head, first = '', second = ''] = readFileSync(out, 'utf8').split('\n');
    expect(head).toBe('scenario,run,vm,predicted_duration_s');
    expect(first).toMatch(/^9,2,b,/u);
    expect(second).toMatch(/^9,2,a,/u);
    expect(Number(first.split(',')[3]) / 83).toBeCloseTo(1, 1);
    expect(Number(second.split(',')[3]) / 23).toBeCloseTo(1, 1);
  });

  it('name the line that they cannot read', () => {
    const good = file('good.csv', [COLUMNS, ...rows()].join('\n'));
    const bad = file('bad.csv', [COLUMNS, '1,1,1,fast,1,1,1,1,1,1,1,1'].join('\n'));
    expect(() => run('--fit', bad, '--predict', good)).toThrow(/bad\.csv:2: planned_bw/u);
    const empty = file('empty.csv', COLUMNS);
    expect(() => run('--fit', empty, '--predict', good)).toThrow(/no row/u);
    expect(() => run()).toThrow(TypeError);
  });
});

const VM = { memUsed: 1250, coldDirtyRate: 0, hotDirtySize: 0, hotDirtyDuration: 2 };

function memory(nodes: Record<string, number>, vms: Record<string, number>) {
  const defaults = { defConsumption: 0, defCapacity: 0 };
  return { id: 'shareableResource', rcId: 'mem', ...defaults, nodes, vms };
}

/** 1 has no room for VM 0 until VM 1 is gone, 10 s at 1 Gb/s: 30 s, over a link bound of 20. */
function waitingScenario(name: string, room = 2): string {
  const origin = {
    mapping: {
      onlineNodes: { 0: { runningVMs: [0] }, 1: { runningVMs: [1] }, 2: { runningVMs: [] } },
    },
    attributes: { vms: { 0: VM, 1: VM } },
    views: [memory({ 0: 2, 1: room, 2: 2 }, { 0: 2, 1: 2 })],
  };
  const actions = [
    { id: 'migrateVM', vm: 0, from: 0, to: 1, bw: 500 },
    { id: 'migrateVM', vm: 1, from: 1, to: 2, bw: 1000 },
  ];
  return file(name, JSON.stringify({ origin, actions }));
}

describe('bench mvm-proof', () => {
  const answer = async (...args: readonly string[]) => (await benchMvmProof(args))['answer'];

  it('proves that memory allows no schedule within so many times the link bound', async () => {
    const waiting = ['--scenario', waitingScenario('w.json')];
    expect(await answer(...waiting, '--within', '1.4')).toBe('no schedule ends by then');
    expect(await answer(...waiting, '--within', '1.5')).toBe('not ruled out');
  });

  it('rules nothing out where there is room', async () => {
    const roomy = ['--scenario', waitingScenario('r.json', 4)];
    expect(await answer(...roomy, '--within', '1')).toBe('not ruled out');
  });

  it('refuses what makes no sense', async () => {
    await expect(answer()).rejects.toThrow(/--scenario/u);
    const waiting = ['--scenario', waitingScenario('x.json')];
    await expect(answer(...waiting, '--within', '0.5')).rejects.toThrow(/--within/u);
    await expect(answer(...waiting, '--slots', '0')).rejects.toThrow(/--slots/u);
  });
});

describe('bench mvm: schedules', () => {
  it('of a scenario: bandwidth of the slower end, room on the target first', () => {
    const scenario = waitingScenario('s.json.gz');
    const out = join(folder, 'plan.json');
    const figures = run('--scenario', scenario, '--out', out);
    const totals = { instance: 's', unplaced: 0, makespanSeconds: 30, linkBoundSeconds: 20 };
    expect(figures).toMatchObject({ ...totals, moves: 2 });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
      ...totals,
      moves: [
        { vm: 0, from: 0, to: 1, startSeconds: 10, seconds: 20, bandwidthMbps: 500 },
        { vm: 1, from: 1, to: 2, startSeconds: 0, seconds: 10, bandwidthMbps: 1000 },
      ],
    });
  });

  it('of an instance: over the switches between', () => {
    // Two nodes at each of two switches; one uplink carries no more than one node does.
    const link = (id: number, type: 'node' | 'switch', low: number, high: number) => ({
      id,
      capacity: 1000,
      switch: high,
      physicalElement: { id: low, type },
    });
    const model = {
      mapping: {
        onlineNodes: {
          0: { runningVMs: [0] },
          1: { runningVMs: [1] },
          2: { runningVMs: [2] },
          3: { runningVMs: [] },
        },
      },
      attributes: { vms: { 0: VM, 1: VM, 2: VM } },
      views: [
        memory({ 0: 9, 1: 9, 2: 9, 3: 9 }, { 0: 2, 1: 2, 2: 2 }),
        {
          id: 'net',
          switches: [0, 1, 2].map((id) => ({ id, capacity: -1 })),
          links: [
            link(0, 'node', 0, 0),
            link(1, 'node', 1, 0),
            link(2, 'node', 2, 1),
            link(3, 'node', 3, 1),
            link(4, 'switch', 0, 2),
            link(5, 'switch', 1, 2),
          ],
        },
      ],
    };
    const fence = (vm: number, node: number) => ({ id: 'fence', vm, nodes: [node] });
    const constraints = [fence(0, 2), fence(1, 3), fence(2, 2), { id: 'offline', node: 0 }];
    const instance = file('i.json', JSON.stringify({ model, constraints }));
    const figures = run('--scenario', instance);
    // VM 2 stays where it is.
    expect(figures).toMatchObject({ moves: 2, makespanSeconds: 20, linkBoundSeconds: 20 });
  });

  it('says of another file that it is none', () => {
    const other = file('o.json', '{"hosts": []}');
    expect(() => run('--scenario', other)).toThrow(TypeError);
  });
});

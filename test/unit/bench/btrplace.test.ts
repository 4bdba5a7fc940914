// Role: the BtrPlace bench in small, on generated and hand-written instances: what is read, that
// plans are without violation and near the bound, and that the judge finds what is planted.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, describe, expect, it } from 'vitest';

import { fewestMoves } from '../../bench/btrplace-bound.ts';
import {
  type BtrplaceAction,
  type BtrplaceConstraint,
  type BtrplaceDocument,
  type BtrplaceOutcome,
  parseBtrplace,
} from '../../bench/btrplace-document.ts';
import { toInstance } from '../../bench/btrplace-instance.ts';
import { judgeBtrplace } from '../../bench/btrplace-judge.ts';
import { planBtrplace } from '../../bench/btrplace-plan.ts';
import { benchBtrplace } from '../../bench/btrplace.ts';
import { sampleBtrplace } from '../../support/btrplace-sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-btrplace-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Nodes 0 to 2 on and 3 off, 100 of CPU each; VMs 1 and 2 on node 0, 3 on node 1, 9 ready. */
function small(
  constraints: readonly BtrplaceConstraint[],
  cpu: Readonly<Record<string, number>> = {},
): BtrplaceDocument {
  const on = (runningVMs: readonly number[]) => ({ runningVMs, sleepingVMs: [] });
  return {
    model: {
      mapping: {
        onlineNodes: { 0: on([1, 2]), 1: on([3]), 2: on([]) },
        offlineNodes: [3],
        readyVMs: [9],
      },
      views: [
        {
          id: 'shareableResource',
          rcId: 'cpu',
          defCapacity: 100,
          defConsumption: 30,
          nodes: {},
          vms: cpu,
        },
        { id: 'ns' },
      ],
    },
    constraints,
  };
}

function solve(document: BtrplaceDocument): BtrplaceOutcome {
  return planBtrplace('test', document, toInstance(document), { seed: 1, steps: 50_000 });
}

function placesOf({ placement }: BtrplaceOutcome): Map<number, number> {
  return new Map(
    Object.entries(placement.onlineNodes).flatMap(([node, { runningVMs }]) =>
      runningVMs.map((vm) => [vm, Number(node)] as const),
    ),
  );
}

describe('a plan for a BtrPlace instance', () => {
  it('does nothing where nothing is broken', () => {
    const outcome = solve(small([{ id: 'spread', vms: [1, 3], continuous: true }]));
    expect(outcome.actions).toEqual([]);
  });

  it.each([
    { name: 'spread', constraint: { id: 'spread', vms: [1, 2] }, moves: 1 },
    { name: 'fence', constraint: { id: 'fence', vm: 1, nodes: [1, 2] }, moves: 1 },
    { name: 'ban', constraint: { id: 'ban', vm: 3, nodes: [1] }, moves: 1 },
    { name: 'preserve', constraint: { id: 'preserve', vm: 1, rc: 'cpu', amount: 80 }, moves: 1 },
    { name: 'among', constraint: { id: 'among', vms: [1, 2], parts: [[1], [2]] }, moves: 2 },
    { name: 'overbook', constraint: { id: 'overbook', node: 0, rc: 'cpu', ratio: 0.5 }, moves: 1 },
    {
      name: 'resourceCapacity',
      constraint: { id: 'resourceCapacity', nodes: [0], rc: 'cpu', amount: 40 },
      moves: 1,
    },
    { name: 'offline', constraint: { id: 'offline', node: 0 }, moves: 2 },
  ] satisfies { name: string; constraint: BtrplaceConstraint; moves: number }[])(
    'mends $name with as few moves as there have to be',
    ({ constraint, moves }) => {
      const document = small([constraint]);
      expect(judgeBtrplace(document, solve(document))).toMatchObject({ violations: [], moves });
    },
  );

  it('boots a node before VMs arrive there, and VMs where they may run', () => {
    const document = small([
      { id: 'online', node: 3 },
      { id: 'running', vm: 9 },
      { id: 'fence', vm: 9, nodes: [3] },
    ]);
    const outcome = solve(document);
    expect(judgeBtrplace(document, outcome)).toEqual({
      violations: [],
      moves: 0,
      bootsAndStops: 2,
    });
    expect(outcome.actions.map(({ id, start }) => [id, start])).toEqual([
      ['bootNode', 0],
      ['bootVM', 1],
    ]);
  });

  it('shuts a node down once its last VM has left or was stopped', () => {
    const document = small([
      { id: 'offline', node: 0 },
      { id: 'ready', vm: 1 },
    ]);
    const outcome = solve(document);
    expect(judgeBtrplace(document, outcome)).toMatchObject({ violations: [], moves: 1 });
    const last = outcome.actions.at(-1);
    expect(last).toMatchObject({ id: 'shutdownNode', node: 0 });
    expect(outcome.placement).toMatchObject({ offlineNodes: [0, 3], readyVMs: [1, 9] });
  });

  it('raises what a VM is granted when those who make room have left', () => {
    const document = small([{ id: 'preserve', vm: 1, rc: 'cpu', amount: 80 }]);
    const outcome = solve(document);
    const stays = placesOf(outcome).get(1) === 0;
    expect(stays).toBe(true);
    expect(outcome.actions).toMatchObject([
      { id: 'migrateVM', vm: 2, start: 0, end: 1 },
      { id: 'allocate', vm: 1, amount: 80, start: 1 },
    ]);
  });

  it('keeps in place who is rooted or quarantined, and lets none into quarantine', () => {
    const document = small(
      [
        { id: 'spread', vms: [1, 2], continuous: true },
        { id: 'root', vm: 1, continuous: true },
        { id: 'quarantine', node: 1, continuous: true },
      ],
      { 3: 1 },
    );
    const outcome = solve(document);
    expect(judgeBtrplace(document, outcome).violations).toEqual([]);
    expect(placesOf(outcome)).toEqual(new Map([1, 2, 3].map((vm) => [vm, [0, 0, 2, 1][vm]])));
  });

  it('refuses what it does not know, and what is no instance', () => {
    const strange = { ...small([]), constraints: [{ id: 'lonely', vms: [1] }] };
    expect(() => parseBtrplace(JSON.stringify(strange))).toThrow("constraint 'lonely'");
    expect(() => parseBtrplace('{}')).toThrow('not a BtrPlace instance');
    const several = { id: 'resourceCapacity', nodes: [0, 1], rc: 'cpu', amount: 1 } as const;
    expect(() => toInstance(small([several]))).toThrow('several nodes');
  });

  it('is good and short on generated workloads', () => {
    const sums = { li: 0, liBound: 0, nr: 0, nrBoots: 0 };
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      for (const kind of ['li', 'nr'] as const) {
        const shape = { nodes: 60, vmsPerNode: 7, constrained: 0.66, kind, seed };
        const document = sampleBtrplace(shape);
        const bound = fewestMoves(toInstance(document).problem);
        const verdict = judgeBtrplace(document, solve(document));
        expect(verdict.violations).toEqual([]);
        expect(verdict.moves).toBeGreaterThanOrEqual(bound);
        sums[kind] += verdict.moves;
        if (kind === 'li') sums.liBound += bound;
        else sums.nrBoots += verdict.bootsAndStops;
      }
    }
    expect(sums.liBound).toBeGreaterThan(40);
    expect(sums.li).toBeLessThanOrEqual(1.05 * sums.liBound);
    expect(sums.nr).toBeLessThanOrEqual(0.15 * sums.nrBoots);
  });
});

describe('the judge of BtrPlace plans', () => {
  const document = small([
    { id: 'spread', vms: [1, 3], continuous: true },
    { id: 'among', vms: [1, 2], parts: [[0, 1, 2], [3]], continuous: true },
    { id: 'preserve', vm: 2, rc: 'cpu', amount: 80 },
    { id: 'running', vm: 9 },
    { id: 'fence', vm: 9, nodes: [2], continuous: true },
  ]);
  const good = solve(document);

  function judged(change: (action: BtrplaceAction) => readonly BtrplaceAction[]): string {
    const actions = good.actions.flatMap(change);
    return judgeBtrplace(document, { ...good, actions }).violations.join('\n');
  }

  it('finds nothing in a good plan', () => {
    expect(judgeBtrplace(document, good).violations).toEqual([]);
    expect(good.actions.map(({ id }) => id).sort()).toEqual(['allocate', 'bootVM', 'migrateVM']);
  });

  it.each(['migrateVM', 'bootVM', 'allocate'])('misses %s', (id) => {
    expect(judged((action) => (action.id === id ? [] : [action]))).not.toBe('');
  });

  it('finds an arrival on a node that is off, and that leaves its part', () => {
    const found = judged((a) => [a.id === 'migrateVM' ? { ...a, to: 3 } : a]);
    expect(found).toContain('arrives on node 3, which is off');
    expect(found).toContain('among');
  });

  it('finds who meets the one he is to be kept apart from', () => {
    expect(judged((a) => [a.id === 'migrateVM' ? { ...a, to: 1 } : a])).toContain('spread');
  });

  it('finds a raise that comes before there is room', () => {
    expect(judged((a) => [a.id === 'allocate' ? { ...a, start: 0, end: 1 } : a])).toContain(
      'allocation of VM 2: cpu of node 0 110 of 100',
    );
  });

  it('finds who is moved from where he is not, or twice at once', () => {
    expect(judged((a) => [a.id === 'migrateVM' ? { ...a, from: 1 } : a])).toContain('is not there');
    expect(judged((a) => (a.id === 'migrateVM' ? [a, { ...a, to: 1 }] : [a]))).toContain(
      'two actions',
    );
  });

  it('finds a node shut down with guests, or booted while on', () => {
    const more: BtrplaceAction[] = [
      { id: 'shutdownNode', node: 1, start: 5, end: 6 },
      { id: 'bootNode', node: 0, start: 5, end: 6 },
    ];
    const found = judgeBtrplace(document, { ...good, actions: [...good.actions, ...more] });
    expect(found.violations.join('\n')).toContain('shut down with guests');
    expect(found.violations.join('\n')).toContain('booted, but not off');
  });

  it('finds a written placement that is not where the actions lead', () => {
    const placement = { ...good.placement, readyVMs: [9] };
    expect(judgeBtrplace(document, { ...good, placement }).violations).toHaveLength(1);
    const { onlineNodes } = good.placement;
    const moved = { ...onlineNodes, 2: { runningVMs: [], sleepingVMs: [] } };
    const elsewhere = { ...good.placement, onlineNodes: moved };
    expect(judgeBtrplace(document, { ...good, placement: elsewhere }).violations).not.toEqual([]);
  });
});

describe('bench btrplace', () => {
  it('yields figures for each instance of a folder and writes the outcome', () => {
    const shape = { nodes: 20, vmsPerNode: 5, constrained: 0.5, seed: 7 } as const;
    const li = JSON.stringify(sampleBtrplace({ ...shape, kind: 'li' }));
    writeFileSync(join(folder, 'a.json'), li);
    const nr = JSON.stringify(sampleBtrplace({ ...shape, kind: 'nr' }));
    writeFileSync(join(folder, 'b.json.gz'), gzipSync(nr));
    const args = ['--data', folder, '--out', join(folder, 'out')];
    const figures = [...benchBtrplace(args)];
    expect(figures).toMatchObject([
      { instance: 'a', violations: 0, bootsAndStops: 0 },
      { instance: 'b', violations: 0 },
    ]);
    const written: unknown = JSON.parse(readFileSync(join(folder, 'out', 'a.json'), 'utf8'));
    expect(written).toMatchObject({ instance: 'a', placement: { offlineNodes: [] } });
  });

  it('refuses a folder that is not there, and an instance that is not in it', () => {
    expect(() => benchBtrplace(['--data', join(folder, 'none')]).next()).toThrow('folder');
    const args = ['--data', folder, '--instance', 'zz'];
    expect(() => benchBtrplace(args).next()).toThrow('no instance zz');
    expect(() => benchBtrplace(['--seconds', '0']).next()).toThrow('--seconds');
  });
});

// Role: the neutral benchmark's fleets: what is read and asked for, that the fleet file made of one
// plans the same moves, and that the plan is written as the benchmark's judge reads it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { defaultPolicies } from '../../../src/config/policies.ts';
import { parseFleet } from '../../../src/config/fleet-file.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { plan } from '../../../src/plan/plan.ts';
import { benchConvert, benchFleet } from '../../bench/fleet.ts';
import { findingsFor, parseVmbal, toSnapshot } from '../../bench/vmbal.ts';

/** A hot host, a group that stands double, and one of another vendor that is out of reach. */
const FLEET = {
  format: 'vmbal-snapshot/1',
  name: 'tiny',
  seed: 1,
  hosts: ['intel', 'intel', 'amd'].map((cpuVendor, i) => ({
    id: `h${i + 1}`,
    cpuCores: 16,
    memMiB: 65536,
    memReservedMiB: 4096,
    cpuVendor,
    cpuModel: 'any',
    cpuGen: 1,
    rack: 'r1',
    netGbps: 10,
  })),
  vms: [7.5, 6, 0.5, 0.5].map((cpuUsedCores, i) => ({
    id: `v${i + 1}`,
    host: 'h1',
    vcpus: 8,
    cpuUsedCores,
    memMiB: 2048 * (i + 1),
    memUsedMiB: 1024,
    dirtyMiBps: 10,
    priority: 1 + (i % 3),
    groups: i > 1 ? ['g'] : [],
  })),
  antiAffinity: [{ id: 'g', hard: true, vms: ['v3', 'v4'] }],
};

const folder = mkdtempSync(join(tmpdir(), 'drover-bench-'));
const file = join(folder, 'fleet.json');
writeFileSync(file, JSON.stringify(FLEET));
afterAll(() => rmSync(folder, { recursive: true }));

function movesFor(snapshot: Snapshot): string[] {
  const { limits, migration, weights } = defaultPolicies();
  const findings = findingsFor(snapshot, 'relieve', limits.safetyCapacity.cpu);
  const result = plan({ snapshot, findings, limits, migration, weights, seed: 1 });
  return result.plan.moves.map(({ vm, from, to }) => `${vm}: ${from} > ${to}`);
}

describe('bench fleet', () => {
  it('plans, checks and writes what the judge reads', () => {
    const out = join(folder, 'plan.json');
    const figures = benchFleet(['--snapshot', file, '--out', out]);
    expect(figures).toMatchObject({ hosts: 3, vms: 4, moves: 2, violations: 0, unresolved: 0 });
    const written: unknown = JSON.parse(readFileSync(out, 'utf8'));
    expect(written).toEqual({
      planner: 'drover',
      moves: [
        { vm: 'v3', from: 'h1', to: 'h2' },
        { vm: 'v1', from: 'h1', to: 'h2' },
      ],
      stages: [[0, 1]],
    });
  });

  it('says what is wrong with its arguments', () => {
    expect(() => benchFleet([])).toThrow('--snapshot FILE is missing');
    expect(() => benchFleet(['--snapshot', file, '--goal', 'up'])).toThrow('--goal');
    expect(() => benchFleet(['--snapshot', file, '--seconds', 'x'])).toThrow('--seconds');
    expect(() => parseVmbal('{"format":"other"}')).toThrow('vmbal-snapshot/1');
  });
});

describe('bench convert', () => {
  it('makes a fleet file of which the same is planned', () => {
    const out = join(folder, 'drover-fleet.json');
    expect(benchConvert(['--snapshot', file, '--out', out])).toMatchObject({ hosts: 3, vms: 4 });
    const fleet = parseFleet(readFileSync(out, 'utf8'), out);
    expect(fleet.ok ? [] : fleet.error).toEqual([]);
    const direct = movesFor(toSnapshot(parseVmbal(JSON.stringify(FLEET))));
    expect(direct).toHaveLength(2);
    expect(fleet.ok ? movesFor(fleet.value.snapshot) : []).toEqual(direct);
  });
});

// Role: what a VM needs and a host has, with the awkward values: unknown, zero, off, huge pages.
import { describe, expect, it } from 'vitest';

import {
  cpuCapacity,
  cpuDemand,
  hugePageCapacity,
  hugePageNeed,
  memoryCapacity,
  memoryNeed,
} from '../../../src/domain/demand.ts';
import { type MissingReason, missingWindow } from '../../../src/domain/measured.ts';
import { GIB, MIB, bytes, ratio, seconds } from '../../../src/domain/units.ts';
import { aHost, aVm, held } from '../../support/fleet.ts';

describe('cpuDemand', () => {
  it('adds steal to used, and stops at the vCPUs', () => {
    const metrics = { 'cpu.used': held(1.5), 'cpu.steal': held(0.25) };
    expect(cpuDemand(aVm({ vcpus: 2, metrics }))).toMatchObject({ kind: 'known', value: 1.75 });
    expect(cpuDemand(aVm({ vcpus: 1, metrics }))).toMatchObject({ value: 1 });
  });

  it('is as old as the older of the two', () => {
    const old = { kind: 'known', value: 0.1, ageSeconds: seconds(99) } as const;
    const steal = { last: old, mean: old, p95: old, slope: old };
    const vm = aVm({ metrics: { 'cpu.used': held(1), 'cpu.steal': steal } });
    expect(cpuDemand(vm)).toMatchObject({ ageSeconds: 99 });
  });

  it('is unknown without a measurement, and never zero', () => {
    expect(cpuDemand(aVm({ metrics: {} }))).toEqual({ kind: 'missing', reason: 'never-seen' });
    const stale = { 'cpu.used': missingWindow('stale') };
    expect(cpuDemand(aVm({ metrics: stale }))).toEqual({ kind: 'missing', reason: 'stale' });
  });

  it.each<[MissingReason, string]>([
    ['unsupported', 'known'],
    ['never-seen', 'known'],
    ['stale', 'missing'],
    ['implausible', 'missing'],
    ['source-down', 'missing'],
  ])('with a steal that is %s it is %s', (reason, kind) => {
    const metrics = { 'cpu.used': held(1), 'cpu.steal': missingWindow(reason) };
    expect(cpuDemand(aVm({ metrics })).kind).toBe(kind);
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('does not believe %d', (value) => {
    const odd = { kind: 'known', value, ageSeconds: seconds(0) } as const;
    const window = { last: odd, mean: odd, p95: odd, slope: odd };
    const found = cpuDemand(aVm({ metrics: { 'cpu.used': window } }));
    expect(found).toEqual({ kind: 'missing', reason: 'implausible' });
  });

  it('is known to be nothing when the VM is off', () => {
    expect(cpuDemand(aVm({ powerState: 'off', metrics: {} }))).toMatchObject({ value: 0 });
  });
});

describe('memory', () => {
  it('is what is configured and the overhead, whatever is used', () => {
    const metrics = { 'memory.used': held(1) };
    const vm = aVm({ memoryGib: 4, overheadBytes: bytes(MIB), metrics });
    expect(memoryNeed(vm)).toBe(4 * GIB + MIB);
    expect(memoryNeed({ ...vm, powerState: 'off' })).toBe(0);
  });

  it('counts huge pages as a resource of their own, in whole pages', () => {
    const vm = aVm({
      memoryBytes: bytes(GIB + 1),
      overheadBytes: bytes(MIB),
      hugePageBytes: bytes(GIB),
    });
    expect(memoryNeed(vm)).toBe(MIB);
    expect(hugePageNeed(vm)).toEqual({ pageBytes: GIB, bytes: 2 * GIB });
    expect(hugePageNeed(aVm())).toBeUndefined();
  });

  it('of a host is what is left of the total, overcommitted; huge pages never are', () => {
    const host = aHost({
      memory: {
        totalBytes: bytes(100 * GIB),
        reservedBytes: bytes(10 * GIB),
        hugePages: [{ pageBytes: bytes(GIB), totalBytes: bytes(40 * GIB) }],
      },
    });
    expect(memoryCapacity(host, ratio(1.5))).toBe(75 * GIB);
    expect(hugePageCapacity(host, bytes(GIB))).toBe(40 * GIB);
    expect(hugePageCapacity(host, bytes(2 * MIB))).toBe(0);
  });

  it('is never less than nothing', () => {
    const memory = { totalBytes: bytes(GIB), reservedBytes: bytes(2 * GIB), hugePages: [] };
    expect(memoryCapacity(aHost({ memory }), ratio(1))).toBe(0);
  });
});

describe('cpuCapacity', () => {
  it('weighs threads by their speed', () => {
    const host = aHost({ cpu: { cores: 8, threads: 16, coreSpeed: ratio(1.25) } });
    expect(cpuCapacity(host)).toBe(20);
  });
});

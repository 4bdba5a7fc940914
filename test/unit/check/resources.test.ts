// Role: what the checker has nothing against: room of resources that is there after all. And CPU
// and memory by host. The faults are in planted-resources.ts.
import { describe, expect, it } from 'vitest';

import { GIB, bytes, ratio } from '../../../src/domain/units.ts';
import { slots } from './planted-resources.ts';
import { aMove, flight } from '../../support/plans.ts';
import { codes, fleet, judge, withTarget } from './planted.ts';

describe('check, of resources', () => {
  it('has nothing against room of what is not transient, left by one on its way', () => {
    const resources = [slots(7, { transient: false })];
    expect(judge(fleet({ resources, inFlight: [flight('v3', 'h2', 'h3')] }))).toEqual([]);
  });

  it('has nothing against a VM that needs none of what is short or not known', () => {
    const needs = { v1: 0, v2: 4 };
    expect(judge(fleet({ resources: [slots(undefined, { needs })] }))).toEqual([]);
  });

  it('has nothing against a soft resource above its safety capacity, where it is said', () => {
    const resources = [slots(8, { safety: 0.9, soft: true })];
    expect(judge(fleet({ resources }), [aMove({ overSoft: true, tier: 'mandatory' })])).toEqual([]);
  });

  it('fills a host as far as the policy says of that host', () => {
    const margins = { safety: { cpu: ratio(0.1) } };
    expect(codes(withTarget(() => ({ margins })))).toEqual(['cpu']);
    const tight = { safety: { memory: ratio(0.01) } };
    expect(codes(withTarget(() => ({ margins: tight })))).toEqual(['memory']);
    const full = withTarget(({ memory }) => ({
      memory: { ...memory, totalBytes: bytes(6 * GIB) },
    }));
    const hosts = full.hosts.map((host) => ({
      ...host,
      margins: { safety: {}, overcommitMemory: ratio(2) },
    }));
    expect(codes(full)).toEqual(['memory']);
    expect(codes({ ...full, hosts })).toEqual([]);
  });
});

// Role: the seeded fleet: legal, varied, and the same for the same seed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { buildFleet } from '../../../src/simulate/build-fleet.ts';
import type { FleetSpec } from '../../../src/simulate/fleet-spec.ts';

const DEMO = { hosts: 24, vms: 400, seed: 1 };

function expectLegal(fleet: FleetSpec): void {
  const hosts = new Map(fleet.hosts.map((host) => [host.id, host]));
  expect(hosts.size).toBe(fleet.hosts.length);
  expect(new Set(fleet.vms.map(({ facts }) => facts.id)).size).toBe(fleet.vms.length);
  const memory = new Map<string, number>();
  for (const { facts } of fleet.vms) {
    const host = hosts.get(facts.host)!;
    expect(facts.vcpus).toBeLessThanOrEqual(host.cpu.threads);
    expect(host.networks).toEqual(expect.arrayContaining([...facts.networks]));
    expect(host.storages).toContain(facts.disks[0]?.storage);
    expect(facts.cpu.vendor).toBe(host.cpu.vendor);
    expect(host.cpu.features).toEqual(expect.arrayContaining([...facts.cpu.features!]));
    memory.set(host.id, (memory.get(host.id) ?? 0) + facts.memoryBytes + facts.overheadBytes);
  }
  for (const host of fleet.hosts) {
    const free = host.memory.totalBytes - host.memory.reservedBytes;
    expect(memory.get(host.id) ?? 0).toBeLessThanOrEqual(free);
  }
  const home = new Map(fleet.vms.map(({ facts }) => [facts.id, facts.host]));
  for (const { vms } of fleet.groups) {
    expect(new Set(vms.map((vm) => home.get(vm))).size).toBe(vms.length);
  }
}

describe('buildFleet', () => {
  it('is the same for the same seed and another for another', () => {
    expect(buildFleet(DEMO)).toEqual(buildFleet(DEMO));
    expect(buildFleet({ ...DEMO, seed: 2 })).not.toEqual(buildFleet(DEMO));
  });

  it('is a datacenter with something to decide', () => {
    const fleet = buildFleet(DEMO);
    expect([fleet.hosts.length, fleet.vms.length]).toEqual([24, 400]);
    const kinds = (of: (host: FleetSpec['hosts'][number]) => string | undefined): number =>
      new Set(fleet.hosts.map(of)).size;
    expect(kinds(({ cpu }) => cpu.vendor)).toBe(2);
    expect(kinds(({ cpu }) => cpu.model)).toBeGreaterThanOrEqual(4);
    expect(kinds(({ cluster }) => cluster)).toBe(3);
    expect(kinds(({ faultDomains }) => faultDomains['rack'])).toBe(4);
    const criticalities = new Set(fleet.vms.map(({ facts }) => facts.labels['criticality']));
    expect(criticalities.size).toBe(4);
    expect(fleet.groups.length).toBeGreaterThan(50);
  });

  it('is legal for every seed and size', () => {
    const size = fc.record({
      hosts: fc.integer({ min: 1, max: 40 }),
      vms: fc.integer({ min: 0, max: 300 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(size, (options) => expectLegal(buildFleet(options))),
      { numRuns: 25 },
    );
  });

  it('stops at what fits, and refuses nonsense', () => {
    const full = buildFleet({ hosts: 1, vms: 5000, seed: 3 });
    expect(full.vms.length).toBeLessThan(500);
    expectLegal(full);
    for (const bad of [0, -1, 1.5, NaN]) {
      expect(() => buildFleet({ ...DEMO, hosts: bad })).toThrow(/hosts: expected/);
    }
    expect(() => buildFleet({ ...DEMO, vms: -1 })).toThrow(/vms: expected/);
  });
});

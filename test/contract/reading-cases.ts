// Role: contract cases about what an adapter reports: inventory, metrics, sightings.
import { expect } from 'vitest';

import { hostId, vmId } from '../../src/domain/ids.ts';
import { HOST_METRICS, VM_METRICS } from '../../src/domain/metrics.ts';
import { GIB, MIB } from '../../src/domain/units.ts';
import { adapterError, declined, OK, type Steps } from './contract-steps.ts';
import type { ContractSubject } from './contract-world.ts';
import type { Case } from './hypervisor-contract.ts';

/** How old a sample may be, and how far a source's clock may be ahead, for it to count as fresh. */
const SAMPLE_AGE_MAX_SECONDS = 120;
const CLOCK_SKEW_MAX_SECONDS = 5;

export function readingCases(declare: Case, subject: ContractSubject): void {
  declare('declares the capabilities that it is tested for', [], async ({ hypervisor }) => {
    expect(hypervisor.capabilities).toEqual(subject.capabilities);
  });

  declare('describes hosts completely and in the right units', [], async (steps) => {
    const inventory = await steps.hypervisor.inventory(steps.signal);
    for (const id of steps.world.hosts) {
      const host = inventory.hosts.find((candidate) => candidate.id === id);
      expect(host).toMatchObject({ connection: 'connected', source: steps.hypervisor.source });
      if (host === undefined) continue;
      // A host of less than 64 MiB or more than 1 PiB is a mistake in the unit.
      expect(host.memory.totalBytes).toBeGreaterThan(64 * MIB);
      expect(host.memory.totalBytes).toBeLessThan(1024 * 1024 * GIB);
      expect(host.memory.reservedBytes).toBeLessThan(host.memory.totalBytes);
      expect(host.cpu.threads).toBeGreaterThanOrEqual(host.cpu.cores);
      expect(host.cpu.cores).toBeGreaterThanOrEqual(1);
      expect(host.cpu.coreSpeed).toBeGreaterThan(0);
      // Less than 1 MiB/s was given in megabits, or in MiB/s.
      expect(host.migrationBandwidth).toBeGreaterThan(MIB);
      expect(host.cpu.features).toEqual(host.cpu.features?.toSorted());
      expect(host.hypervisor.version).toMatch(/^\d/);
      for (const place of Object.values(host.copiesTo ?? {})) {
        expect(host.storages).toContain(place);
      }
    }
  });

  declare('tells no more room on a storage than it has', [], async (steps) => {
    const { storages } = await steps.hypervisor.inventory(steps.signal);
    for (const { capacityBytes, freeBytes } of storages) {
      if (freeBytes === undefined) continue;
      expect(freeBytes).toBeGreaterThanOrEqual(0);
      expect(freeBytes).toBeLessThanOrEqual(capacityBytes ?? Infinity);
    }
  });

  declare('describes guests completely and in the right units', [], async (steps) => {
    const inventory = await steps.hypervisor.inventory(steps.signal);
    const storages = inventory.storages.map(({ id }) => id);
    for (const id of steps.world.vms) {
      const vm = inventory.vms.find((candidate) => candidate.id === id);
      const host = await steps.home(id);
      expect(vm).toMatchObject({ host, powerState: 'running', locked: false });
      if (vm === undefined) continue;
      expect(vm.vcpus).toBeGreaterThanOrEqual(1);
      expect(vm.memoryBytes).toBeGreaterThan(16 * MIB);
      expect(vm.memoryBytes).toBeLessThan(64 * 1024 * GIB);
      expect(vm.overheadBytes).toBeLessThan(vm.memoryBytes + GIB);
      expect(vm.cpu.features).toEqual(vm.cpu.features?.toSorted());
      for (const disk of vm.disks) expect(storages).toContain(disk.storage);
      for (const network of vm.networks) expect(inventory.networks).toContain(network);
    }
  });

  declare('names each host and guest once, the same in every call', [], async (steps) => {
    const ids = async (): Promise<readonly string[][]> => {
      const { hosts, vms } = await steps.hypervisor.inventory(steps.signal);
      return [hosts.map(({ id }) => id).toSorted(), vms.map(({ id }) => id).toSorted()];
    };
    const first = await ids();
    expect(await ids()).toEqual(first);
    for (const list of first) expect(new Set(list).size).toBe(list.length);
    const client = await steps.world.secondClient();
    const { hosts } = await client.inventory(steps.signal);
    expect(hosts.map(({ id }) => id).toSorted()).toEqual(first[0]);
    await client.close();
  });

  declare('reports known metrics, in bounds, freshly', [], async (steps) => {
    await steps.hypervisor.read(steps.signal); // rates need two readings
    await steps.poll();
    await expectGoodReading(steps);
  });

  declare('reports CPU and memory of every host and guest', [], async (steps) => {
    await steps.hypervisor.read(steps.signal);
    await steps.poll();
    const { samples } = await steps.hypervisor.read(steps.signal);
    for (const host of steps.world.hosts) {
      const own = samples.filter(({ entity }) => entity.kind === 'host' && entity.host === host);
      const metrics = own.map(({ metric }) => metric);
      expect(metrics).toEqual(expect.arrayContaining(['cpu.used', 'memory.used']));
    }
    for (const vm of steps.world.vms) {
      const own = samples.filter(({ entity }) => entity.kind === 'vm' && entity.vm === vm);
      expect(own.map(({ metric }) => metric)).toContain('cpu.used');
    }
  });

  declare('locates a running guest in one place, with its definition', [], async (steps) => {
    const [vm] = steps.world.vms;
    const home = await steps.home(vm);
    expect(await steps.hypervisor.locate(vm, steps.signal)).toEqual({
      sightings: [{ host: home, state: 'running', persistent: true }],
      blind: [],
    });
  });

  declare('knows no job of a guest that is not being moved', [], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    expect(await steps.hypervisor.job(order, steps.signal)).not.toHaveProperty('kind', 'running');
  });

  declare('says clearly that it does not know a guest or a host', [], async (steps) => {
    const known = await steps.order(steps.world.vms[0]);
    const stranger = vmId('00000000-0000-4000-8000-00000000beef');
    const nowhere = { ...known, to: hostId('no-such-host') };
    const found = await steps.hypervisor.locate(stranger, steps.signal);
    expect(found).toEqual({ sightings: [], blind: [] });
    const strange = steps.start({ ...known, vm: stranger });
    expect(await declined(strange)).toBeOneOf(['not-found', 'refused']);
    expect(await declined(steps.start(nowhere))).toBeOneOf(['not-found', 'refused']);
    await steps.expectRunsOnly(known.vm, known.from);
  });

  declare('sees what was moved by hand', [subject.features.moveByHand], async (steps) => {
    const [vm] = steps.world.vms;
    const target = steps.other(await steps.home(vm));
    await steps.world.moveByHand(vm, target);
    await steps.expectRunsOnly(vm, target);
    const { vms } = await steps.hypervisor.inventory(steps.signal);
    expect(vms.filter(({ id }) => id === vm).map(({ host }) => host)).toEqual([target]);
  });

  declare(
    'marks and unmarks maintenance',
    [subject.capabilities.maintenanceMode],
    async (steps) => {
      const { hypervisor, signal, world } = steps;
      for (const on of [true, true, false, false]) {
        expect(await hypervisor.setMaintenance(world.hosts[0], on, signal)).toEqual(OK);
      }
      for (const vm of world.vms) await steps.home(vm);
    },
  );

  declare('releases what it holds when it is closed, once and for all', [], async (steps) => {
    const client = await steps.world.secondClient();
    await client.inventory(steps.signal);
    await client.close();
    await client.close();
    await adapterError(client.inventory(steps.signal));
    expect((await steps.hypervisor.inventory(steps.signal)).problems).toEqual([]);
  });
}

async function expectGoodReading({ hypervisor, signal, world }: Steps): Promise<void> {
  const { hosts, vms } = await hypervisor.inventory(signal);
  const { samples, problems } = await hypervisor.read(signal);
  const now = world.clock.now();
  expect(problems).toEqual([]);
  expect(samples.length).toBeGreaterThan(0);
  for (const sample of samples) {
    const { entity, metric, value, at } = sample;
    expect(Object.keys(entity.kind === 'host' ? HOST_METRICS : VM_METRICS)).toContain(metric);
    expect(value).toSatisfy(Number.isFinite, `${metric} is finite`);
    expect(value).toBeGreaterThanOrEqual(0);
    expect(at).toBeGreaterThan(now - SAMPLE_AGE_MAX_SECONDS);
    expect(at).toBeLessThan(now + CLOCK_SKEW_MAX_SECONDS);
    if (entity.kind === 'host') {
      const host = hosts.find(({ id }) => id === entity.host);
      expect(host).toBeDefined();
      if (metric === 'cpu.used') expect(value).toBeLessThanOrEqual(host?.cpu.threads ?? 0);
      if (metric === 'memory.used') {
        expect(value).toBeLessThanOrEqual(host?.memory.totalBytes ?? 0);
        expect(value).toBeGreaterThan(MIB);
      }
    } else {
      const vm = vms.find(({ id }) => id === entity.vm);
      expect(vm).toBeDefined();
      // Sampling jitter can show a little more than all vCPUs busy.
      if (metric === 'cpu.used') expect(value).toBeLessThanOrEqual((vm?.vcpus ?? 0) * 1.1);
      if (metric === 'memory.used') expect(value).toBeLessThanOrEqual(vm?.memoryBytes ?? 0);
    }
  }
}

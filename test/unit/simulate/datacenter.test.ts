// Role: what the simulated datacenter shows of itself: load, contention, health, faults, refusals.
import { describe, expect, it } from 'vitest';

import { bytes, GIB, seconds } from '../../../src/domain/units.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';
import type { Reading } from '../../../src/ports/metric-source.ts';
import { CPU_GENERATIONS } from '../../../src/simulate/cpu-catalogue.ts';
import { buildDatacenter, SimulatedDatacenter } from '../../../src/simulate/datacenter.ts';
import { LOAD_PROFILES } from '../../../src/simulate/load-curve.ts';
import { h, simHost, simVm, v } from '../../support/datacenter.ts';
import { aMoveOrder } from '../../support/plans.ts';
import { virtualClock } from '../../support/virtual-time.ts';

const FULL = { ...LOAD_PROFILES.steady, base: 1, noise: 0 };

function value(reading: Reading, id: string, metric: string): number | undefined {
  return reading.samples.find(
    ({ entity, metric: name }) =>
      name === metric && (entity.kind === 'host' ? entity.host === id : entity.vm === id),
  )?.value;
}

function crowded(guests: number): {
  clock: ReturnType<typeof virtualClock>;
  datacenter: SimulatedDatacenter;
} {
  const clock = virtualClock();
  const vms = Array.from({ length: guests }, (_, index) => {
    return simVm(`vm-${index}`, 'a', undefined, { load: FULL, facts: { vcpus: 4 } });
  });
  const fleet = { seed: 1, hosts: [simHost('a'), simHost('b')], vms, groups: [] };
  return { clock, datacenter: new SimulatedDatacenter(fleet, clock) };
}

describe('CPU', () => {
  it('is given as wanted while there is enough', () => {
    const reading = crowded(3).datacenter.read();
    expect(value(reading, 'vm-0', 'cpu.used')).toBe(4);
    expect(value(reading, 'vm-0', 'cpu.steal')).toBe(0);
    expect(value(reading, 'a', 'cpu.used')).toBeCloseTo(12.6, 9);
  });

  it('is stolen where there is not: used and stolen add up to what was wanted', () => {
    const reading = crowded(6).datacenter.read();
    const used = value(reading, 'vm-0', 'cpu.used')!;
    const steal = value(reading, 'vm-0', 'cpu.steal')!;
    expect(used).toBeCloseTo(15.4 / 6, 9);
    expect(used + steal).toBeCloseTo(4, 9);
    expect(value(reading, 'a', 'cpu.used')).toBeLessThanOrEqual(16);
    expect(value(reading, 'a', 'psi.cpu.some')).toBeGreaterThan(0.5);
  });

  it('needs fewer of the faster threads', () => {
    const clock = virtualClock();
    const { cpu } = simHost('fast');
    const fast = simHost('fast', undefined, {
      cpu: { ...cpu, coreSpeed: 2 as typeof cpu.coreSpeed },
    });
    const vms = [simVm('x', 'fast', undefined, { load: FULL })];
    const datacenter = new SimulatedDatacenter({ seed: 1, hosts: [fast], vms, groups: [] }, clock);
    expect(value(datacenter.read(), 'x', 'cpu.used')).toBe(1);
  });

  it('surges on the guests that are there, and goes with them', async () => {
    const clock = virtualClock();
    const vms = [simVm('x', 'a'), simVm('y', 'b')];
    const fleet = { seed: 1, hosts: [simHost('a'), simHost('b')], vms, groups: [] };
    const datacenter = new SimulatedDatacenter(fleet, clock);
    const before = value(datacenter.read(), 'x', 'cpu.used')!;
    datacenter.inject({ kind: 'surge', host: h('a'), factor: 2, forSeconds: 60 });
    expect(value(datacenter.read(), 'x', 'cpu.used')).toBeCloseTo(2 * before, 9);
    datacenter.inject({ kind: 'drift', vm: v('x'), to: h('b') });
    expect(value(datacenter.read(), 'x', 'cpu.used')).toBeCloseTo(2 * before, 9);
    await clock.advance(seconds(61));
    expect(value(datacenter.read(), 'x', 'cpu.used')).toBeLessThan(1.5 * before);
  });
});

describe('health', () => {
  it('shows heat as it rises: ok, warning, critical, and ok again', async () => {
    const { clock, datacenter } = crowded(1);
    const level = (): string | undefined =>
      datacenter
        .read()
        .health.find(({ host }) => host === 'a')
        ?.signals.find(({ component }) => component === 'temperature')?.level;
    datacenter.inject({
      kind: 'overheat',
      host: h('a'),
      celsius: 60,
      rampSeconds: 600,
      forSeconds: 1200,
    });
    const levels: (string | undefined)[] = [];
    for (const wait of [0, 400, 190, 700]) {
      await clock.advance(seconds(wait));
      levels.push(level());
    }
    expect(levels).toEqual(['ok', 'warning', 'critical', 'ok']);
  });

  it('shows what exporters report, and a slow link', () => {
    const { datacenter } = crowded(1);
    const detail = '3 uncorrected memory errors on mc0';
    const fault = { kind: 'health', host: h('b'), component: 'memory', level: 'critical' } as const;
    datacenter.inject({ ...fault, detail, forSeconds: 60 });
    datacenter.inject({ kind: 'link', host: h('b'), factor: 0.5, forSeconds: 60 });
    const signals = datacenter.read().health.find(({ host }) => host === 'b')?.signals ?? [];
    expect(signals.filter(({ level }) => level !== 'ok')).toMatchObject([
      { component: 'nic', level: 'warning' },
      { component: 'memory', level: 'critical', detail },
    ]);
  });
});

describe('samples', () => {
  const corruptions = [
    ['nan', (one: number) => Number.isNaN(one)],
    ['negative', (one: number) => one < 0],
    ['absurd', (one: number) => one > 1e8],
  ] as const;
  it.each(corruptions)('can be %s, on one host only', (corruption, isBad) => {
    const { datacenter } = crowded(2);
    datacenter.inject({ kind: 'samples', host: h('a'), corruption, forSeconds: 60 });
    const reading = datacenter.read();
    expect(value(reading, 'a', 'cpu.used')).toSatisfy(isBad);
    expect(value(reading, 'vm-0', 'cpu.used')).toSatisfy(isBad);
    expect(value(reading, 'b', 'cpu.used')).not.toSatisfy(isBad);
  });

  it('can be stale, absent, repeated, or of another time', async () => {
    const { clock, datacenter } = crowded(1);
    const sampleOf = (reading: Reading) =>
      reading.samples.find(({ metric }) => metric === 'temperature');
    const inject = (corruption: 'stale' | 'absent' | 'repeating'): void => {
      datacenter.heal('samples');
      datacenter.inject({ kind: 'samples', host: h('a'), corruption, forSeconds: Infinity });
    };
    inject('stale');
    expect(sampleOf(datacenter.read())?.at).toBe(clock.now() - 3600);
    inject('absent');
    expect(sampleOf(datacenter.read())).toMatchObject({ entity: { host: 'b' } });
    inject('repeating');
    const first = sampleOf(datacenter.read());
    await clock.advance(seconds(300));
    expect(sampleOf(datacenter.read())).toEqual(first);
    datacenter.heal('samples');
    datacenter.inject({ kind: 'source-clock', delta: -100, forSeconds: 60 });
    expect(sampleOf(datacenter.read())?.at).toBe(clock.now() - 100);
  });
});

describe('what a hypervisor refuses', () => {
  const [old, young] = CPU_GENERATIONS.intel;
  const [amd] = CPU_GENERATIONS.amd;
  const clock = virtualClock();
  const big = { facts: { memoryBytes: bytes(62 * GIB) } };
  const datacenter = new SimulatedDatacenter(
    {
      seed: 1,
      hosts: [simHost('a', young), simHost('b', old), simHost('c', amd), simHost('d', young)],
      vms: [simVm('x', 'a', young), simVm('y', 'a', old), simVm('full', 'd', old, big)],
      groups: [],
    },
    clock,
  );
  const order = (vm: string, to: string): MoveOrder =>
    aMoveOrder({ vm: v(vm), from: h('a'), to: h(to) });
  const codes = (vm: string, to: string): string[] =>
    datacenter.precheck(order(vm, to)).map(({ code }) => code);

  it('names CPU features, vendors and memory, in one direction only', () => {
    expect(codes('x', 'b')).toEqual(['cpu-features']);
    expect(codes('y', 'b')).toEqual([]);
    expect(codes('y', 'c')).toEqual(['cpu-vendor']);
    expect(codes('y', 'd')).toEqual(['memory']);
    expect(codes('y', 'a')).toEqual(['same-host']);
  });

  it('names locks and maintenance while they last', () => {
    datacenter.inject({ kind: 'lock', vm: v('y'), forSeconds: Infinity });
    expect(codes('y', 'b')).toEqual(['locked']);
    expect(datacenter.startMove(order('y', 'b'))).toMatchObject({ error: { code: 'locked' } });
    datacenter.heal('lock');
    datacenter.setMaintenance(h('b'), true);
    expect(codes('y', 'b')).toEqual(['quarantined']);
    datacenter.setMaintenance(h('b'), false);
    expect(codes('y', 'b')).toEqual([]);
  });
});

describe('a whole datacenter', () => {
  it('is the same at the same time, however it got there', async () => {
    const readings = await Promise.all(
      [1, 60].map(async (steps) => {
        const clock = virtualClock();
        const datacenter = buildDatacenter({ hosts: 6, vms: 60, seed: 5 }, clock);
        for (let step = 0; step < steps; step += 1) {
          await clock.advance(seconds(3600 / steps));
          datacenter.inventory();
        }
        return datacenter.read();
      }),
    );
    expect(readings[0]).toEqual(readings[1]);
  });

  it('is not moved by a jump of the wall clock', async () => {
    const clock = virtualClock();
    const datacenter = buildDatacenter({ hosts: 2, vms: 5, seed: 5 }, clock);
    const before = datacenter.time();
    clock.jump(-7200);
    await clock.advance(seconds(10));
    expect(datacenter.time()).toBe(before + 10);
  });

  it('shows of hosts that do not answer what was last seen, and no measurements', () => {
    const datacenter = buildDatacenter({ hosts: 3, vms: 30, seed: 5 }, virtualClock());
    const lost = datacenter.fleet.hosts[0]!.id;
    const before = datacenter.inventory();
    for (const kind of ['control-cut', 'host-crash'] as const) {
      datacenter.inject({ kind, host: lost, forSeconds: Infinity });
      const { hosts, vms, problems } = datacenter.inventory();
      expect(hosts.map(({ connection }) => connection)).toEqual([
        'disconnected',
        'connected',
        'connected',
      ]);
      // As libvirt has it: nobody can tell of them whether they run.
      expect(vms).toEqual(
        before.vms.map((vm) => (vm.host === lost ? { ...vm, powerState: 'unknown' } : vm)),
      );
      expect(problems).toEqual(['host-01: no answer']);
      const { samples } = datacenter.read();
      const own = samples.filter(({ entity }) => entity.kind === 'host' && entity.host === lost);
      expect(own).toEqual([]);
    }
    expect(datacenter.truth.down().length).toBeGreaterThan(0);
  });

  it('shows a guest where it runs, not where it is only defined', async () => {
    const { datacenter } = await movedFromAToB();
    const shown = () =>
      datacenter.inventory().vms.map(({ host, powerState }) => [host, powerState]);
    expect(shown()).toEqual([['b', 'running']]);
    datacenter.inject({ kind: 'control-cut', host: h('b'), forSeconds: 60 });
    expect(shown()).toEqual([['b', 'unknown']]);
    // What was not committed is not stored: after a crash only the old definition is left.
    datacenter.inject({ kind: 'host-crash', host: h('b'), forSeconds: 60 });
    expect(shown()).toEqual([['a', 'off']]);
  });

  it('shows a guest on each host that runs it, as far as they answer', async () => {
    const { clock, datacenter } = await movedFromAToB();
    // What is stored on the old host starts with it.
    datacenter.inject({ kind: 'host-crash', host: h('a'), forSeconds: 60 });
    await clock.advance(seconds(90));
    const shown = () => datacenter.inventory().vms.map(({ id, host }) => [id, host]);
    expect(shown()).toEqual([
      ['x', 'a'],
      ['x', 'b'],
    ]);
    datacenter.inject({ kind: 'control-cut', host: h('b'), forSeconds: 60 });
    expect(shown()).toEqual([['x', 'a']]);
  });
});

/** x runs on b, and what is stored on a is not gone yet. */
async function movedFromAToB() {
  const clock = virtualClock();
  const vms = [simVm('x', 'a')];
  const fleet = { seed: 1, hosts: [simHost('a'), simHost('b')], vms, groups: [] };
  const datacenter = new SimulatedDatacenter(fleet, clock);
  datacenter.startMove(aMoveOrder({ vm: v('x'), from: h('a'), to: h('b') }));
  await clock.advance(seconds(60));
  return { clock, datacenter };
}

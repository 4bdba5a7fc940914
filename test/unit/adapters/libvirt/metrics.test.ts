// Role: counters become rates and samples in the right units; what is not known is left out.
import { describe, expect, it } from 'vitest';

import { Sampler, type RawReading } from '../../../../adapters/libvirt/metrics.ts';
import { Rates } from '../../../../adapters/libvirt/rates.ts';
import type { TypedParams } from '../../../../adapters/libvirt/native/typed-params.ts';
import { hostId } from '../../../../src/domain/ids.ts';
import { epochSeconds, MIB } from '../../../../src/domain/units.ts';
import { UUID } from './samples.ts';

type Source = 'node' | 'domains';

function reading(second: number, stats: TypedParams, more: Partial<RawReading> = {}): RawReading {
  return {
    host: hostId('h1'),
    domains: [{ uuid: UUID, stats }],
    nodeCpu: { user: second * 3e9, kernel: second * 1e9, idle: 0, iowait: 0 },
    nodeMemory: { total: 1000, free: 300, buffers: 50, cached: 150 },
    reservedMemoryBytes: MIB,
    at: epochSeconds(1000 + second),
    monotonicSeconds: second,
    ...more,
  };
}

function sampled(from: Source, ...readings: readonly RawReading[]): Record<string, number> {
  const sampler = new Sampler(new Rates(), { cpuFrom: from, memoryFrom: from });
  const all = readings.map((one) => sampler.samples(one));
  const last = all.at(-1) ?? [];
  return Object.fromEntries(
    last.map(({ entity, metric, value }) => [`${entity.kind} ${metric}`, value]),
  );
}

function busy(second: number): TypedParams {
  return {
    'cpu.time': second * 2.5e9,
    'vcpu.current': 2,
    'vcpu.maximum': 2,
    'vcpu.0.time': second * 1e9,
    'vcpu.0.delay': second * 0.25e9,
    'vcpu.1.time': second * 0.5e9,
    'vcpu.1.delay': 0,
    'net.count': 1,
    'net.0.rx.bytes': second * 100,
    'net.0.tx.bytes': second * 20,
    'block.count': 1,
    'block.0.rd.bytes': 0,
    'block.0.wr.bytes': second * 4096,
    'balloon.rss': 2048,
  };
}

describe('samples of a host', () => {
  it('are the machine’s own load and memory without caches', () => {
    const values = sampled('node', reading(10, busy(10)), reading(20, busy(20)));
    expect(values['host cpu.used']).toBeCloseTo(4);
    expect(values['host memory.used']).toBe(500 * 1024);
  });

  it('are the sum of its guests where the operator says so', () => {
    const values = sampled('domains', reading(10, busy(10)), reading(20, busy(20)));
    expect(values['host cpu.used']).toBeCloseTo(2.5);
    expect(values['host memory.used']).toBe(MIB + 2048 * 1024);
  });

  it('have no steal where the machine is shared with other hosts', () => {
    const values = sampled('domains', reading(10, busy(10)), reading(20, busy(20)));
    expect(values).toHaveProperty('vm cpu.used');
    expect(values).not.toHaveProperty('vm cpu.steal');
  });

  it('are a known nothing on a host without guests', () => {
    const none = { domains: [] };
    const values = sampled('domains', reading(10, {}, none), reading(20, {}, none));
    expect(values).toEqual({ 'host cpu.used': 0, 'host memory.used': MIB });
  });

  it('leave a sum out while one of its parts is not known yet', () => {
    const two = {
      domains: [
        { uuid: UUID, stats: busy(20) },
        { uuid: 'new', stats: busy(1) },
      ],
    };
    const values = sampled('domains', reading(10, busy(10)), reading(20, {}, two));
    expect(values).not.toHaveProperty('host cpu.used');
  });
});

describe('samples of a guest', () => {
  it('are rates per second in cores and bytes', () => {
    const values = sampled('node', reading(10, busy(10)), reading(20, busy(20)));
    expect(values).toMatchObject({
      'vm cpu.used': 1.5,
      'vm cpu.steal': 0.25,
      'vm network.used': 120,
      'vm disk.used': 4096,
    });
  });

  it('need two readings', () => {
    const values = sampled('node', reading(10, busy(10)));
    expect(Object.keys(values).filter((name) => name.startsWith('vm'))).toEqual([]);
  });

  it('start anew when the guest did', () => {
    const values = sampled('node', reading(10, busy(10)), reading(20, busy(1)));
    expect(values).not.toHaveProperty('vm cpu.used');
  });

  it('are not made when time stands still', () => {
    const values = sampled('node', reading(10, busy(10)), reading(10, busy(11)));
    expect(values).not.toHaveProperty('vm cpu.used');
  });

  it('take memory from the guest’s own word, at the time it was given', () => {
    const told = { 'balloon.available': 900, 'balloon.usable': 300, 'balloon.last-update': 990 };
    const sampler = new Sampler(new Rates(), { cpuFrom: 'node', memoryFrom: 'node' });
    const samples = sampler.samples(reading(10, told));
    expect(samples).toContainEqual({
      entity: { kind: 'vm', vm: UUID },
      metric: 'memory.used',
      value: 600 * 1024,
      at: 990,
    });
    expect(sampler.samples(reading(20, told)).map(({ at }) => at)).not.toContain(990);
  });

  it('say nothing about memory without a balloon driver', () => {
    const silent = { 'balloon.available': 900, 'balloon.usable': 300, 'balloon.last-update': 0 };
    expect(sampled('node', reading(10, silent))).not.toHaveProperty('vm memory.used');
  });

  it('hold the dirty rate once it was measured', () => {
    const measured = {
      'dirtyrate.calc_status': 2,
      'dirtyrate.calc_start_time': 990,
      'dirtyrate.calc_period': 1,
      'dirtyrate.megabytes_per_second': 12,
    };
    expect(sampled('node', reading(10, measured))['vm memory.dirty']).toBe(12 * MIB);
    const measuring = { ...measured, 'dirtyrate.calc_status': 1 };
    expect(sampled('node', reading(10, measuring))).not.toHaveProperty('vm memory.dirty');
  });
});

describe('rates', () => {
  it('forget counters whose owner is gone', () => {
    const rates = new Rates();
    rates.next('a', 10, 1);
    rates.forgetUnseen();
    rates.forgetUnseen();
    expect(rates.next('a', 30, 2)).toBeUndefined();
  });
});

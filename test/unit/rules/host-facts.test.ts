import { describe, expect, it } from 'vitest';
import { FACTS } from '../../../src/domain/facts.ts';
import type { HealthLevel, Host } from '../../../src/domain/host.ts';
import { orderId } from '../../../src/domain/ids.ts';
import { known, missing } from '../../../src/domain/measured.ts';
import { bytes, GIB, ratio, seconds } from '../../../src/domain/units.ts';
import { factsOf, hostWorlds, READERS } from '../../../src/rules/host-facts.ts';
import { aHost, aSnapshot, aVm, held, TEST_NOW } from '../../support/fleet.ts';
import { anOrder } from './support.ts';

function lookUp(host: Host, name: string, options: { overcommit?: number } = {}) {
  const vms = [
    aVm({ id: 'v1', memoryGib: 8, overheadBytes: bytes(GIB) }),
    aVm({ id: 'v2', memoryGib: 7, powerState: 'off' }),
  ];
  const snapshot = { ...aSnapshot({ vms }), hosts: [host] };
  const [world] = hostWorlds(snapshot, [], {
    overcommit: { memory: ratio(options.overcommit ?? 1) },
  });
  return factsOf(world!)(name);
}

describe('the facts', () => {
  it('are those of the catalogue, all of them', () => {
    expect([...READERS.keys()].sort()).toEqual(Object.keys(FACTS));
  });

  it('come from the metrics, and as a share of the capacity', () => {
    const host = aHost({
      threads: 32,
      memoryGib: 64,
      metrics: {
        'cpu.used': {
          last: known(8, seconds(1)),
          mean: missing('too-few-samples'),
          p95: known(16, seconds(1)),
          slope: known(-3.2, seconds(1)),
        },
        'memory.used': held(16 * GIB),
      },
    });
    expect(lookUp(host, 'host.cpu.used.last')).toEqual({ kind: 'known', value: 8 });
    expect(lookUp(host, 'host.cpu.used.ratio.p95')).toEqual({ kind: 'known', value: 0.5 });
    expect(lookUp(host, 'host.cpu.used.ratio.slope')).toEqual({ kind: 'known', value: -0.1 });
    expect(lookUp(host, 'host.cpu.used.ratio.mean')).toEqual({
      kind: 'missing',
      reason: 'too-few-samples',
    });
    expect(lookUp(host, 'host.memory.used.ratio.last')).toEqual({ kind: 'known', value: 0.25 });
    expect(lookUp(host, 'host.temperature.last')).toEqual({
      kind: 'missing',
      reason: 'never-seen',
    });
    expect(lookUp(host, 'host.no.such')).toEqual({ kind: 'missing', reason: 'unsupported' });
  });

  it('are missing, not infinite, where the capacity is nothing', () => {
    const host = aHost({ threads: 0, memoryGib: 0, cpuUsed: 1 });
    expect(lookUp(host, 'host.cpu.used.ratio.last').kind).toBe('missing');
    expect(lookUp(host, 'host.memory.configured.ratio').kind).toBe('missing');
    const garbage = aHost({
      metrics: { 'cpu.used': { ...held(1), last: known(NaN, seconds(1)) } },
    });
    expect(lookUp(garbage, 'host.cpu.used.last')).toEqual({
      kind: 'missing',
      reason: 'implausible',
    });
  });

  it('count the guests, of a host that answers only', () => {
    expect(lookUp(aHost(), 'host.vms')).toEqual({ kind: 'known', value: 1 });
    expect(lookUp(aHost({ memoryGib: 18 }), 'host.memory.configured.ratio')).toEqual({
      kind: 'known',
      value: 0.5,
    });
    expect(
      lookUp(aHost({ memoryGib: 18 }), 'host.memory.configured.ratio', { overcommit: 2 }),
    ).toEqual({ kind: 'known', value: 0.25 });
    const silent = aHost({ connection: 'disconnected' });
    expect(lookUp(silent, 'host.connection')).toEqual({ kind: 'known', value: 'disconnected' });
    for (const name of ['host.vms', 'host.memory.configured.ratio']) {
      expect(lookUp(silent, name)).toEqual({ kind: 'missing', reason: 'source-down' });
      const unread = aHost({ unlistedGuests: ['x'] });
      expect(lookUp(unread, name)).toEqual({ kind: 'missing', reason: 'never-seen' });
    }
  });

  it('take the worst sensor; without one nothing is healthy', () => {
    const signal = (level: HealthLevel, component: 'fan' | 'disk') => ({
      component,
      level,
      detail: '',
      at: TEST_NOW,
      source: aHost().source,
    });
    const host = aHost({
      health: [signal('warning', 'fan'), signal('ok', 'fan'), signal('critical', 'disk')],
    });
    expect(lookUp(host, 'host.health.fan')).toEqual({ kind: 'known', value: 'warning' });
    expect(lookUp(host, 'host.health.worst')).toEqual({ kind: 'known', value: 'critical' });
    expect(lookUp(host, 'host.health.memory')).toEqual({ kind: 'missing', reason: 'never-seen' });
    expect(lookUp(aHost(), 'host.health.worst')).toEqual({
      kind: 'missing',
      reason: 'never-seen',
    });
  });

  it('show the open order and the names of the alerts', () => {
    const evacuate = anOrder({ id: orderId('o2'), kind: 'evacuate' });
    const cases = [
      { orders: [], expected: 'none' },
      { orders: [evacuate], expected: 'evacuate' },
      { orders: [evacuate, anOrder()], expected: 'maintenance' },
      { orders: [anOrder(), evacuate], expected: 'maintenance' },
      { orders: [anOrder({ state: 'returning' })], expected: 'none' },
    ];
    for (const { orders, expected } of cases) {
      const [world] = hostWorlds(aSnapshot(), orders, { overcommit: { memory: ratio(1) } });
      expect(factsOf(world!)('host.order')).toEqual({ kind: 'known', value: expected });
    }
    const alert = { name: 'Hot', labels: {}, since: TEST_NOW };
    const host = aHost({ alerts: [alert, { ...alert, name: 'Cold' }, alert] });
    expect(lookUp(host, 'host.alerts')).toEqual({ kind: 'known', value: ['Cold', 'Hot'] });
    expect(lookUp(aHost(), 'host.alerts')).toEqual({ kind: 'known', value: [] });
  });
});

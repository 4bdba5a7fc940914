// Role: how far hosts are relieved where the fleet is nearly full.
import { describe, expect, it } from 'vitest';

import type { Finding } from '../../../src/domain/finding.ts';
import { sourceId } from '../../../src/domain/ids.ts';
import { ratio } from '../../../src/domain/units.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

const HOSTS = ['h1', 'h2', 'h3'].map((id) => aHost({ id }));

describe('relief where the fleet is nearly full', () => {
  const relieve = (host: string): Finding =>
    aFinding('relieve', { host, relieveBelow: ratio(0.75) });
  const load = (host: string, each: number, count: number) =>
    Array.from({ length: count }, (_none, i) =>
      aVm({ id: `${host}-${i}`, host, cpuUsed: each, vcpus: 4, memoryGib: 2 }),
    );
  const shareOf = (asked: PlanRequest, host: string): number => {
    const gone = new Map(plan(asked).plan.moves.map(({ vm, to }) => [vm, to]));
    const there = asked.snapshot.vms.filter((vm) => (gone.get(vm.id) ?? vm.host) === host);
    return there.reduce((sum, { metrics: { 'cpu.used': used } }) => {
      if (used?.mean.kind !== 'known') throw new Error('not measured');
      return sum + used.mean.value / 16;
    }, 0);
  };

  it('goes as far as asked while there is room', () => {
    const vms = [...load('h1', 1, 15), ...load('h2', 1, 9), ...load('h3', 1, 9)];
    const asked = request({ hosts: HOSTS, vms }, [relieve('h1')]);
    expect(shareOf(asked, 'h1')).toBe(0.75);
    expect(plan(asked).report.notes).toEqual([]);
  });

  it('else down to the safety capacity, and says so', () => {
    const vms = [...load('h1', 0.5, 29), ...load('h2', 0.5, 23), ...load('h3', 0.5, 23)];
    const asked = request({ hosts: HOSTS, vms }, [relieve('h1')]);
    expect(shareOf(asked, 'h1')).toBe(0.78125);
    expect(plan(asked).report.unresolved).toEqual([]);
    expect(plan(asked).report.notes).toEqual([
      'no room to relieve h1 as far as asked: to the safety capacity instead',
    ]);
  });

  it('asks less only of the hosts that lack the room', () => {
    const hosts = [
      ...HOSTS,
      aHost({ id: 'm1', source: sourceId('other') }),
      aHost({ id: 'm2', source: sourceId('other') }),
    ];
    const elsewhere = (vm: ReturnType<typeof aVm>) => ({ ...vm, source: sourceId('other') });
    const vms = [
      ...load('h1', 0.5, 29),
      ...load('h2', 0.5, 23),
      ...load('h3', 0.5, 23),
      ...[...load('m1', 0.5, 29), ...load('m2', 0.5, 2)].map(elsewhere),
    ];
    const asked = request({ hosts, vms }, [relieve('h1'), relieve('m1')]);
    expect(shareOf(asked, 'h1')).toBe(0.78125);
    expect(shareOf(asked, 'm1')).toBe(0.75);
  });
});

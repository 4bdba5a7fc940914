// Role: emptying hosts where no other has the CPU to spare: they are crowded, knowingly.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import { missingWindow } from '../../../src/domain/measured.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aPin, aVm, anAntiAffinity } from '../../support/fleet.ts';
import { HOSTS, movesOf, request } from './support.ts';

describe('crowding', () => {
  it('empties a host although no other has the CPU, and says so; memory stays a limit', () => {
    const vms = [
      aVm({ id: 'a', cpuUsed: 8 }),
      aVm({ id: 'b', cpuUsed: 1 }),
      aVm({ id: 'big', memoryGib: 100 }),
      aVm({ id: 'x', host: 'h2', cpuUsed: 12 }),
      aVm({ id: 'y', host: 'h3', cpuUsed: 11 }),
    ];
    const asked = request({ hosts: HOSTS, vms }, [aFinding('evacuate', { host: 'h1' })]);
    const { plan: made, report } = plan(asked);
    expect(made.moves.map(({ vm, to, overCpu }) => [vm, to, overCpu])).toEqual([
      ['a', 'h2', true],
      ['b', 'h3', undefined],
    ]);
    expect(report.notes.join()).toContain('h2 may go above it');
    expect(report.unresolved).toMatchObject([{ subject: { vm: 'big' }, code: 'memory' }]);
    expect(check({ ...asked, plan: made })).toEqual([]);
  });

  it('empties a host whose guests’ CPU nobody knows', () => {
    const unknown = { metrics: { 'cpu.used': missingWindow('stale') } } as const;
    const vms = Array.from({ length: 12 }, (_none, i) =>
      aVm({ id: `v${i}`, vcpus: 8, memoryGib: 1, ...unknown }),
    );
    const asked = request({ hosts: HOSTS, vms }, [aFinding('evacuate', { host: 'h1' })]);
    const { plan: made } = plan(asked);
    expect(made.moves).toHaveLength(12);
    expect(check({ ...asked, plan: made })).toEqual([]);
  });

  it('crowds nobody for less than an evacuation', () => {
    const vms = [
      aVm({ id: 'a', cpuUsed: 14 }),
      aVm({ id: 'x', host: 'h2', cpuUsed: 12 }),
      aVm({ id: 'y', host: 'h3', cpuUsed: 11 }),
    ];
    expect(movesOf(request({ hosts: HOSTS, vms }, [aFinding('relieve', { host: 'h1' })]))).toEqual(
      [],
    );
  });

  it('crowds no host to which the plan brings one that could wait', () => {
    // Nobody could go to h2 before x is to leave it; by then y is promised the room.
    const unknown = { metrics: { 'cpu.used': missingWindow('stale') }, vcpus: 8 } as const;
    const hosts = [8, 8, 4].map((threads, i) => aHost({ id: `h${i + 1}`, threads }));
    const vms = [
      aVm({ id: 'big', host: 'h1', ...unknown }),
      aVm({ id: 'x', host: 'h2', cpuUsed: 0 }),
      aVm({ id: 'y', host: 'h3', cpuUsed: 3 }),
    ];
    const placement = [
      anAntiAffinity('a', ['big', 'x']),
      aPin('p1', ['x'], ['h3']),
      aPin('p2', ['y'], ['h2']),
    ];
    const findings = ['p1', 'p2'].map((rule) =>
      aFinding('repair', { id: rule, trigger: { kind: 'placement', rule } }),
    );
    const evacuated = aFinding('evacuate', { host: 'h1' });
    const asked = request({ hosts, vms, placement }, [evacuated, ...findings]);
    const { plan: made } = plan(asked);
    expect(check({ ...asked, plan: made })).toEqual([]);
    expect(made.moves.map(({ vm }) => vm).toSorted()).toEqual(['x', 'y']);
  });
});

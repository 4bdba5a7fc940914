// Role: emptying hosts where no other has the CPU to spare: they are crowded, knowingly.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import { missingWindow } from '../../../src/domain/measured.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aPin, aVm, anAntiAffinity } from '../../support/fleet.ts';
import { aResource } from '../../support/a-resource.ts';
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

  it('has others make room for the memory on a host whose CPU is short', () => {
    const small = ['s-1', 's-2', 's-3'].map((id) => aVm({ id, host: 'h2', cpuUsed: 0.1 }));
    const asked = request(
      {
        hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', memoryGib: 20 }), aHost({ id: 'h3' })],
        vms: [
          aVm({ id: 'a' }),
          aVm({ id: 'busy', host: 'h2', cpuUsed: 14, memoryGib: 8, locked: true }),
          ...small,
        ],
        placement: [aPin('here', ['a'], ['h1', 'h2'])],
      },
      [aFinding('evacuate', { host: 'h1' })],
    );
    const { plan: made } = plan(asked);
    expect(made.moves.map(({ vm, to, overCpu }) => [vm, to, overCpu])).toEqual([
      ['s-1', 'h3', undefined],
      ['a', 'h2', true],
    ]);
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

  it('crowds nobody for an evacuation that can wait', () => {
    const vms = [
      aVm({ id: 'a', cpuUsed: 4 }),
      aVm({ id: 'x', host: 'h2', cpuUsed: 12 }),
      aVm({ id: 'y', host: 'h3', cpuUsed: 11 }),
    ];
    const later = aFinding('evacuate', { host: 'h1', tier: 'corrective' });
    const asked = request({ hosts: HOSTS, vms }, [later]);
    const { plan: made, report } = plan(asked);
    expect(made.moves).toEqual([]);
    expect(report.unresolved).toMatchObject([{ subject: { vm: 'a' }, code: 'cpu' }]);
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

  it.each([
    // Nobody can go to h2 before x leaves it, nor x before y, which is promised the room.
    ['crowds no host to which the plan brings one that could wait', 1, ['x', 'y']],
    // Where x can go at once, it makes room for who cannot wait, and y waits.
    ['has who is in the way of a rule make room', 0, ['big', 'x']],
  ])('%s', (_what, cpuUsed, moving) => {
    const unknown = { metrics: { 'cpu.used': missingWindow('stale') }, vcpus: 8 } as const;
    const hosts = [8, 8, 4].map((threads, i) => aHost({ id: `h${i + 1}`, threads }));
    const vms = [
      aVm({ id: 'big', host: 'h1', ...unknown }),
      aVm({ id: 'x', host: 'h2', cpuUsed }),
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
    expect(made.moves.map(({ vm }) => vm).toSorted()).toEqual(moving);
  });
});

describe('crowding with a soft resource', () => {
  const vms = [
    aVm({ id: 'a', criticality: 'mission-critical' }),
    aVm({ id: 'b' }),
    aVm({ id: 'x', host: 'h2' }),
    aVm({ id: 'y', host: 'h3' }),
  ];
  /** Up to 8 of 10 by the safety capacity; h2 has 7 in use, h3 has 5. */
  const lines = { has: { h1: 10, h2: 10, h3: 10 }, safety: 0.8, name: 'lines' };
  const needs = { a: 3, b: 3, x: 7, y: 5 };
  const out = [aFinding('evacuate', { host: 'h1' })];
  const asked = (soft: boolean, needed: Readonly<Record<string, number>> = needs) => {
    const resources = [aResource({ ...lines, soft, needs: needed })];
    return request({ hosts: HOSTS, vms, resources }, out);
  };
  const made = (soft: boolean, needed?: Readonly<Record<string, number>>) =>
    plan(asked(soft, needed)).plan.moves.map(({ vm, to, overSoft, overCpu }) => {
      return [vm, to, overSoft, overCpu];
    });

  it('fills others above its safety capacity, up to what they have, and names them', () => {
    expect(made(false)).toEqual([['a', 'h3', undefined, undefined]]);
    expect(made(true)).toEqual([
      ['a', 'h3', undefined, undefined],
      ['b', 'h2', true, undefined],
    ]);
    const wanted = asked(true);
    const { plan: sound, report } = plan(wanted);
    expect(report.notes).toEqual([
      'no room below the safety capacity of lines: h2 may go above it',
    ]);
    expect(check({ ...wanted, plan: sound })).toEqual([]);
  });

  it('never gives out more than a host has, and says what there is', () => {
    const { plan: sound, report } = plan(asked(true, { ...needs, b: 4 }));
    expect(sound.moves.map(({ vm }) => vm)).toEqual(['a']);
    expect(report.unresolved).toMatchObject([{ subject: { vm: 'b' }, code: 'resource' }]);
    expect(report.unresolved[0]?.pairs.map(({ detail }) => detail)).toEqual([
      'needs 4 of lines, 3 of lines free in all',
      'needs 4 of lines, 2 of lines free in all',
    ]);
  });

  it('bends it before CPU, and both where it takes both', () => {
    const full = [...vms.slice(0, 2), aVm({ id: 'x', host: 'h2', cpuUsed: 12.7 }), vms[3]];
    const both = request(
      {
        hosts: HOSTS.slice(0, 2),
        vms: full.flatMap((vm) => (vm === undefined || vm.id === 'y' ? [] : [vm])),
        resources: [aResource({ ...lines, soft: true, needs: { ...needs, b: 0 } })],
      },
      out,
    );
    const { moves } = plan(both).plan;
    const flags = moves.map(({ vm, overSoft, overCpu }) => [vm, overSoft, overCpu]);
    expect(flags).toContainEqual(['a', true, true]);
    expect(check({ ...both, plan: plan(both).plan })).toEqual([]);
  });

  it('bends it for nothing less than an evacuation', () => {
    const resources = [aResource({ ...lines, soft: true, needs: { ...needs, a: 6, b: 6 } })];
    const fact = 'host.resource.lines.ratio';
    const evidence = [{ fact, operator: 'greaterThan', threshold: 0.8, value: 1.2 }];
    const relief = aFinding('relieve', { host: 'h1', evidence });
    expect(movesOf(request({ hosts: HOSTS, vms, resources }, [relief]))).toEqual([]);
  });
});

// Role: levelling where it is not just one move after the other.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import { moveId } from '../../../src/domain/ids.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

const HOSTS = ['h1', 'h2', 'h3'].map((id) => aHost({ id }));

describe('levelling', () => {
  it('fills a host that relief left nearly empty, once its guest is gone', () => {
    const hosts = [...HOSTS, aHost({ id: 'large', threads: 64, memoryGib: 512 })];
    const small = ['h2', 'h3'].flatMap((host) =>
      Array.from({ length: 10 }, (_none, i) => aVm({ id: `${host}-${i}`, host, cpuUsed: 1 })),
    );
    const giant = aVm({ id: 'giant', host: 'h1', cpuUsed: 14, memoryGib: 40 });
    const asked = request({ hosts, vms: [giant, ...small] }, [
      aFinding('relieve', { host: 'h1' }),
      aFinding('level'),
    ]);
    const { moves } = plan(asked).plan;
    const { snapshot, limits, migration } = asked;
    expect(check({ snapshot, plan: plan(asked).plan, limits, migration })).toEqual([]);
    const first = moves.find(({ vm }) => vm === 'giant');
    expect(first?.to).toBe('large');
    const filling = moves.filter(({ to }) => to === 'h1');
    expect(filling.length).toBeGreaterThan(2);
    expect(filling.every(({ dependsOn }) => dependsOn.includes(first?.id ?? moveId('none')))).toBe(
      true,
    );
  });

  it('sends the VM with much memory where there is much', () => {
    // Both would take it for its CPU; one of them is short of memory.
    const vms = [
      ...Array.from({ length: 4 }, (_none, i) => aVm({ id: `a${i}`, cpuUsed: 2.5, memoryGib: 12 })),
      aVm({ id: 'b', host: 'h2', cpuUsed: 1, memoryGib: 40 }),
      aVm({ id: 'c', host: 'h3', cpuUsed: 1, memoryGib: 2 }),
    ];
    const { moves } = plan(request({ hosts: HOSTS, vms }, [aFinding('level')])).plan;
    expect(moves[0]?.to).toBe('h3');
  });

  it('breaks no soft rule for it', () => {
    const vms = Array.from({ length: 6 }, (_none, i) => aVm({ id: `a${i}`, cpuUsed: 2 }));
    const moved = (strength: 'hard' | 'soft' | undefined) => {
      const rule = {
        id: 'stay',
        strength: strength ?? 'soft',
        hold: 'always',
        origin: 'test',
        kind: 'avoid',
        vms: vms.map(({ id }) => id),
        hosts: ['h2'],
      } as never;
      const placement = strength === undefined ? [] : [rule];
      const asked = request({ hosts: HOSTS, vms, placement }, [aFinding('level')]);
      return new Set(plan(asked).plan.moves.map(({ to }) => to));
    };
    expect([...moved(undefined)].sort()).toEqual(['h2', 'h3']);
    expect([...moved('soft')]).toEqual(['h3']);
  });
});

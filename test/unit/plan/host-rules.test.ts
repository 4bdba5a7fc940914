// Role: what rules about hosts make the planner do and leave: room that is kept free, spare hosts,
// the reserve for the loss of hosts. `check` agrees each time.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import { GIB, ratio } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, explainPair, plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { aFailoverReserve, aPreserve, aSpare } from '../../support/rule-kinds.ts';
import { movesOf, request } from './support.ts';

/** Four like hosts of 16 threads and 64 GiB. */
const HOSTS = ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id, threads: 16, memoryGib: 64 }));

function asked(
  vms: readonly Vm[],
  placement: readonly PlacementRule[],
  findings: readonly Finding[],
): PlanRequest {
  return request({ hosts: HOSTS, vms, placement }, findings);
}

function on(host: string, memoryGib: number, ...ids: string[]): Vm[] {
  return ids.map((id) => aVm({ id, host, memoryGib, cpuUsed: 0.5 }));
}

/** The moves; the checker has nothing against them. */
function moves(one: PlanRequest): string[] {
  const { snapshot, limits, migration } = one;
  expect(check({ snapshot, limits, migration, plan: plan(one).plan })).toEqual([]);
  return movesOf(one);
}

function codes(one: PlanRequest, vm: string, host: string): string[] {
  return explainPair(one, vmId(vm), hostId(host)).map(({ code }) => code);
}

const evacuated = (host: string): Finding => aFinding('evacuate', { host });
const broken = (rule: string): Finding =>
  aFinding('repair', { trigger: { kind: 'placement', rule } });

const half = { memory: { share: ratio(0.5) } };

describe('preserve', () => {
  it('lets in what leaves enough free, for evacuations too', () => {
    const vms = [...on('h1', 16, 'a', 'b', 'c'), ...on('h2', 20, 'd')];
    const placement = [aPreserve('r', ['h2'], half), aPreserve('q', ['h3', 'h4'], half)];
    const one = asked(vms, placement, [evacuated('h1')]);
    expect(moves(one)).toHaveLength(3);
    expect(moves(one).join()).not.toContain('> h2');
    expect(codes(one, 'a', 'h2')).toEqual(['preserve']);
    const [refusal] = explainPair(one, vmId('a'), hostId('h2'));
    expect(refusal?.detail).toContain('free beside what is kept free');
  });

  it('leaves what finds no other place, and names the rule', () => {
    const all = ['h2', 'h3', 'h4'];
    const cpu = { cpu: { amount: 15.8 } };
    const one = asked(on('h1', 4, 'a'), [aPreserve('r', all, half), aPreserve('s', all, cpu)], []);
    expect(codes(one, 'a', 'h2')).toEqual(['preserve']);
  });

  it('is mended by the cheapest move that is enough', () => {
    const vms = [...on('h1', 20, 'a'), ...on('h1', 8, 'b', 'c'), ...on('h2', 30, 'd')];
    const one = asked(vms, [aPreserve('r', ['h1', 'h2'], half)], [broken('r')]);
    expect(moves(one)).toHaveLength(1);
    expect(moves(one)[0]).toMatch(/^[bc]: h1 > h[34]$/u);
  });

  it('asks nothing of a host that keeps enough', () => {
    const one = asked(on('h1', 20, 'a'), [aPreserve('r', ['h1', 'h2'], half)], [broken('r')]);
    expect(moves(one)).toEqual([]);
  });

  it('yields of its CPU alone where a host that has to be emptied has no other way', () => {
    const all = ['h2', 'h3', 'h4'];
    const one = asked(
      on('h1', 4, 'a'),
      [aPreserve('r', all, { cpu: { amount: 16 } })],
      [evacuated('h1')],
    );
    expect(moves(one)).toHaveLength(1);
    expect(plan(one).plan.moves[0]?.overCpu).toBe(true);
  });

  it('soft: load is not levelled against it', () => {
    const vms = on('h1', 8, 'a', 'b', 'c', 'd');
    const hot = vms.map((vm) => ({ ...vm, metrics: aVm({ cpuUsed: 2 }).metrics }));
    const soft = { ...aPreserve('r', ['h2'], { cpu: { amount: 16 } }), strength: 'soft' as const };
    const one = asked(hot, [soft], [aFinding('level')]);
    expect(moves(one).length).toBeGreaterThan(0);
    expect(moves(one).join()).not.toContain('> h2');
  });
});

describe('spare', () => {
  it('takes who has to leave a host, being the emptiest', () => {
    const vms = [...on('h1', 4, 'a'), ...on('h2', 4, 'b'), ...on('h3', 4, 'c')];
    const one = asked(vms, [aSpare('r', ['h4'])], [evacuated('h1')]);
    expect(moves(one)).toEqual(['a: h1 > h4']);
  });

  it('takes nobody else', () => {
    const vms = [...on('h1', 4, 'a', 'b')].map((vm) => ({
      ...vm,
      metrics: aVm({ cpuUsed: 8 }).metrics,
      vcpus: 8,
    }));
    const spare = aSpare('r', ['h3', 'h4', 'h2']);
    const one = asked(vms, [spare], [aFinding('relieve', { host: 'h1' })]);
    expect(moves(one)).toEqual([]);
    expect(codes(one, 'a', 'h2')).toEqual(['spare']);
    expect(moves(asked(vms, [], [aFinding('relieve', { host: 'h1' })]))).toHaveLength(1);
  });

  it('is emptied again to mend the rule', () => {
    const one = asked(on('h4', 4, 'a', 'b'), [aSpare('r', ['h4'])], [broken('r')]);
    expect(moves(one).map((move) => move.slice(0, 7))).toEqual(['a: h4 >', 'b: h4 >']);
  });
});

describe('failover-reserve', () => {
  /** Each h1..h3: 40 of 64 GiB. Together 120, on two of them 128. */
  const vms = ['h1', 'h2', 'h3'].flatMap((host) => on(host, 20, `${host}-a`, `${host}-b`));
  const rule = aFailoverReserve('r', ['h1', 'h2', 'h3']);

  it('lets nothing in that would take the room for a lost host, but who has to leave', () => {
    const more = [...vms, ...on('h4', 12, 'x'), ...on('h4', 4, 'y')];
    const idle = asked(more, [rule], []);
    expect(codes(idle, 'x', 'h1')).toEqual(['failover-reserve']);
    expect(codes(idle, 'y', 'h1')).toEqual([]);
    expect(codes(idle, 'h2-a', 'h1')).toEqual([]);
    expect(moves(asked(more, [rule], [evacuated('h4')]))).toHaveLength(2);
  });

  it('is used last by who has to leave', () => {
    // h1 to h3 are reserved for one another and empty; h4 has enough, though less.
    const busy = on('h4', 20, 'b');
    const hosts = [...HOSTS, aHost({ id: 'h5', threads: 16, memoryGib: 64 })];
    const asks = (gib: number, count: number) => {
      const leaving = on('h5', gib, ...['v', 'w', 'x'].slice(0, count));
      const reserve = aFailoverReserve('r', ['h1', 'h2', 'h3'], 3);
      return request({ hosts, vms: [...busy, ...leaving], placement: [reserve] }, [
        evacuated('h5'),
      ]);
    };
    expect(moves(asks(10, 2))).toEqual(['v: h5 > h4', 'w: h5 > h4']);
    const [first, second] = moves(asks(40, 2));
    expect(first).toBe('v: h5 > h4');
    expect(second).toMatch(/^w: h5 > h[123]$/u);
  });

  it('counts a host that is out of service as lost already', () => {
    const hosts = HOSTS.map((h) => (h.id === 'h3' ? { ...h, state: 'maintenance' as const } : h));
    const one = request({ hosts, vms: on('h4', 40, 'x'), placement: [rule] }, []);
    expect(codes(one, 'x', 'h1')).toEqual([]);
    const two = request(
      { hosts, vms: [...on('h1', 40, 'w'), ...on('h4', 40, 'x')], placement: [rule] },
      [],
    );
    expect(codes(two, 'x', 'h2')).toEqual(['failover-reserve']);
  });

  it('is mended by moves to other hosts, no more than it takes', () => {
    const full = [...vms, ...on('h1', 12, 'x'), ...on('h2', 12, 'y')];
    // 16 GiB too much: one of 20 costs less than both of 12.
    expect(moves(asked(full, [rule], [broken('r')]))).toEqual(['h1-a: h1 > h4']);
    expect(moves(asked([...vms, ...on('h1', 8, 'x')], [rule], [broken('r')]))).toEqual([]);
  });

  it('says so where there are no other hosts', () => {
    const rest = aFailoverReserve('r', ['h1', 'h2', 'h3', 'h4'], 3);
    const one = asked(vms, [rest], [broken('r')]);
    expect(moves(one)).toEqual([]);
    expect(plan(one).report.unresolved.length).toBeGreaterThan(0);
  });
});

it('amounts are in the units of the resource', () => {
  const rule = aPreserve('r', ['h2'], { memory: { amount: 60 * GIB } });
  const one = asked(on('h1', 8, 'a'), [rule], []);
  expect(codes(one, 'a', 'h2')).toEqual(['preserve']);
});

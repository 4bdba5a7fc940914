// Role: what each of the richer kinds of placement rules makes the planner do and leave: which
// targets it takes, what it mends, what it says where there is no way. `check` agrees each time.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import type { Host } from '../../../src/domain/host.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, explainPair, plan } from '../../../src/plan/plan.ts';
import {
  aFailure,
  aFinding,
  aHost,
  aPin,
  aVm,
  anAffinity,
  anAntiAffinity,
} from '../../support/fleet.ts';
import { aDependency, aLonely, aSpread, anAmong } from '../../support/rule-kinds.ts';
import { findingId, hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { movesOf, request } from './support.ts';

/** Four like hosts, h1 and h2 in rack a, h3 in b, h4 in c. */
const HOSTS = ['h1', 'h2', 'h3', 'h4'].map((id, i) =>
  aHost({ id, faultDomains: { rack: 'aabc'.charAt(i) } }),
);

function asked(
  vms: readonly Vm[],
  placement: readonly PlacementRule[],
  findings: readonly Finding[],
  hosts: readonly Host[] = HOSTS,
): PlanRequest {
  return request({ hosts, vms, placement }, findings);
}

function on(host: string, ...ids: string[]): Vm[] {
  return ids.map((id) => aVm({ id, host }));
}

/** The moves; the checker has nothing against them. */
function moves(one: PlanRequest): string[] {
  const { snapshot, limits, migration } = one;
  expect(check({ snapshot, limits, migration, plan: plan(one).plan })).toEqual([]);
  return movesOf(one);
}

function evacuated(host: string): Finding {
  return aFinding('evacuate', { host });
}

function broken(rule: string): Finding {
  return aFinding('repair', { trigger: { kind: 'placement', rule } });
}

function codesOf(one: PlanRequest, vm: string): Record<string, string[]> {
  const { hosts, vms } = one.snapshot;
  const others = hosts.filter(({ id }) => id !== vms.find((other) => other.id === vm)?.host);
  return Object.fromEntries(
    others.map(({ id }) => [id, explainPair(one, vmId(vm), hostId(id)).map(({ code }) => code)]),
  );
}

describe('anti-affinity over racks that is broken where there is no other rack', () => {
  const rack = (id: string): Host => aHost({ id, faultDomains: { rack: 'a' } });
  const apart = anAntiAffinity('r', ['v1', 'v2'], 'rack');

  it.each(['always', 'finally'] as const)('lets a VM leave within the rack (%s)', (hold) => {
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2')];
    const hosts = ['h1', 'h2', 'h3'].map(rack);
    const findings = [evacuated('h1'), broken('r')];
    const one = asked(vms, [{ ...apart, hold }], findings, hosts);
    expect(moves(one)).toEqual(['v1: h1 > h3']);
  });

  it('keeps no VM of a dead host down', () => {
    const dead = { connection: 'disconnected', failure: aFailure() } as const;
    const hosts = [aHost({ id: 'h1', faultDomains: { rack: 'a' }, ...dead }), rack('h2')];
    const vms = [aVm({ id: 'v1', permission: 'restart' }), ...on('h2', 'v2')];
    const one = asked(vms, [apart], [aFinding('restart', { host: 'h1' })], [...hosts, rack('h3')]);
    expect(moves(one)).toEqual(['v1: h1 > h3']);
  });

  it('lets nobody meet whom it did not meet before', () => {
    const hosts = [...['h1', 'h2'].map(rack), aHost({ id: 'h3', faultDomains: { rack: 'b' } })];
    const rule = anAntiAffinity('r', ['v1', 'v2', 'v3'], 'rack');
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2'), ...on('h3', 'v3')];
    const one = asked(vms, [rule], [evacuated('h3')], hosts);
    expect(moves(one)).toEqual([]);
  });
});

describe('among', () => {
  const SETS = [
    ['h1', 'h2'],
    ['h3', 'h4'],
  ];

  it('keeps an evacuated VM in the set of the others', () => {
    const rule = anAmong('r', ['v1', 'v2'], SETS);
    const one = asked([...on('h3', 'v1'), ...on('h4', 'v2')], [rule], [evacuated('h3')]);
    expect(moves(one)).toEqual(['v1: h3 > h4']);
    expect(codesOf(one, 'v1')).toEqual({ h1: ['among'], h2: ['among'], h4: [] });
  });

  it('gathers the members where most are, those outside of all sets too', () => {
    const rule = anAmong('r', ['v1', 'v2', 'v3', 'v4'], [['h1', 'h2'], ['h3']]);
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2'), ...on('h3', 'v3'), ...on('h4', 'v4')];
    const found = moves(asked(vms, [rule], [broken('r')]));
    expect(found.map((move) => move.slice(0, 8))).toEqual(['v3: h3 >', 'v4: h4 >']);
    expect(found.join()).not.toMatch(/> h[34]/u);
  });

  it('holds for a single VM', () => {
    const one = asked(on('h4', 'v1'), [anAmong('r', ['v1'], [['h1'], ['h3']])], [broken('r')]);
    expect(moves(one)).toEqual(['v1: h4 > h1']);
  });

  it('names the rule where no set has room', () => {
    const small = HOSTS.map((host) =>
      host.id === 'h4' ? aHost({ id: 'h4', memoryGib: 1 }) : host,
    );
    const rule = anAmong('r', ['v1', 'v2'], SETS);
    const one = asked(on('h3', 'v1', 'v2'), [rule], [evacuated('h3')], small);
    expect(moves(one)).toEqual([]);
    const [open] = plan(one).report.unresolved;
    expect(open?.pairs.map(({ host, code }) => [host, code])).toEqual([
      ['h1', 'among'],
      ['h2', 'among'],
      ['h4', 'memory'],
    ]);
  });
});

describe('spread', () => {
  it('keeps a group in as many racks as it is to be in', () => {
    const vms = [...on('h1', 'v1'), ...on('h3', 'v2'), ...on('h4', 'v3')];
    const one = asked(vms, [aSpread('r', ['v1', 'v2', 'v3'], 3)], [evacuated('h1')]);
    expect(moves(one)).toEqual(['v1: h1 > h2']);
    expect(codesOf(one, 'v1')).toEqual({ h2: [], h3: ['spread'], h4: ['spread'] });
  });

  it('lets a group that has more than enough go where there is room', () => {
    const vms = [...on('h1', 'v1'), ...on('h3', 'v2'), ...on('h4', 'v3')];
    const one = asked(vms, [aSpread('r', ['v1', 'v2', 'v3'], 2)], [evacuated('h1')]);
    expect(Object.values(codesOf(one, 'v1')).flat()).toEqual([]);
    expect(moves(one)).toHaveLength(1);
  });

  it('mends by moving the cheapest of a crowd, and no more than it takes', () => {
    const large = aVm({ id: 'v1', host: 'h1', memoryGib: 16 });
    const rule = aSpread('r', ['v1', 'v2', 'v3'], 2);
    const one = asked([large, ...on('h2', 'v2', 'v3')], [rule], [broken('r')]);
    expect(moves(one)).toEqual(['v2: h2 > h3']);
  });

  it('in the end: a move waits for the one that gained the domain that it gives away', () => {
    const placement = [
      { ...aSpread('s', ['b', 'c'], 2, 'host'), hold: 'finally' as const },
      aPin('p1', ['c'], ['h3']),
      aPin('p2', ['b'], ['h2']),
    ];
    const b = aVm({ id: 'b', host: 'h1', criticality: 'mission-critical' });
    const findings = ['p1', 'p2'].map((rule) =>
      aFinding('repair', { id: rule, trigger: { kind: 'placement', rule } }),
    );
    const one = asked([b, ...on('h2', 'c')], placement, findings);
    expect(moves(one)).toEqual(['c: h2 > h3', 'b: h1 > h2']);
    const [first, second] = plan(one).plan.moves;
    expect(second?.dependsOn).toEqual([first?.id]);
  });

  it('stays as broken as it was where there are too few racks, and says so', () => {
    const one = asked(on('h1', 'v1', 'v2'), [aSpread('r', ['v1', 'v2'], 2, 'row')], [broken('r')]);
    expect(moves(one)).toEqual([]);
    expect(plan(one).report.unresolved.length).toBeGreaterThan(0);
  });
});

describe('lonely', () => {
  it('keeps the only host that a large VM can go to for it', () => {
    const hosts = HOSTS.map((host, i) => aHost({ id: host.id, threads: i === 2 ? 32 : 4 }));
    const large = aVm({ id: 'v6', host: 'h4', vcpus: 8, memoryGib: 1, cpuUsed: 0 });
    const vms = [
      ...['v1', 'v2', 'v4', 'v5'].map((id) => ({ id, host: 'h1' })),
      ...['v0', 'v3'].map((id) => ({ id, host: 'h4' })),
    ].map((one) => aVm({ ...one, vcpus: 1, memoryGib: one.id === 'v0' ? 8 : 1, cpuUsed: 0 }));
    const rules = [
      { ...aLonely('r0', ['v5', 'v1']), hold: 'finally' as const },
      aLonely('r1', ['v0']),
    ];
    const findings = ['r0', 'r1'].map((id) => ({ ...broken(id), id: findingId(`repair-${id}`) }));
    const one = asked([...vms, large], rules, findings, hosts);
    expect(plan(one).report.unresolved).toEqual([]);
    expect(moves(one)).toContain('v6: h4 > h3');
  });

  it('lets nobody else in, and goes nowhere where others are', () => {
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2'), ...on('h3', 'v3')];
    const rule = aLonely('r', ['v2']);
    const toEmpty = asked(vms, [rule], [evacuated('h2')]);
    expect(moves(toEmpty)).toEqual(['v2: h2 > h4']);
    expect(codesOf(toEmpty, 'v2')).toEqual({ h1: ['lonely'], h3: ['lonely'], h4: [] });
    const others = asked(vms, [rule], [evacuated('h1'), evacuated('h4')]);
    expect(moves(others)).toEqual(['v1: h1 > h3']);
  });

  it('moves whichever side is the cheaper', () => {
    const large = aVm({ id: 'v1', host: 'h1', memoryGib: 16 });
    const alone = asked([large, ...on('h1', 'v2')], [aLonely('r', ['v1'])], [broken('r')]);
    expect(moves(alone).map((move) => move.slice(0, 6))).toEqual(['v2: h1']);
    const many = asked(on('h1', 'v1', 'v2', 'v3'), [aLonely('r', ['v1'])], [broken('r')]);
    expect(moves(many).map((move) => move.slice(0, 6))).toEqual(['v1: h1']);
  });

  it('takes one that is off for no company', () => {
    const off = aVm({ id: 'v2', host: 'h2', powerState: 'off' });
    const rule = aLonely('r', ['v1']);
    const one = asked([...on('h1', 'v1'), off], [rule], [evacuated('h1'), evacuated('h3')]);
    expect(codesOf(one, 'v1')['h2']).toEqual([]);
  });
});

describe('dependency', () => {
  const both = on('h1', 'web', 'db');

  it('keeps a VM where one is that it needs', () => {
    const rule = { ...aDependency('r', ['web'], ['db', 'db2']), hold: 'always' as const };
    const one = asked([...both, ...on('h3', 'db2')], [rule], []);
    expect(codesOf(one, 'web')).toEqual({ h2: ['dependency'], h3: [], h4: ['dependency'] });
  });

  it('keeps the last one with those who need it', () => {
    const rule = aDependency('r', ['web'], ['db', 'db2']);
    const one = asked([...both, ...on('h3', 'db2')], [rule], []);
    expect(codesOf(one, 'db')['h2']).toEqual(['dependency']);
    expect(codesOf(one, 'db2')['h2']).toEqual([]);
    const two = asked([...both, ...on('h1', 'db2')], [rule], []);
    expect(codesOf(two, 'db')['h2']).toEqual([]);
    const mutual = asked(both, [aDependency('r', ['web', 'db'], ['web', 'db'])], []);
    expect(codesOf(mutual, 'web')['h2']).toEqual(['dependency']);
  });

  it('moves those of a host together when it is emptied', () => {
    const rule = { ...aDependency('r', ['web'], ['db']), hold: 'finally' as const };
    const one = asked(both, [rule], [evacuated('h1')]);
    const [first, second] = moves(one);
    expect([first, second].map((move) => move?.slice(-2))).toEqual(
      Array.from({ length: 2 }, () => first?.slice(-2)),
    );
    expect(second).toBeDefined();
  });

  it('leaves them, if it holds always and there is no other one, and says why', () => {
    const one = asked(both, [aDependency('r', ['web'], ['db'])], [evacuated('h1')]);
    expect(moves(one)).toEqual([]);
    expect(plan(one).report.unresolved.map(({ code }) => code)).toEqual([
      'dependency',
      'dependency',
    ]);
  });

  it('holds over fault domains', () => {
    const one = asked(both, [aDependency('r', ['web'], ['db'], 'rack')], [evacuated('h1')]);
    expect(codesOf(one, 'web')).toEqual({ h2: [], h3: ['dependency'], h4: ['dependency'] });
    expect(moves(one).toSorted()).toEqual(['db: h1 > h2', 'web: h1 > h2']);
  });

  it('is mended by moving who is alone to one that it needs', () => {
    const vms = [...on('h1', 'web'), ...on('h3', 'db'), ...on('h2', 'x')];
    expect(moves(asked(vms, [aDependency('r', ['web', 'x'], ['db'])], [broken('r')]))).toEqual([
      'web: h1 > h3',
      'x: h2 > h3',
    ]);
  });

  it('counts neither who is off nor who is in flight', () => {
    const off = aVm({ id: 'db', host: 'h1', powerState: 'off' });
    const rule = aDependency('r', ['web'], ['db']);
    expect(codesOf(asked([...on('h1', 'web'), off], [rule], []), 'web')['h2']).toEqual([]);
    const { snapshot, ...rest } = asked(
      [...both, ...on('h3', 'db2')],
      [aDependency('r', ['web'], ['db', 'db2'])],
      [],
    );
    const flight = {
      move: moveId('f'),
      vm: vmId('db2'),
      from: hostId('h3'),
      to: hostId('h2'),
      method: 'pre-copy',
      startedAt: snapshot.takenAt,
    } as const;
    const one = { ...rest, snapshot: { ...snapshot, inFlight: [flight] } };
    expect(codesOf(one, 'web')).toMatchObject({ h2: ['dependency'], h3: ['dependency'] });
    expect(codesOf(one, 'db')['h4']).toEqual(['dependency']);
  });

  it('brings those home together that went together', () => {
    const evidence = [{ fact: 'vm.home', operator: 'notEqual', threshold: 'h2', value: 'h1' }];
    const home = (vm: string): Finding => aFinding('return', { id: `home-${vm}`, vm, evidence });
    const rule = { ...aDependency('r', ['web'], ['db']), hold: 'finally' as const };
    const away = on('h2', 'web', 'db');
    const both = asked(away, [rule], [home('web'), home('db')]);
    expect(moves(both).toSorted()).toEqual(['db: h2 > h1', 'web: h2 > h1']);
    expect(moves(asked(away, [rule], [home('web')]))).toEqual([]);
  });

  it('keeps who has gained one in the plan with it', () => {
    const vms = [...on('h3', 'web'), ...on('h2', 'db'), ...on('h1', 'x')];
    const soft = { ...anAffinity('s', ['web', 'x']), strength: 'soft' as const };
    const small = HOSTS.map((host) => {
      return host.id === 'h3' ? host : aHost({ id: host.id, memoryGib: host.id === 'h1' ? 9 : 5 });
    });
    const findings = [
      evacuated('h2'),
      aFinding('repair', { id: 's', tier: 'optional', trigger: { kind: 'placement', rule: 's' } }),
    ];
    const rule = aDependency('r', ['web'], ['db']);
    const one = asked(vms, [rule, soft], findings, small);
    expect(moves(one)).not.toContain('web: h3 > h1');
  });
});

import { describe, expect, it } from 'vitest';
import { clusterId, hostId, ruleId, siteId } from '../../../src/domain/ids.ts';
import type { PlacementSpec, Selector } from '../../../src/domain/policy.ts';
import { classify } from '../../../src/rules/classify.ts';
import { globMatches } from '../../../src/rules/glob.ts';
import { matches, nearness, selectableVm } from '../../../src/rules/selector.ts';
import { aHost, anAntiAffinity, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';

function selector(options: Partial<Selector> = {}): Selector {
  return { names: [], labels: {}, clusters: [], sites: [], ...options };
}

describe('a glob', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['web-*', 'web-1', true],
    ['web-*', 'db-1', false],
    ['*-prod', 'a-prod', true],
    ['*-prod', 'a-prod-2', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*a', '*a', true],
    ['*a', '*b', false],
    ['**', 'x', true],
    ['Web', 'web', false],
    ['a.c', 'abc', false],
    ['(a+)+$', 'aaaa', false],
  ])('%j on %j: %j', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
  });

  it('is not stalled by a pattern that would stall a regular expression', () => {
    expect(globMatches(`${'*a'.repeat(200)}b`, 'a'.repeat(5000))).toBe(false);
  });
});

describe('a selector', () => {
  const host = aHost({ id: 'h1', cluster: clusterId('c1'), site: siteId('berlin') });
  const vm = selectableVm(
    aVm({ id: 'uuid-1', name: 'web-1', labels: { tier: 'gold', empty: '' } }),
    host,
  );

  it('without parts means everybody', () => {
    expect(matches(selector(), vm)).toBe(true);
    expect(matches(selector(), host)).toBe(true);
  });

  it('needs every part, and any within a part', () => {
    expect(matches(selector({ names: ['db-*', 'web-*'] }), vm)).toBe(true);
    expect(matches(selector({ names: ['uuid-?'] }), vm)).toBe(true);
    expect(matches(selector({ names: ['web-*'], labels: { tier: 'silver' } }), vm)).toBe(false);
    expect(matches(selector({ labels: { tier: 'g*', empty: '*' } }), vm)).toBe(true);
    expect(matches(selector({ clusters: ['c?'], sites: ['berlin'] }), vm)).toBe(true);
  });

  it('does not match on what is not there', () => {
    expect(matches(selector({ labels: { nothing: '*' } }), vm)).toBe(false);
    expect(matches(selector({ labels: { constructor: '*' } }), vm)).toBe(false);
    const lost = selectableVm(aVm(), undefined);
    expect(matches(selector({ clusters: ['*'] }), lost)).toBe(false);
    expect(matches(selector({ sites: ['*'] }), aHost())).toBe(false);
  });

  it('is nearer by name than by label, cluster, site', () => {
    const all = [
      selector(),
      selector({ sites: ['s'] }),
      selector({ clusters: ['c'], sites: ['s'] }),
      selector({ labels: { a: 'b' } }),
      selector({ names: ['n'] }),
    ];
    expect(all.map(nearness)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('classify', () => {
  const snapshot = aSnapshot({
    hosts: [aHost({ id: 'h1', labels: { licensed: 'yes' } }), aHost({ id: 'h2' })],
    vms: [aVm({ id: 'a', labels: { tier: 'gold' } }), aVm({ id: 'b', host: 'h2' })],
  });

  it('gives the default where no rule says anything', () => {
    const { vms } = classify(snapshot, aPolicy());
    expect(vms.map((vm) => [vm.criticality, vm.permission])).toEqual([
      ['standard', 'live'],
      ['standard', 'live'],
    ]);
  });

  it('lets the nearest rule decide, and among equals the careful one, in any order', () => {
    const criticality = [
      { vms: selector({ names: ['a'] }), criticality: 'best-effort' as const },
      { vms: selector({ labels: { tier: 'gold' } }), criticality: 'mission-critical' as const },
      { vms: selector(), criticality: 'standard' as const },
      { vms: selector(), criticality: 'business' as const },
    ];
    const permissions = [
      { vms: selector({ names: ['*'] }), permission: 'restart' as const },
      { vms: selector({ names: ['a*'] }), permission: 'observe' as const },
      { vms: selector(), permission: 'live' as const },
    ];
    for (const policies of [
      aPolicy({ criticality, permissions }),
      aPolicy({ criticality: criticality.toReversed(), permissions: permissions.toReversed() }),
    ]) {
      const { vms } = classify(snapshot, policies);
      expect(vms.map((vm) => [vm.criticality, vm.permission])).toEqual([
        ['best-effort', 'observe'],
        ['business', 'restart'],
      ]);
    }
  });

  it('resolves placement rules and keeps those of the fleet file', () => {
    const spec: PlacementSpec = {
      id: 'licence',
      origin: 'p.yaml:3',
      kind: 'pin',
      strength: 'hard',
      hold: 'always',
      vms: selector({ labels: { tier: 'gold' } }),
      hosts: selector({ labels: { licensed: 'yes' } }),
      over: 'host',
    };
    const apart: PlacementSpec = {
      ...spec,
      id: 'apart',
      kind: 'anti-affinity',
      vms: selector(),
      hosts: undefined,
      over: 'rack',
    };
    const sets = [selector({ sites: ['x*'] }), selector({ labels: { licensed: 'yes' } })];
    const among: PlacementSpec = { ...spec, id: 'one', kind: 'among', hosts: undefined, sets };
    const own = anAntiAffinity('apart', ['a', 'b']);
    const { placement } = classify(
      { ...snapshot, placement: [own] },
      aPolicy({ placement: [spec, apart, among] }),
    );
    expect(placement).toEqual([
      own,
      {
        id: 'apart (p.yaml:3)',
        kind: 'anti-affinity',
        strength: 'hard',
        hold: 'always',
        origin: 'p.yaml:3',
        vms: ['a', 'b'],
        over: 'rack',
      },
      {
        id: ruleId('licence'),
        kind: 'pin',
        strength: 'hard',
        hold: 'always',
        origin: 'p.yaml:3',
        vms: ['a'],
        hosts: [hostId('h1')],
      },
      {
        id: 'one',
        kind: 'among',
        strength: 'hard',
        hold: 'always',
        origin: 'p.yaml:3',
        vms: ['a'],
        sets: [[], [hostId('h1')]],
      },
    ]);
  });
});

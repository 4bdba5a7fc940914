// Role: what each of the richer kinds of placement rules makes the planner do and leave: which
// targets it takes, what it mends, what it says where there is no way. `check` agrees each time.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import type { Host } from '../../../src/domain/host.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, explainPair, plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { anAmong } from '../../support/rule-kinds.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
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
  const others = one.snapshot.hosts.filter(({ id }) => id !== one.snapshot.vms[0]?.host);
  return Object.fromEntries(
    others.map(({ id }) => [id, explainPair(one, vmId(vm), hostId(id)).map(({ code }) => code)]),
  );
}

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

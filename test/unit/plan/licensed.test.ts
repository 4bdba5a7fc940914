// Role: licensed hosts, and room that hosts keep free in total: which targets the planner takes,
// what it mends, what it says where there is no way. `check` agrees each time.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import { bytes, cores, GIB, ratio } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, explainPair, plan } from '../../../src/plan/plan.ts';
import { breaches } from '../../../src/rules/placement-findings.ts';
import {
  aFinding,
  aHost,
  aPin,
  anAntiAffinity,
  anAvoid,
  aVm,
  someLimits,
} from '../../support/fleet.ts';
import { flight } from '../../support/plans.ts';
import { aLicensed, aTotalPreserve } from '../../support/rule-kinds.ts';
import { movesOf, request } from './support.ts';

const HOSTS = ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id }));

function on(host: string, ...ids: string[]): Vm[] {
  return ids.map((id) => aVm({ id, host }));
}

function lockedOn(host: string, id: string): Vm {
  return { ...aVm({ id, host }), locked: true };
}

function asked(vms: Vm[], rule: PlacementRule, findings: readonly Finding[]): PlanRequest {
  return request({ hosts: HOSTS, vms, placement: [rule] }, findings);
}

function moves(one: PlanRequest): string[] {
  expect(check({ ...one, plan: plan(one).plan })).toEqual([]);
  return movesOf(one);
}

function targets(one: PlanRequest): string[] {
  return [...new Set(moves(one).map((move) => move.slice(-2)))].toSorted();
}

function codesOf(one: PlanRequest, vm: string): Record<string, string[]> {
  const home = one.snapshot.vms.find(({ id }) => id === vm)?.host;
  const others = one.snapshot.hosts.filter(({ id }) => id !== home);
  return Object.fromEntries(
    others.map(({ id }) => [id, explainPair(one, vmId(vm), hostId(id)).map(({ code }) => code)]),
  );
}

/** Its rules hold at every moment. */
function alwaysIn({ snapshot }: PlanRequest): PlanRequest['snapshot'] {
  const placement = snapshot.placement.map((rule) => ({ ...rule, hold: 'always' as const }));
  return { ...snapshot, placement };
}

const evacuate = aFinding('evacuate', { host: 'h1' });
const mend = aFinding('repair', { trigger: { kind: 'placement', rule: 'r' } });
const mendOther = aFinding('repair', { id: 'z', trigger: { kind: 'placement', rule: 'z' } });
const softlyApart: PlacementRule = { ...anAntiAffinity('apart', ['v1', 'v2']), strength: 'soft' };
const wish = aFinding('repair', {
  id: 'soft',
  tier: 'optional',
  trigger: { kind: 'placement', rule: 'apart' },
});

describe('licensed', () => {
  it('keeps VMs on licensed hosts, and on so many of them', () => {
    const vms = [...on('h1', 'v1', 'v2'), ...on('h2', 'v3')];
    const some = asked(vms, aLicensed('r', ['v1', 'v2', 'v3'], 2, ['h1', 'h2', 'h3']), [evacuate]);
    expect(codesOf(some, 'v1')).toEqual({ h2: [], h3: ['licensed'], h4: ['licensed'] });
    expect(targets(some)).not.toContain('h4');
    expect(targets({ ...some, snapshot: alwaysIn(some) })).toEqual(['h2']);
    // The last one of a host takes its licence along; always, both hosts are in use meanwhile.
    const last = asked(vms.slice(1), aLicensed('r', ['v2', 'v3'], 2), [evacuate]);
    expect(codesOf(last, 'v2')).toEqual({ h2: [], h3: [], h4: [] });
    const always = { ...aLicensed('r', ['v2', 'v3'], 2), hold: 'always' } as const;
    expect(codesOf(asked(vms.slice(1), always, []), 'v2')['h3']).toEqual(['licensed']);
    expect(targets(asked(vms.slice(1), always, [evacuate]))).toEqual(['h2']);
  });

  it('has no place in use where somebody only may come', () => {
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2')];
    const rule = { ...aLicensed('r', ['v1', 'v2'], 1), hold: 'always' } as const;
    const some = asked(vms, rule, [evacuate]);
    const held = { move: moveId('m'), vm: vmId('v2'), host: hostId('h3'), cpu: cores(0) };
    const snapshot = { ...some.snapshot, reservations: [{ ...held, memoryBytes: bytes(GIB) }] };
    expect(targets({ ...some, snapshot })).toEqual(['h2']);
  });

  it('is not scattered again for a rule that only should hold', () => {
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2')];
    const rule = aLicensed('r', ['v1', 'v2'], 1);
    const placement: PlacementRule[] = [{ ...rule, hold: 'always' }, softlyApart];
    expect(moves(request({ hosts: HOSTS, vms, placement }, [mend, wish]))).toHaveLength(1);
  });

  it('is not scattered for such a rule to where one is who should not be there', () => {
    const vms = [...on('h1', 'v1', 'v2', 'v3'), ...on('h2', 'v4')];
    const placement = [aLicensed('r', ['v1', 'v2', 'v3', 'v4'], 1), softlyApart];
    expect(moves(request({ hosts: HOSTS, vms, placement }, [wish]))).toEqual([]);
    const held = vms.map((vm) => (vm.id === 'v4' ? { ...vm, locked: true } : vm));
    expect(moves(request({ hosts: HOSTS, vms: held, placement }, [mend, wish]))).toEqual([]);
  });

  it('lets all of a group take one licence along, to a licensed host', () => {
    const vms = on('h1', 'v1', 'v2', 'v3');
    const rule = aLicensed('r', ['v1', 'v2', 'v3'], 1, ['h1', 'h4']);
    expect(targets(asked(vms, rule, [evacuate]))).toEqual(['h4']);
    expect(moves(asked(vms, { ...rule, hold: 'always' }, [evacuate]))).toEqual([]);
  });

  it('is mended by gathering them where most are', () => {
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2', 'v3'), ...on('h3', 'v4', 'v5', 'v6')];
    const ids = vms.map(({ id }) => id);
    expect(moves(asked(vms, aLicensed('r', ids, 2), [mend]))).toHaveLength(1);
    expect(targets(asked(vms, aLicensed('r', ids, 1), [mend]))).toEqual(['h3']);
    const elsewhere = asked(vms, aLicensed('r', ids, 2, ['h1', 'h4']), [mend]);
    expect(targets(elsewhere)).toEqual(['h1', 'h4']);
    expect(breaches(elsewhere.snapshot, someLimits()).broken[0]?.names).toHaveLength(5);
  });

  it('is mended by gathering them where one of them has to be', () => {
    const vms = [...on('h1', 'v1', 'v2'), ...on('h2', 'v3'), lockedOn('h2', 'v4')];
    const ids = vms.map(({ id }) => id);
    const placement = [aLicensed('r', ids, 1), anAvoid('z', ['v1'], ['h1'])];
    const some = request({ hosts: HOSTS, vms, placement }, [mend, mendOther]);
    expect(moves(some)).toEqual(['v1: h1 > h2', 'v2: h1 > h2']);
  });

  it('is mended by gathering them where a rule with fewer hosts wants some of them', () => {
    const vms = [...on('h1', 'v1', 'v2'), ...on('h2', 'v3'), lockedOn('h2', 'v4')];
    const ids = vms.map(({ id }) => id);
    const placement = [aLicensed('r', ids, 1), aLicensed('z', ['v1', 'v2'], 1, ['h2'])];
    const some = request({ hosts: HOSTS, vms, placement }, [mend, mendOther]);
    expect(moves(some)).toEqual(['v1: h1 > h2', 'v2: h1 > h2']);
  });

  it('is mended by those who have to leave for another rule, each in its one move', () => {
    const hosts = [...HOSTS, aHost({ id: 'h5' })];
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2'), ...on('h3', 'v3')];
    const rule = aLicensed('r', ['v1', 'v2', 'v3'], 2);
    const placement = [rule, aPin('z', ['v2', 'v3'], ['h4', 'h5'])];
    const some = request({ hosts, vms, placement }, [mend, mendOther]);
    expect(moves(some)).toEqual(['v2: h2 > h4', 'v3: h3 > h4']);
  });

  it('is mended by making room on the hosts that are kept', () => {
    const big = aVm({ id: 'x', host: 'h2', memoryGib: 54 });
    const vms = [big, ...on('h2', 'v1', 'v2'), aVm({ id: 'v3', host: 'h1', memoryGib: 12 })];
    const one = asked(vms, aLicensed('r', ['v1', 'v2', 'v3'], 1, ['h1', 'h2']), [mend]);
    expect(moves(one).toSorted()).toEqual([
      'v3: h1 > h2',
      expect.stringMatching(/^x: h2 > h[34]$/),
    ]);
  });

  it('is a wish where it is soft', () => {
    const vms = [...on('h1', 'v1'), ...on('h2', 'v2', 'v3')];
    const soft = { ...aLicensed('r', ['v1', 'v2', 'v3'], 1), strength: 'soft' } as const;
    expect(moves(asked(vms, soft, [{ ...mend, tier: 'optional' }]))).toEqual(['v1: h1 > h2']);
    expect(targets(asked(vms, soft, [evacuate]))).toEqual(['h2']);
    const full = [...vms, aVm({ id: 'x', host: 'h2', memoryGib: 54 })];
    expect(targets(asked(full, soft, [evacuate]))).not.toEqual(['h2']);
  });

  it('does not go by a host that one has left for sure who may be taken back to it', () => {
    const left = flight('v1', 'h2', 'h4');
    const vms = [...on('h4', 'v1'), ...on('h1', 'v2')];
    const rule = { ...aLicensed('r', ['v1', 'v2'], 1, ['h1', 'h2']), hold: 'always' } as const;
    const one = asked(vms, rule, [evacuate]);
    expect(moves({ ...one, snapshot: { ...one.snapshot, inFlight: [left] } })).toEqual([]);
  });

  it('says which rule keeps a host from being emptied', () => {
    const { unresolved } = plan(
      asked(on('h1', 'v1'), aLicensed('r', ['v1'], 1, ['h1']), [evacuate]),
    ).report;
    expect(unresolved).toMatchObject([{ subject: { vm: 'v1' }, code: 'licensed' }]);
    expect(unresolved[0]?.proof?.text).toContain('r (test)');
  });
});

it('licensed hosts: who stands badly only since a host was relieved is mended, or told', () => {
  const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id, threads: 8 }));
  const used = { a: 3, b: 3, c: 2, d: 3, x: 4 };
  const at = { a: 'h1', b: 'h1', c: 'h2', d: 'h3', x: 'h3' };
  const vms = Object.entries(used).map(([id, cpuUsed]) => {
    const memoryGib = id === 'x' ? 40 : 4;
    return aVm({ id, host: at[id as keyof typeof at], cpuUsed, vcpus: 4, memoryGib });
  });
  const one = request({ hosts, vms, placement: [aLicensed('r', ['a', 'b', 'c', 'd'], 1)] }, [
    aFinding('repair', { trigger: { kind: 'placement', rule: 'r' } }),
    aFinding('relieve', { host: 'h3' }),
  ]);
  // As many are on h2 then as on h1, which has less room.
  expect(moves(one)).toEqual(['d: h3 > h2']);
  const { unresolved } = plan(one).report;
  expect(unresolved.map(({ subject }) => subject)).toEqual([
    { kind: 'vm', vm: 'a' },
    { kind: 'vm', vm: 'b' },
  ]);
});

describe('preserve in total', () => {
  const vms = [...on('h1', 'v1'), ...on('h2', 'x', 'y')];
  const keeping = (gib: number) =>
    aTotalPreserve('r', ['h2', 'h3'], { memory: { amount: gib * GIB } });

  it('lets in what leaves so much free, wherever it is', () => {
    // 128 GiB in all, 8 of it taken; v1 needs 4.
    const none = asked(vms, keeping(117), [evacuate]);
    expect(codesOf(none, 'v1')).toEqual({ h2: ['preserve'], h3: ['preserve'], h4: [] });
    expect(targets(none)).toEqual(['h4']);
    expect(codesOf(asked(vms, keeping(116), []), 'v1')).toEqual({ h2: [], h3: [], h4: [] });
    expect(codesOf(none, 'x')).toMatchObject({ h3: [] });
  });

  it('is mended by VMs that leave the hosts', () => {
    const one = asked(vms, keeping(123), [mend]);
    expect(moves(one)).toHaveLength(1);
    expect(targets(one)).not.toContain('h3');
    const [breach] = breaches(one.snapshot, someLimits()).broken;
    expect(breach?.names).toEqual(['all together have 120.0 GiB memory free, not 123.0 GiB']);
    expect(breaches(asked(vms, keeping(120), []).snapshot, someLimits()).broken).toEqual([]);
  });

  it('gives CPU to what cannot wait where no other host has any', () => {
    const hosts = ['h1', 'h2'].map((id) => aHost({ id }));
    const rule = aTotalPreserve('r', ['h2'], { cpu: { share: ratio(0.99) } });
    const one = request({ hosts, vms: on('h1', 'v1'), placement: [rule] }, [evacuate]);
    expect(moves(one)).toEqual(['v1: h1 > h2']);
    expect(plan(one).plan.moves[0]?.overCpu).toBe(true);
  });
});

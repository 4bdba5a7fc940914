// Role: a parted group whose smaller part cannot move is gathered where that part is, and what is
// said of a broken rule is certain only where no other VM's move would mend it.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Host } from '../../../src/domain/host.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aPin,
  aVm,
  anAffinity,
  anAntiAffinity,
  type VmOptions,
} from '../../support/fleet.ts';
import { aDependency, aLicensed, aLonely, aSpread, anAmong } from '../../support/rule-kinds.ts';
import { HOSTS, movesOf, request } from './support.ts';

/** With the finding that the rule `r` is broken. */
function asked(
  vms: readonly Vm[],
  placement: readonly PlacementRule[],
  hosts: readonly Host[] = HOSTS,
): PlanRequest {
  const trigger = { kind: 'placement', rule: 'r' } as const;
  return request({ hosts, vms, placement }, [aFinding('repair', { trigger })]);
}

/** The moves; the checker has nothing against them. */
function moves(one: PlanRequest): string[] {
  const { snapshot, limits, migration } = one;
  expect(check({ snapshot, limits, migration, plan: plan(one).plan })).toEqual([]);
  return movesOf(one).toSorted();
}

/** Whether what is said of each VM that stays is certain. */
function certainty(one: PlanRequest): (boolean | undefined)[] {
  expect(moves(one)).toEqual([]);
  return plan(one).report.unresolved.map(({ proof }) => proof?.certain);
}

function guests(...options: VmOptions[]): Vm[] {
  return options.map(aVm);
}

describe('a parted group', () => {
  const rest: VmOptions[] = ['b', 'c', 'd'].map((id) => ({ id, host: 'h2' }));
  const all = ['a', 'b', 'c', 'd'];
  const near = anAffinity('r', all);
  const toFirst = ['b: h2 > h1', 'c: h2 > h1', 'd: h2 > h1'];

  describe.each(['always', 'finally'] as const)('that is to be together %s', (hold) => {
    it.each<[string, VmOptions, readonly PlacementRule[]]>([
      ['is locked', { id: 'a', locked: true }, [near]],
      ['is pinned', { id: 'a' }, [near, aPin('p', ['a'], ['h1'])]],
      ['has no room anywhere else', { id: 'a', memoryGib: 50 }, [near]],
      [
        'is pinned, of sets',
        { id: 'a' },
        [anAmong('r', all, [['h1'], ['h2']]), aPin('p', ['a'], ['h1'])],
      ],
    ])('is gathered at the one that %s', (_why, first, placement) => {
      const others = ['h2', 'h3'].map((host) => ({
        id: `x-${host}`,
        host,
        memoryGib: 30,
        locked: true,
      }));
      const vms = guests(first, ...rest, ...others);
      const held = placement.map((rule) => ({ ...rule, hold }));
      expect(moves(asked(vms, held))).toEqual(toFirst);
    });
  });

  it('is gathered in the rack of the one that cannot leave it', () => {
    const racks = { h1: 'a', h2: 'b', h3: 'b' };
    const hosts = Object.entries(racks).map(([id, rack]) => aHost({ id, faultDomains: { rack } }));
    const vms = guests({ id: 'a', locked: true }, ...rest);
    expect(moves(asked(vms, [anAffinity('r', all, 'rack')], hosts))).toEqual(toFirst);
  });

  it('goes where most are while that can be', () => {
    expect(moves(asked(guests({ id: 'a' }, ...rest), [near]))).toEqual(['a: h1 > h2']);
  });

  it('stays whole or does not go at all, and that is not certain', () => {
    const hosts = HOSTS.map((host) =>
      host.id === 'h1' ? aHost({ id: 'h1', memoryGib: 16 }) : host,
    );
    const large = rest.map((one) => ({ ...one, memoryGib: 6 }));
    const one = asked(guests({ id: 'a', locked: true }, ...large), [near], hosts);
    expect(certainty(one)).toEqual([false]);
  });

  it('stays parted for certain between two that cannot leave', () => {
    const vms = guests({ id: 'a', locked: true }, ...rest, { id: 'e', host: 'h2', locked: true });
    const one = asked(vms, [anAffinity('r', [...all, 'e'])]);
    expect(certainty(one)).toEqual([true]);
    expect(plan(one).report.unresolved[0]?.proof?.text).toBe(
      'a cannot leave h1: locked. e cannot leave h2: locked',
    );
  });
});

/** So many members of 24 GiB on as many of 40 hosts of 256 GiB, beside 19 VMs of 10 GiB each. */
function scattered(members: number): PlanRequest {
  const ids = Array.from({ length: 40 }, (_none, i) => i);
  const hosts = ids.map((i) => aHost({ id: `h${i}`, memoryGib: 256, threads: 128 }));
  const others = Array.from({ length: 19 }, (_none, k) => k);
  const vms = ids.flatMap((i) => [
    aVm({ id: `m${i}`, host: `h${i}`, memoryGib: i < members ? 24 : 10 }),
    ...others.map((k) => aVm({ id: `v${i}-${k}`, host: `h${i}`, memoryGib: 10 })),
  ]);
  const group = anAffinity(
    'r',
    ids.slice(0, members).map((i) => `m${i}`),
  );
  return asked(vms, [group], hosts);
}

it('a group of which nobody has to stay is gathered where room can be made for all', () => {
  const one = scattered(9);
  const made = moves(one);
  expect(made.filter((move) => move.startsWith('m'))).toHaveLength(8);
  expect(plan(one).report.unresolved).toEqual([]);
});

describe('a group that fits nowhere', () => {
  const one = scattered(15);

  it('takes no longer than to move the members that can be moved', () => {
    const { report } = plan(one);
    expect(report.unresolved).not.toEqual([]);
    // 3400 without any gathering; 31500 where all places were tried, at each pass.
    expect(report.stats.evaluatedMoves).toBeLessThan(5000);
  });

  it('is left for what is more urgent', () => {
    const superseded = new Error('superseded');
    const shouldStop = (): boolean => {
      throw superseded;
    };
    expect(() => plan({ ...one, shouldStop })).toThrow(superseded);
  });
});

/** There is no room for it anywhere, but others may be moved. */
describe('what is said of a VM that stays against a rule', () => {
  const full = ['h2', 'h3'].map((host) => ({ id: `x-${host}`, host, memoryGib: 63 }));
  const stuck: VmOptions = { id: 'a', locked: true };
  const other: VmOptions = { id: 'b', memoryGib: 16 };

  it.each<[string, PlacementRule, VmOptions]>([
    ['anti-affinity', anAntiAffinity('r', ['a', 'b']), other],
    ['anti-affinity over racks', anAntiAffinity('r', ['a', 'b'], 'rack'), other],
    ['spread', aSpread('r', ['a', 'b'], 2, 'host'), other],
    ['lonely', aLonely('r', ['a']), other],
    ['dependency', aDependency('r', ['a'], ['b']), { ...other, host: 'h2' }],
  ])('is certain only if no other move would do: %s', (_kind, rule, second) => {
    const racks = { h1: 'a', h2: 'b', h3: 'b' };
    const hosts = Object.entries(racks).map(([id, rack]) =>
      aHost({ id, faultDomains: { rack }, memoryGib: 64 }),
    );
    const all = (one: VmOptions): Vm[] => guests(stuck, one, ...full);
    const open = certainty(asked(all(second), [rule], hosts));
    expect(open.length).toBeGreaterThan(0);
    expect(open).not.toContain(true);
    expect(certainty(asked(all({ ...second, locked: true }), [rule], hosts))).toContain(true);
  });

  it('is certain only if nobody else of those with licences can move, either', () => {
    const rule = aLicensed('r', ['a', 'b', 'c'], 1);
    const others = (locked: boolean): VmOptions[] =>
      ['b', 'c'].map((id) => ({ id, host: 'h2', locked }));
    expect(certainty(asked(guests(stuck, ...others(false)), [rule]))).toEqual([false]);
    expect(certainty(asked(guests(stuck, ...others(true)), [rule]))).toEqual([true]);
  });
});

// Role: rules that contradict each other by what the hosts are: which could run whom, which rack
// nobody knows.
import { describe, expect, it } from 'vitest';

import type { PlacementRule } from '../../../src/domain/placement.ts';
import { findContradictions } from '../../../src/plan/contradictions/contradictions.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { aHost, aPin, aVm, anAffinity, anAntiAffinity, anAvoid } from '../../support/fleet.ts';
import { aDependency, aLicensed, aSpread, anAmong } from '../../support/rule-kinds.ts';
import { HOSTS, VMS, told } from './contradictions-support.ts';
import { request } from './support.ts';

describe('contradictions that lie in the hosts', () => {
  it('count the hosts that could run those who are to be apart, or in one rack', () => {
    const amd = { cpu: { vendor: 'amd' } } as const;
    const hosts = [
      ...['h1', 'h2', 'h3'].map((id) => aHost({ id, faultDomains: { rack: 'a' } })),
      aHost({ id: 'amd', ...amd, faultDomains: { rack: 'b' } }),
      aHost({ id: 'tiny', memoryGib: 2, faultDomains: { rack: 'c' } }),
    ];
    const four = [anAntiAffinity('s', ['a', 'b', 'c', 'd'])];
    const [apart] = told(four, VMS, hosts);
    expect(apart?.text).toContain(
      'a, b, c, d are to be in 4 different hosts, and only 3 are left that could run them',
    );
    expect(told([anAntiAffinity('s', ['a', 'b', 'c'])], VMS, hosts)).toEqual([]);
    const [spread] = told([aSpread('s', ['a', 'b', 'c'], 2)], VMS, hosts);
    expect(spread?.text).toContain('can be in 1 at most by what they need of a host');
    expect(told([aSpread('s', ['a', 'b', 'c'], 3, 'host')], VMS, hosts)).toEqual([]);
    // Who is there already is held there, and its place is no other's.
    const guest = VMS.map((vm) => (vm.id === 'd' ? aVm({ id: 'd', host: 'tiny' }) : vm));
    expect(told(four, guest, hosts)).toEqual([]);
    const stray = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'amd', cpu: { vendor: 'amd' } })];
    const [parted] = told([anAffinity('t', ['a', 'b'], 'rack')], stray, hosts);
    expect(parted?.text).toContain('no rack is left in which a, b could all be');
  });

  it('do not come from hosts of which nobody knows the rack: there is nothing to compare', () => {
    const hosts = HOSTS.map((host) => (host.id === 'h4' ? { ...host, faultDomains: {} } : host));
    const fine: readonly (readonly PlacementRule[])[] = [
      [anAntiAffinity('s', ['a', 'b', 'c'], 'rack')],
      [anAntiAffinity('s', ['a', 'b'], 'rack'), anAffinity('t', ['a', 'b'])],
      [anAntiAffinity('s', ['a', 'b'], 'rack'), anAffinity('t', ['a', 'b'], 'rack')],
      [anAntiAffinity('s', ['a', 'b'], 'rack'), anAmong('m', ['a', 'b'], [['h3'], ['h4']])],
      [anAntiAffinity('s', ['a', 'b'], 'rack'), aLicensed('l', ['a', 'b'], 1)],
      [anAntiAffinity('s', ['a', 'b'], 'rack'), aDependency('d', ['a'], ['b'])],
      [
        anAffinity('t', ['a', 'b'], 'rack'),
        aPin('p', ['a'], ['h1', 'h4']),
        aPin('q', ['b'], ['h3']),
      ],
    ];
    for (const rules of fine) expect(told(rules, VMS, hosts)).toEqual([]);
    // What is to be spread has to be seen to be; and who is kept from there is compared.
    expect(told([aSpread('s', ['a', 'b', 'c'], 3)], VMS, hosts)).toHaveLength(1);
    const kept = [
      anAntiAffinity('s', ['a', 'b', 'c'], 'rack'),
      anAvoid('q', ['a', 'b', 'c'], ['h4']),
    ];
    expect(told(kept, VMS, hosts)).toHaveLength(1);
  });
});

/** 20 groups of 25 on 60 hosts of which every other one is of another kind; in each two meet. */
describe('groups that are broken and not contradictory', () => {
  it('are looked at by what their members have in common', () => {
    const kinds = ['intel', 'amd'] as const;
    const kindOf = (i: number) => ({ cpu: { vendor: kinds[i % 2] ?? 'intel' } });
    const hosts = Array.from({ length: 60 }, (_none, i) => aHost({ id: `h${i}`, ...kindOf(i) }));
    const vms = Array.from({ length: 500 }, (_none, i) => {
      const host = i % 25 === 2 ? i - 2 : i;
      return aVm({ id: `v${i}`, host: `h${host % 60}`, ...kindOf(i), memoryGib: 1 + (i % 7) });
    });
    const placement = Array.from({ length: 20 }, (_none, group) =>
      anAntiAffinity(
        `r${group}`,
        vms.slice(25 * group, 25 * group + 25).map(({ id }) => id),
      ),
    );
    const setting = makeSetting(request({ hosts, vms, placement }, []));
    let asked = 0;
    const capacity = new Proxy(setting.model.capacity, {
      get(target, key): unknown {
        asked += 1;
        return Reflect.get(target, key);
      },
    });
    const counted = { ...setting, model: { ...setting.model, capacity } };
    expect(findContradictions(counted)).toEqual([]);
    // Each member by itself: 20 × 25 × 25 and more.
    expect(asked).toBeLessThan(1000);
  });
});

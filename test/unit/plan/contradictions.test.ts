// Role: hard rules that no placement can satisfy are named, with as few rules as it takes.
import { describe, expect, it } from 'vitest';

import type { PlacementRule } from '../../../src/domain/placement.ts';
import { bytes, GIB } from '../../../src/domain/units.ts';
import { contradictionsOf, plan } from '../../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aPin,
  aVm,
  anAffinity,
  anAntiAffinity,
  anAvoid,
} from '../../support/fleet.ts';
import { aResource } from '../../support/a-resource.ts';
import {
  aDependency,
  aFailoverReserve,
  aLicensed,
  aLonely,
  aPreserve,
  aSpare,
  aSpread,
  aTotalPreserve,
  anAmong,
} from '../../support/rule-kinds.ts';
import { ALL, HOSTS, VMS, told } from './contradictions-support.ts';
import { request } from './support.ts';

type Case = readonly [string, readonly PlacementRule[], readonly string[], string];

/** Each with a rule beside it that has nothing to do with it, or would only repeat it. */
const CASES: readonly Case[] = [
  [
    'pin and avoid',
    [aPin('p', ['a'], ['h1', 'h2']), anAvoid('q', ['a'], ['h1', 'h2']), aPin('r', ['b'], ALL)],
    ['p', 'q'],
    'p (pin, p.yaml:1) and q (avoid, p.yaml:2): no host is left for a',
  ],
  [
    'two pins and an avoid that only together leave nothing',
    [
      aPin('p', ['a'], ['h1', 'h2', 'h3']),
      aPin('q', ['a'], ['h3', 'h4']),
      anAvoid('r', ['a'], ['h3']),
    ],
    ['p', 'q', 'r'],
    'no host is left for a',
  ],
  [
    'together and apart',
    [
      anAffinity('t', ['a', 'b', 'c']),
      anAntiAffinity('s', ['b', 'c', 'd']),
      aPin('p', ['a'], ['h1']),
    ],
    ['s', 't'],
    'b, c are to be on one host, and apart',
  ],
  [
    'together over two rules, and apart',
    [anAffinity('t', ['a', 'b']), anAffinity('u', ['b', 'c']), anAntiAffinity('s', ['a', 'c'])],
    ['s', 't', 'u'],
    'a, c are to be on one host, and apart',
  ],
  [
    'in one rack and in different racks',
    [anAffinity('t', ['a', 'b'], 'rack'), anAntiAffinity('s', ['a', 'b'], 'rack')],
    ['s', 't'],
    'no rack is left in which a, b could all be',
  ],
  [
    'in one rack, on more hosts than a rack has',
    [anAffinity('t', ['a', 'b', 'c'], 'rack'), anAntiAffinity('s', ['a', 'b', 'c'])],
    ['s', 't'],
    'no rack is left in which a, b, c could all be',
  ],
  [
    'more to be apart than there are hosts',
    [anAntiAffinity('s', ['a', 'b', 'c', 'd', 'e'])],
    ['s'],
    'a, b, c, d, e are to be in 5 different hosts, and only 4 left for them',
  ],
  [
    'more to be apart than the pins leave hosts',
    [
      anAntiAffinity('s', ['a', 'b', 'c', 'd']),
      aPin('p', ['a', 'b', 'c'], ['h1', 'h2']),
      anAvoid('q', ['d'], ['h1']),
    ],
    ['p', 's'],
    'a, b, c are to be in 3 different hosts, and only 2 left for them',
  ],
  [
    'together, pinned to different hosts',
    [anAffinity('t', ['a', 'b']), aPin('p', ['a'], ['h1']), aPin('q', ['b'], ['h2', 'h3'])],
    ['p', 'q', 't'],
    'no host is left for a, b together',
  ],
  [
    'among sets of which none is left',
    [
      anAmong('m', ['a', 'b'], [['h1'], ['h2']]),
      aPin('p', ['a'], ['h1']),
      aPin('q', ['b'], ['h2']),
    ],
    ['m', 'p', 'q'],
    'no set of hosts is left in which a, b could all be',
  ],
  [
    'spread over more racks than there are',
    [aSpread('s', ['a', 'b', 'c', 'd'], 4)],
    ['s'],
    'a, b, c, d are to be in 4 different racks, and can be in 3 at most',
  ],
  [
    'spread, and kept in one rack',
    [aSpread('s', ['a', 'b'], 2), aPin('p', ['a', 'b'], ['h1', 'h2'])],
    ['p', 's'],
    'a, b are to be in 2 different racks, and can be in 1 at most',
  ],
  [
    'alone and together',
    [aLonely('l', ['a']), anAffinity('t', ['a', 'b'])],
    ['l', 't'],
    'no other is to be on the host of a, and b has to be',
  ],
  [
    'needed and kept on other hosts',
    [
      aDependency('d', ['a'], ['b', 'c']),
      aPin('p', ['a'], ['h1', 'h2']),
      aPin('q', ['b', 'c'], ['h3', 'h4']),
      aPin('r', ['d'], ['h1']),
    ],
    ['d', 'p', 'q'],
    'none of those that a needs can be in one host with it: b, c',
  ],
  [
    'needed and to be apart',
    [aDependency('d', ['a'], ['b'], 'rack'), anAntiAffinity('s', ['a', 'b', 'c'], 'rack')],
    ['d', 's'],
    'none of those that a needs can be in one rack with it: b',
  ],
  [
    'needed and alone',
    [aDependency('d', ['a'], ['b']), aLonely('l', ['a']), aPin('p', ['a'], ALL)],
    ['d', 'l'],
    'none of those that a needs can be in one host with it: b',
  ],
  [
    'needing nobody who is there',
    [aDependency('d', ['a'], ['a', 'nobody']), aPin('p', ['a'], ['h1'])],
    ['d'],
    'none of the VMs that a needs runs',
  ],
  [
    'pinned to hosts without a licence',
    [aLicensed('l', ['a', 'b'], 2, ['h1', 'h2']), aPin('p', ['b'], ['h3', 'h4'])],
    ['l', 'p'],
    'no host is left for b',
  ],
  [
    'more to be apart than there are licences',
    [aLicensed('l', ['a', 'b', 'c'], 2), anAntiAffinity('s', ['a', 'b', 'c', 'd'])],
    ['l', 's'],
    'a, b, c are to be on 3 different hosts, and licences are for 2',
  ],
  [
    'spread over more than there are licences for, but for one outside',
    [aLicensed('l', ['a', 'b', 'c'], 1), aSpread('s', ['a', 'b', 'c', 'd'], 3, 'host')],
    ['l', 's'],
    'a, b, c are to be on 2 different hosts, and licences are for 1',
  ],
  [
    'pinned to more hosts than there are licences for',
    [
      aLicensed('l', ['a', 'b', 'c'], 2),
      aPin('p', ['a'], ['h1']),
      aPin('q', ['b'], ['h2']),
      aPin('r', ['c'], ['h3', 'h4']),
    ],
    ['l', 'p', 'q', 'r'],
    'a, b, c have no 2 hosts on which they could all be',
  ],
  [
    'one licence, and three pins of which any two have a host in common',
    [
      aLicensed('l', ['a', 'b', 'c'], 1),
      aPin('p', ['a'], ['h1', 'h2']),
      aPin('q', ['b'], ['h2', 'h3']),
      aPin('r', ['c'], ['h3', 'h1']),
    ],
    ['l', 'p', 'q', 'r'],
    'a, b, c have no host on which they could all be',
  ],
  [
    'pinned to a host that is to be kept empty',
    [aSpare('s', ['h1', 'h2']), aPin('p', ['a'], ['h1']), aPin('q', ['b'], ['h2', 'h3'])],
    ['p', 's'],
    'no host is left for a',
  ],
  [
    'more to be apart than there are hosts that are not kept empty',
    [aSpare('s', ['h1', 'h2']), anAntiAffinity('t', ['a', 'b', 'c'])],
    ['t', 's'],
    'a, b, c are to be in 3 different hosts, and only 2 left for them',
  ],
  [
    'all hosts kept empty',
    [aSpare('s', ALL), aPin('p', ['a'], ALL)],
    ['s'],
    'no host is left for the 5 VMs that run',
  ],
  [
    'more to be free than a host has',
    [aPreserve('p', ['h1', 'h2'], { memory: { amount: 65 * GIB } }), aPin('q', ['a'], ['h3'])],
    ['p'],
    '65.0 GiB are to be free on h1, of 64.0 GiB',
  ],
  [
    'more to be free than all hosts have together',
    [aTotalPreserve('p', ['h1', 'h2'], { cpu: { amount: 33 } }), aPin('q', ['a'], ['h3'])],
    ['p'],
    '33.00 CPU are to be free on h1, h2, of 32.00 CPU',
  ],
  [
    'pinned to hosts that are to keep their room',
    [
      aPreserve('p', ['h1', 'h2'], { memory: { amount: 60 * GIB } }),
      aPin('q', ['a', 'b', 'c'], ['h1', 'h2']),
      aPin('r', ['d'], ['h1', 'h2']),
    ],
    ['q', 'p'],
    'a, b, c need 12.0 GiB, and 8.0 GiB may be used of h1, h2',
  ],
  [
    'pinned to hosts that are to keep room in total',
    [
      aTotalPreserve('p', ['h1', 'h2'], { memory: { amount: 120 * GIB } }),
      aPin('q', ['a', 'b', 'c'], ['h1', 'h2']),
    ],
    ['q', 'p'],
    'a, b, c need 12.0 GiB, and 8.0 GiB may be used of h1, h2',
  ],
  [
    'pinned to hosts all of which may be lost',
    [aFailoverReserve('f', ['h1', 'h2'], 2), aPin('p', ['a'], ['h1', 'h2'])],
    ['p', 'f'],
    'a need 4.0 GiB, and 0.0 GiB may be used of h1, h2',
  ],
  [
    'a reserve for all hosts',
    [aFailoverReserve('f', ALL, 4), aPin('p', ['a'], ['h1'])],
    ['f'],
    'the 5 VMs of h1, h2, h3, h4 need 20.0 GiB, and 0.0 GiB may be used of h1, h2, h3, h4',
  ],
];

describe('rules that contradict each other', () => {
  it.each(CASES)('%s', (_name, rules, culprits, text) => {
    const found = told(rules);
    expect(found.map((one) => one.rules)).toEqual([culprits]);
    expect(found[0]?.text).toContain(text);
    for (const left of culprits) expect(told(rules.filter(({ id }) => id !== left))).toEqual([]);
  });

  it.each(CASES)('are none where one of them is soft: %s', (_name, rules, [first]) => {
    const wish = rules.map((rule) =>
      rule.id === first ? { ...rule, strength: 'soft' as const } : rule,
    );
    expect(told(wish)).toEqual([]);
  });

  it('are told one after the other where there are several', () => {
    const two = [
      aPin('p', ['a'], ['h1']),
      anAvoid('q', ['a'], ['h1']),
      aPin('r', ['b'], ['h2']),
      anAvoid('s', ['b'], ['h2']),
    ];
    expect(told(two).map((one) => one.rules)).toEqual([
      ['p', 'q'],
      ['r', 's'],
    ]);
    expect(told([...two, anAntiAffinity('z', ['a', 'b'])])).toHaveLength(2);
  });

  it('count what a VM needs: size, vCPUs, CPU vendor', () => {
    const hosts = [
      ...HOSTS,
      aHost({ id: 'amd', cpu: { vendor: 'amd' } }),
      aHost({ id: 'tiny', threads: 2, memoryGib: 8 }),
    ];
    const vms = [aVm({ id: 'a', vcpus: 4, memoryGib: 16 })];
    const [one] = told([aPin('p', ['a'], ['amd', 'tiny'])], vms, hosts);
    expect(one?.text).toContain(
      'no host is left for a that could run them (amd: cpu-vendor, tiny: memory)',
    );
    expect(told([aPin('p', ['a'], ['amd', 'h2'])], vms, hosts)).toEqual([]);
  });

  it('count what licensed hosts hold, where they do not hold it already', () => {
    const vms = ['a', 'b', 'c', 'd'].map((id, i) => {
      return aVm({ id, memoryGib: 40, host: `h${i + 1}` });
    });
    const names = vms.map(({ id }) => id);
    const [one] = told([aLicensed('l', names, 2)], vms);
    expect(one?.text).toContain('a, b, c, d need 160.0 GiB, the 2 largest hosts have 128.0 GiB');
    const [three] = told([aLicensed('l', names.slice(0, 3), 2)], vms);
    expect(three?.text).toContain('a, b, c are 3, and the 2 largest hosts hold 2 of them at most');
    expect(told([aLicensed('l', names.slice(0, 2), 2)], vms)).toEqual([]);
    const overcommitted = vms.map((vm) => ({ ...vm, host: vms[0]?.host ?? vm.host }));
    expect(told([aLicensed('l', names, 2)], overcommitted)).toEqual([]);
  });

  it('count what VMs need together', () => {
    const vms = ['a', 'b'].map((id, i) => aVm({ id, memoryGib: 100, host: `h${i + 1}` }));
    const hosts = HOSTS.map((host) => ({
      ...host,
      memory: { ...host.memory, totalBytes: bytes(128 * GIB) },
    }));
    expect(told([anAffinity('t', ['a', 'b'])], vms, hosts)[0]?.text).toContain('memory');
  });

  it('do not count VMs that are off, nor hosts that are closed for a while', () => {
    const off = VMS.map((vm) => (vm.id === 'e' ? { ...vm, powerState: 'off' as const } : vm));
    const apart = [anAntiAffinity('s', ['a', 'b', 'c', 'd', 'e'])];
    expect(told(apart, off)).toEqual([]);
    const closed = HOSTS.map((host) => ({ ...host, state: 'maintenance' as const }));
    expect(told([aPin('p', ['a'], ['h4'])], VMS, closed)).toEqual([]);
  });

  it('do not come from who is off: each could be where none of the others is', () => {
    const off = VMS.map((vm) => (vm.id === 'c' ? { ...vm, powerState: 'off' as const } : vm));
    const spread = [aSpread('s', ['a', 'b', 'c'], 3, 'host'), anAntiAffinity('t', ['a', 'b'])];
    expect(told(spread, off)).toEqual([]);
    const licensed = aLicensed('l', ['a', 'b', 'c'], 2);
    expect(told([licensed, ...spread.slice(0, 1)], off)).toEqual([]);
    const [one] = told([aSpread('s', ['a', 'b', 'c'], 4, 'host')], off);
    expect(one?.text).toContain('a, b are to be in 3 different hosts, and can be in 2 at most');
  });

  it('do not come from what nobody knows of a host', () => {
    const resources = [aResource({ name: 'gpu', has: { h1: 4, h3: 1 }, needs: { a: 2 } })];
    const pinned = (...hosts: string[]) => {
      const placement = [aPin('p', ['a'], hosts)];
      return contradictionsOf(request({ hosts: HOSTS, vms: VMS, placement, resources }, []));
    };
    // Nobody says how many h2 has; h3 has too few.
    expect(pinned('h2', 'h3')).toEqual([]);
    expect(pinned('h3').map(({ text }) => text)).toEqual([
      'p (pin, test): no host is left for a that could run them (h3: resource)',
    ]);
  });

  it('are in the report, also of a plan that moves something', () => {
    const placement = [aPin('p', ['a'], ['h1']), anAvoid('q', ['a'], ['h1'])];
    const asked = request({ hosts: HOSTS, vms: VMS, placement }, [
      aFinding('evacuate', { host: 'h1' }),
    ]);
    expect(plan(asked).report.contradictions).toHaveLength(1);
  });
});

// Role: hard rules that no placement can satisfy are named, with as few rules as it takes; what is
// called contradictory is so on every placement there is (tried one by one on small fleets).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Host } from '../../../src/domain/host.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import { bytes, GIB } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { contradictionsOf, plan } from '../../../src/plan/plan.ts';
import { match } from '../../../src/plan/contradictions/matching.ts';
import { breaches } from '../../../src/rules/placement-findings.ts';
import {
  aFinding,
  aHost,
  aPin,
  aVm,
  anAffinity,
  anAntiAffinity,
  anAvoid,
  someLimits,
} from '../../support/fleet.ts';
import { aLonely, aSpread, anAmong } from '../../support/rule-kinds.ts';
import { request } from './support.ts';

/** h1 and h2 in rack a, h3 in b, h4 in c. */
const HOSTS = ['h1', 'h2', 'h3', 'h4'].map((id, i) =>
  aHost({ id, faultDomains: { rack: 'aabc'.charAt(i) } }),
);
const VMS = ['a', 'b', 'c', 'd', 'e'].map((id) => aVm({ id }));
const ALL = ['h1', 'h2', 'h3', 'h4'];

function told(
  rules: readonly PlacementRule[],
  vms: readonly Vm[] = VMS,
  hosts: readonly Host[] = HOSTS,
): { rules: string[]; vms: readonly string[]; text: string }[] {
  const placement = rules.map((rule, i) => ({ ...rule, origin: `p.yaml:${i + 1}` }));
  const found = contradictionsOf(request({ hosts, vms, placement }, []));
  return found.map((one) => ({ ...one, rules: one.rules.map(({ id }) => id) }));
}

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
    'a, b, c, d and 1 more are to be in 5 different hosts, and only 4 left for them',
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

  it('are in the report, also of a plan that moves something', () => {
    const placement = [aPin('p', ['a'], ['h1']), anAvoid('q', ['a'], ['h1'])];
    const asked = request({ hosts: HOSTS, vms: VMS, placement }, [
      aFinding('evacuate', { host: 'h1' }),
    ]);
    expect(plan(asked).report.contradictions).toHaveLength(1);
  });
});

const NAMES = ['a', 'b', 'c', 'd'];
const some = <T>(of: readonly T[], minLength: number): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray([...of], { minLength });
const over = fc.constantFrom('host', 'rack');

const anyRule: fc.Arbitrary<PlacementRule> = fc.oneof(
  fc.tuple(some(NAMES, 1), some(ALL, 1)).map(([vms, hosts]) => aPin('r', vms, hosts)),
  fc.tuple(some(NAMES, 1), some(ALL, 1)).map(([vms, hosts]) => anAvoid('r', vms, hosts)),
  fc.tuple(some(NAMES, 2), over).map(([vms, kind]) => anAffinity('r', vms, kind)),
  fc.tuple(some(NAMES, 2), over).map(([vms, kind]) => anAntiAffinity('r', vms, kind)),
  fc
    .tuple(some(NAMES, 2), fc.integer({ min: 2, max: 4 }), over)
    .map(([vms, minimum, kind]) => aSpread('r', vms, minimum, kind)),
  some(NAMES, 2).map((vms) => anAmong('r', vms, [['h1', 'h2'], ['h3']])),
  some(NAMES, 1).map((vms) => aLonely('r', vms.slice(0, 1))),
);
const ruleSets = fc
  .array(anyRule, { minLength: 1, maxLength: 5 })
  .map((rules) => rules.map((rule, i) => ({ ...rule, id: `r${i}` as PlacementRule['id'] })));

/** Every placement of four VMs on four hosts, by the code that makes findings of broken rules. */
function isPossible(rules: readonly PlacementRule[]): boolean {
  const { snapshot } = request({ hosts: HOSTS, vms: VMS.slice(0, 4), placement: rules }, []);
  for (let code = 0; code < 4 ** 4; code += 1) {
    const vms = snapshot.vms.map((vm, i) => {
      const host = HOSTS[Math.floor(code / 4 ** i) % 4];
      return host === undefined ? vm : { ...vm, host: host.id };
    });
    if (breaches({ ...snapshot, vms }, someLimits()).broken.length === 0) return true;
  }
  return false;
}

describe('on small fleets, tried out', () => {
  it('what is called contradictory is so', () => {
    fc.assert(
      fc.property(ruleSets, (rules) => {
        for (const found of told(rules, VMS.slice(0, 4))) {
          const culprits = rules.filter(({ id }) => found.rules.includes(id));
          expect([found.text, isPossible(culprits)]).toEqual([found.text, false]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('one rule, or two of those that name hosts or groups, are found', () => {
    const isPaired = ({ kind }: PlacementRule): boolean => kind !== 'spread' && kind !== 'lonely';
    fc.assert(
      fc.property(ruleSets, (rules) => {
        const few = rules.every(isPaired) ? rules.slice(0, 2) : rules.slice(0, 1);
        expect(told(few, VMS.slice(0, 4)).length > 0).toBe(!isPossible(few));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a matching', () => {
  it('gives all a partner where it can, and names who has too few where not', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.nat(5)), { maxLength: 6 }), (partners) => {
        const { size, crowd } = match(partners);
        const shared = new Set(crowd.flatMap((left) => partners[left] ?? []));
        expect(crowd.length > 0).toBe(size < partners.length);
        expect(shared.size < crowd.length).toBe(size < partners.length);
        expect(size).toBe(largest(partners, 0, new Set()));
      }),
    );
  });
});

function largest(
  partners: readonly (readonly number[])[],
  from: number,
  used: Set<number>,
): number {
  const own = partners[from];
  if (own === undefined) return 0;
  let best = largest(partners, from + 1, used);
  for (const right of own.filter((one) => !used.has(one))) {
    best = Math.max(best, 1 + largest(partners, from + 1, new Set([...used, right])));
  }
  return best;
}

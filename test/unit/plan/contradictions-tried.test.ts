// Role: what is called contradictory is so on every placement there is, tried one by one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Host } from '../../../src/domain/host.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import { GIB } from '../../../src/domain/units.ts';
import { match } from '../../../src/plan/contradictions/matching.ts';
import { breaches } from '../../../src/rules/placement-findings.ts';
import { aPin, anAffinity, anAntiAffinity, anAvoid, someLimits } from '../../support/fleet.ts';
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
  fc
    .tuple(some(NAMES, 1), some(NAMES, 1), over)
    .map(([vms, on, kind]) => aDependency('r', vms, on, kind)),
  fc
    .tuple(some(NAMES, 1), fc.integer({ min: 1, max: 3 }), fc.option(some(ALL, 1)))
    .map(([vms, maximum, hosts]) => aLicensed('r', vms, maximum, hosts ?? undefined)),
  some(ALL, 1).map((hosts) => aSpare('r', hosts)),
  fc.tuple(some(ALL, 1), fc.constantFrom(57, 61, 65), fc.boolean()).map(([hosts, gib, isTotal]) => {
    const amount = GIB * (isTotal ? gib * hosts.length : gib);
    return (isTotal ? aTotalPreserve : aPreserve)('r', hosts, { memory: { amount } });
  }),
  fc
    .tuple(some(ALL, 1), fc.integer({ min: 1, max: 4 }))
    .map(([hosts, failures]) => aFailoverReserve('r', hosts, failures)),
);
const ruleSets = fc
  .array(anyRule, { minLength: 1, maxLength: 5 })
  .map((rules) => rules.map((rule, i) => ({ ...rule, id: `r${i}` as PlacementRule['id'] })));

/** Every placement of four VMs on four hosts, by the code that makes findings of broken rules. */
function isPossible(rules: readonly PlacementRule[], hosts: readonly Host[] = HOSTS): boolean {
  const { snapshot } = request({ hosts, vms: VMS.slice(0, 4), placement: rules }, []);
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

  it('what is called so beside a host of which nobody knows the rack, is so', () => {
    const hosts = HOSTS.map((host) => (host.id === 'h4' ? { ...host, faultDomains: {} } : host));
    fc.assert(
      fc.property(ruleSets, (rules) => {
        for (const found of told(rules, VMS.slice(0, 4), hosts)) {
          const culprits = rules.filter(({ id }) => found.rules.includes(id));
          expect([found.text, isPossible(culprits, hosts)]).toEqual([found.text, false]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('one rule, or two of those that name hosts or groups, are found', () => {
    const paired = ['pin', 'avoid', 'affinity', 'anti-affinity', 'among', 'spare', 'licensed'];
    const isPaired = ({ kind }: PlacementRule): boolean => paired.includes(kind);
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

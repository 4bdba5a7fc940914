// Role: random placement rules of every kind, over the VMs and hosts of a random fleet.
import fc from 'fast-check';

import { ruleId } from '../../src/domain/ids.ts';
import type { PlacementRule } from '../../src/domain/placement.ts';
import { ratio } from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { aPin, anAffinity, anAntiAffinity, anAvoid } from './fleet.ts';
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
} from './rule-kinds.ts';

export interface RandomRule {
  readonly kind: string;
  readonly vms: readonly number[];
  readonly hosts: readonly number[];
  readonly hold: string;
  readonly strength: PlacementRule['strength'];
  readonly share: number;
}

const OTHER_KINDS = [
  ...(['pin', 'avoid', 'among', 'spread', 'lonely'] as const),
  ...(['preserve', 'spare', 'failover', 'dependency', 'dependency'] as const),
  ...(['total', 'licensed', 'licensed', 'licensed-any'] as const),
];

export const RANDOM_RULE: fc.Arbitrary<RandomRule> = fc.record({
  kind: fc.constantFrom('anti', 'anti', 'anti-rack', 'affinity', 'affinity-rack', ...OTHER_KINDS),
  vms: fc.array(fc.nat(100), { minLength: 2, maxLength: 4 }),
  hosts: fc.array(fc.nat(100), { minLength: 1, maxLength: 4 }),
  hold: fc.constantFrom('always', 'finally'),
  strength: fc.constantFrom<PlacementRule['strength'][]>('hard', 'hard', 'soft'),
  share: fc.constantFrom(0.1, 0.25, 0.5, 0.9),
});

interface Cast {
  readonly guests: readonly Vm[];
  readonly at: (index: number) => string;
}

export function ruleOf(rule: RandomRule, index: number, { guests, at }: Cast): PlacementRule {
  const id = ruleId(`rule-${index}`);
  const count = Math.max(1, guests.length);
  const vms = [...new Set(rule.vms.map((vm) => `v${vm % count}`))];
  const hosts = [...new Set(rule.hosts.map((host) => at(host)))];
  const hold = rule.hold === 'always' ? 'always' : 'finally';
  const free = { [rule.share < 0.2 ? 'cpu' : 'memory']: { share: ratio(rule.share) } };
  const made = (): PlacementRule => {
    if (rule.kind === 'preserve') return aPreserve(id, hosts, free);
    if (rule.kind === 'total') return aTotalPreserve(id, hosts, free);
    return makeRule(rule.kind, id, vms, hosts);
  };
  return { ...made(), strength: rule.strength, hold };
}

function makeRule(
  kind: string,
  id: string,
  vms: readonly string[],
  hosts: readonly string[],
): PlacementRule {
  if (kind === 'anti') return anAntiAffinity(id, vms);
  if (kind === 'anti-rack') return anAntiAffinity(id, vms, 'rack');
  if (kind === 'affinity') return anAffinity(id, vms);
  if (kind === 'affinity-rack') return anAffinity(id, vms, 'rack');
  if (kind === 'spread') return aSpread(id, vms, 2, hosts.length > 2 ? 'rack' : 'host');
  if (kind === 'dependency') {
    const over = hosts.length > 2 ? 'rack' : 'host';
    // The second needs and is needed.
    return aDependency(id, vms.slice(0, 2), vms.slice(1), over);
  }
  if (kind === 'spare') return aSpare(id, hosts.slice(0, 2));
  if (kind === 'failover') return aFailoverReserve(id, hosts);
  if (kind === 'licensed') return aLicensed(id, vms, Math.max(1, hosts.length - 1), hosts);
  if (kind === 'licensed-any') return aLicensed(id, vms, Math.min(2, hosts.length));
  if (kind === 'lonely') return aLonely(id, vms.slice(0, 2));
  if (kind === 'among') {
    const half = Math.ceil(hosts.length / 2);
    return anAmong(id, vms, [hosts.slice(0, half), hosts.slice(half)]);
  }
  return kind === 'pin' ? aPin(id, vms, hosts) : anAvoid(id, vms, hosts);
}

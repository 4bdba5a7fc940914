// Role: which of equally cheap targets is taken where the policy names pairs of resources: the one
// that leaves hosts both in the fleet's proportion; and that no move is dearer for it.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import { hostId } from '../../../src/domain/ids.ts';
import type { BalanceWeight } from '../../../src/domain/resource-spec.ts';
import { plan } from '../../../src/plan/plan.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { findTarget } from '../../../src/plan/targets.ts';
import { aResource } from '../../support/a-resource.ts';
import { aFinding, aHost, aPin, aVm, someWeights } from '../../support/fleet.ts';
import { movesOf, request } from './support.ts';

const PAIR: readonly BalanceWeight[] = [{ resources: ['cpu', 'memory'], weight: 5 }];
const HOSTS = ['h1', 'h2', 'h3'].map((id) => aHost({ id, threads: 16, memoryGib: 65 }));

/**
 * h2 has little memory left and much CPU, h3 little CPU and much memory; m needs memory, and on h2
 * it would leave the most of what is scarcer there.
 */
const GUESTS = [
  aVm({ id: 'm', host: 'h1', memoryGib: 12, cpuUsed: 1 }),
  aVm({ id: 'x', host: 'h2', memoryGib: 32, cpuUsed: 1.6 }),
  aVm({ id: 'y', host: 'h3', memoryGib: 29, cpuUsed: 9.6 }),
];
const BUSY = aVm({ id: 'b', host: 'h1', memoryGib: 40, vcpus: 16, cpuUsed: 12.5 });

const USES: readonly (readonly [string, Finding, typeof GUESTS])[] = [
  ['evacuation', aFinding('evacuate', { host: 'h1' }), GUESTS],
  ['relief', aFinding('relieve', { host: 'h1' }), [...GUESTS, BUSY]],
];

function asked(balance: readonly BalanceWeight[], finding: Finding, vms: typeof GUESTS) {
  return request({ hosts: HOSTS, vms }, [finding], { weights: someWeights({ balance }) });
}

describe.each(USES)('an %s', (_name, finding, vms) => {
  const plain = asked([], finding, vms);
  const paired = asked(PAIR, finding, vms);

  it('leaves pairs of resources in proportion, at no higher cost', () => {
    expect(movesOf(plain)).toEqual(['m: h1 > h2']);
    expect(movesOf(paired)).toEqual(['m: h1 > h3']);
    const [dear, cheap] = [paired, plain].map((one) => plan(one).plan.objective.terms['moveCost']);
    expect(dear?.after).toBe(cheap?.after);
  });

  it('says of the move what it does to them', () => {
    const made = plan(paired).plan;
    const { balance } = made.objective.terms;
    const told = made.moves[0]?.reason.terms['balance'] ?? 0;
    expect(told).toBeCloseTo((balance?.after ?? 0) - (balance?.before ?? 0));
    expect(check({ ...paired, plan: made })).toEqual([]);
  });

  it('goes no dearer way for it', () => {
    const dear = { origin: 'test', factor: 4, from: [hostId('h1')], to: [hostId('h3')] };
    const moveCosts = { groups: [], paths: [dear] };
    const { snapshot } = paired;
    expect(movesOf({ ...paired, snapshot: { ...snapshot, moveCosts } })).toEqual(['m: h1 > h2']);
  });

  it('leaves a VM that a rule is about where it was to go', () => {
    const placement = [aPin('p', ['m'], ['h1', 'h2', 'h3'])];
    const { snapshot } = paired;
    expect(movesOf({ ...paired, snapshot: { ...snapshot, placement } })).toEqual(['m: h1 > h2']);
  });

  it('takes another weight of uneven load for what it is', () => {
    const weights = someWeights({ balance: PAIR, imbalance: 100 });
    expect(movesOf({ ...paired, weights })).toEqual(['m: h1 > h2']);
  });
});

describe('a place by proportion (match)', () => {
  it('looks at what a pair names, too', () => {
    // Alike in CPU and memory; h3 has hardly any GPU memory left for what else it has.
    const vms = ['h2', 'h3'].map((host) => aVm({ id: `on-${host}`, host, cpuUsed: 4 }));
    const needs = { m: 5, 'on-h2': 2, 'on-h3': 14 };
    const resources = [aResource({ name: 'gpu', has: { h1: 20, h2: 20, h3: 20 }, needs })];
    const target = (balance: readonly BalanceWeight[]): string | undefined => {
      const weights = someWeights({ balance });
      const setting = makeSetting(
        request({ hosts: HOSTS, vms: [...GUESTS.slice(0, 1), ...vms], resources }, [], { weights }),
      );
      const h = findTarget(setting.state, 0, setting.termsOf('optional'), 'match');
      return setting.model.hosts[h]?.id;
    };
    expect(target([])).toBe('h3');
    expect(target([{ resources: ['memory', 'gpu'], weight: 1 }])).toBe('h2');
  });
});

// Role: soft rules steer. Each use of the planner prefers targets that break none; an optional move
// that breaks one has to be worth more; a broken one is mended where that gains more than it costs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { explainPair, plan } from '../../../src/plan/plan.ts';
import { buildModel } from '../../../src/plan/model.ts';
import { compileRules } from '../../../src/plan/rules.ts';
import {
  aFinding,
  aHost,
  aPin,
  aVm,
  anAffinity,
  anAntiAffinity,
  anAvoid,
  someWeights,
} from '../../support/fleet.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import { planRequests } from '../../support/random-fleet.ts';
import { aLonely, aSpread, anAmong } from '../../support/rule-kinds.ts';
import { request } from './support.ts';

const HOSTS = ['h1', 'h2', 'h3', 'h4'].map((id, i) =>
  aHost({ id, faultDomains: { rack: 'aabc'.charAt(i) } }),
);

function soft(rule: PlacementRule): PlacementRule {
  return { ...rule, strength: 'soft' };
}

function moves(
  vms: readonly Vm[],
  rules: readonly PlacementRule[],
  findings: readonly Finding[],
  softRules = 1,
): string[] {
  const weights = { ...someWeights(), softRules };
  const asked = request({ hosts: HOSTS, vms, placement: rules.map(soft) }, findings, { weights });
  const { snapshot, limits, migration } = asked;
  const made = plan(asked).plan;
  expect(check({ snapshot, limits, migration, plan: made })).toEqual([]);
  return made.moves.map(({ vm, from, to }) => `${vm}: ${from} > ${to}`).sort();
}

const mend = (rule: string): Finding =>
  aFinding('repair', { tier: 'optional', trigger: { kind: 'placement', rule } });
const evacuate = (host: string): Finding => aFinding('evacuate', { host });

/** Ten guests with 1.5 of 16 threads each: 94 %. */
const HOT = Array.from({ length: 10 }, (_none, i) => aVm({ id: `v${i}`, cpuUsed: 1.5 }));
const NAMES = HOT.map(({ id }) => id);

describe('a target', () => {
  it('that breaks no soft rule is preferred in an evacuation, also to a roomier one', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'h4', cpuUsed: 6 })];
    expect(moves(vms, [], [evacuate('h1')])).not.toEqual(['a: h1 > h4']);
    const rules = [anAvoid('no', ['a'], ['h2', 'h3'])];
    expect(moves(vms, rules, [evacuate('h1')])).toEqual(['a: h1 > h4']);
  });

  it('that breaks one is taken where there is no other: nobody is left on the host', () => {
    const rules = [anAvoid('no', ['a'], ['h2', 'h3', 'h4'])];
    expect(moves([aVm({ id: 'a' })], rules, [evacuate('h1')])).toHaveLength(1);
  });

  it('that mends one is preferred, with a hard repair too', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'h4', cpuUsed: 6 })];
    const hard = anAvoid('must', ['a'], ['h1']);
    const asked = request(
      { hosts: HOSTS, vms, placement: [hard, soft(anAffinity('with', ['a', 'b']))] },
      [aFinding('repair', { trigger: { kind: 'placement', rule: 'must' } })],
    );
    expect(plan(asked).plan.moves.map(({ vm, to }) => `${vm} ${to}`)).toEqual(['a h4']);
  });

  it('is preferred for a group that goes together', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b' }), aVm({ id: 'c', host: 'h4', cpuUsed: 6 })];
    const together = { ...anAffinity('pair', ['a', 'b']), hold: 'finally' as const };
    const asked = request(
      { hosts: HOSTS, vms, placement: [together, soft(anAvoid('no', ['b'], ['h2', 'h3']))] },
      [evacuate('h1')],
    );
    expect(plan(asked).plan.moves.map(({ to }) => to)).toEqual(['h4', 'h4']);
  });
});

describe('relief', () => {
  const relieve = aFinding('relieve', { host: 'h1' });

  it('takes no target that breaks a soft rule while another does', () => {
    const rules = [anAvoid('no', NAMES, ['h2', 'h3'])];
    const made = moves(HOT, rules, [relieve]);
    expect(made.length).toBeGreaterThan(0);
    expect(made.every((move) => move.endsWith('h4'))).toBe(true);
  });

  it('breaks one where it is worth more, and leaves the host where it is not', () => {
    const rules = [anAvoid('no', NAMES, ['h2', 'h3', 'h4'])];
    expect(moves(HOT, rules, [relieve], 0.1)).not.toEqual([]);
    expect(moves(HOT, rules, [relieve], 5)).toEqual([]);
  });

  it('says which soft rule it was', () => {
    const placement = [soft(anAvoid('no', NAMES, ['h2', 'h3', 'h4']))];
    const weights = { ...someWeights(), softRules: 5 };
    const asked = request({ hosts: HOSTS, vms: HOT, placement }, [relieve], { weights });
    expect(explainPair(asked, vmId('v1'), hostId('h2'))).toEqual([
      { code: 'no-gain', vm: 'v1', host: 'h2', detail: 'against the soft rule no (test)' },
    ]);
    expect(plan(asked).report.unresolved).toMatchObject([{ code: 'no-gain' }]);
  });

  it('does not look at soft rules that weigh nothing', () => {
    const rules = [anAvoid('no', NAMES, ['h2', 'h3', 'h4'])];
    expect(moves(HOT, rules, [relieve], 0)).not.toEqual([]);
  });
});

describe('coming home', () => {
  it('waits while a soft rule is against it', () => {
    const evidence = [{ fact: 'vm.home', operator: 'equal', threshold: 'h1', value: 'h1' }];
    const home = aFinding('return', { vm: 'a', evidence });
    const vms = [aVm({ id: 'a', host: 'h2' })];
    expect(moves(vms, [], [home])).toEqual(['a: h2 > h1']);
    expect(moves(vms, [anAvoid('no', ['a'], ['h1'])], [home])).toEqual([]);
  });
});

describe('a broken soft rule', () => {
  const pair = [aVm({ id: 'a', cpuUsed: 1 }), aVm({ id: 'b', host: 'h2', cpuUsed: 1 })];
  const crowd = [aVm({ id: 'a' }), aVm({ id: 'b' })];
  const cases: readonly (readonly [string, readonly Vm[], PlacementRule, number])[] = [
    ['pin', pair, aPin('r', ['a'], ['h3']), 1],
    ['avoid', pair, anAvoid('r', ['a'], ['h1']), 1],
    ['affinity', pair, anAffinity('r', ['a', 'b']), 1],
    ['anti-affinity', crowd, anAntiAffinity('r', ['a', 'b']), 1],
    ['anti-affinity over racks', pair, anAntiAffinity('r', ['a', 'b'], 'rack'), 1],
    ['spread', crowd, aSpread('r', ['a', 'b'], 2), 1],
    ['lonely', crowd, aLonely('r', ['a']), 1],
    ['among', pair, anAmong('r', ['a', 'b'], [['h1'], ['h2']]), 1],
  ];

  it.each(cases)('%s is mended by an optional move', (_kind, vms, rule, count) => {
    expect(moves(vms, [rule], [mend('r')])).toHaveLength(count);
  });

  it('is left where mending costs more than it gains', () => {
    const [, vms, rule] = cases[0] ?? [];
    expect(moves(vms ?? [], rule === undefined ? [] : [rule], [mend('r')], 0.001)).toEqual([]);
  });

  it('is left where the balance of CPU and memory would lose more than it is worth', () => {
    const hosts = [aHost({ id: 'h1', threads: 16 }), aHost({ id: 'h2', threads: 16 })];
    const vms = [
      aVm({ id: 'a', host: 'h1', memoryGib: 16, cpuUsed: 4 }),
      aVm({ id: 'b', host: 'h2', memoryGib: 32, cpuUsed: 0.1 }),
      aVm({ id: 'c', host: 'h2', memoryGib: 1, cpuUsed: 8 }),
    ];
    const balance = [{ resources: ['cpu', 'memory'] as const, weight: 10 }];
    const placement = [soft(anAntiAffinity('r', ['b', 'c']))];
    const weights = someWeights({ balance });
    const asked = request({ hosts, vms, placement }, [mend('r')], { weights });
    const { objective } = plan(asked).plan;
    expect(objective.after).toBeLessThanOrEqual(objective.before);
  });

  it('is left where mending it would break another', () => {
    const rules = [aPin('r', ['a'], ['h3']), anAvoid('other', ['a'], ['h3'])];
    expect(moves(pair, rules, [mend('r')])).toEqual([]);
  });

  it('is said to stay', () => {
    const placement = [soft(aPin('r', ['a'], ['h3'])), soft(anAvoid('other', ['a'], ['h3']))];
    const asked = request({ hosts: HOSTS, vms: pair, placement }, [mend('r')]);
    expect(plan(asked).report.unresolved).toMatchObject([
      { subject: { vm: 'a' }, detail: expect.stringContaining('stays against the soft rule') },
    ]);
  });
});

describe('what a move does to a rule', () => {
  it('is what counting before and after it says, for every kind', () => {
    fc.assert(
      fc.property(planRequests(), (asked) => {
        const model = buildModel(asked);
        const { hard, soft: others } = compileRules(model, asked.snapshot.placement);
        const at = model.home.slice();
        for (const rule of [...hard, ...others]) {
          const asks = rule.everyone ? [...model.vms.keys()] : rule.members;
          for (const v of asks.filter((one) => (at[one] ?? -1) >= 0)) {
            const strain = rule.strain(v, at);
            const before = rule.broken(at);
            for (const to of model.hosts.keys()) {
              const after = rule.broken(at.with(v, to));
              expect(strain(to), `${rule.rule.kind} ${v} ${to}`).toBe(after - before);
            }
          }
        }
      }),
    );
  });
});

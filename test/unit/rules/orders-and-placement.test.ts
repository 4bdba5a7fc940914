import { describe, expect, it } from 'vitest';
import { clusterId, hostId, orderId } from '../../../src/domain/ids.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, epochSeconds, ratio } from '../../../src/domain/units.ts';
import {
  aHost,
  anAffinity,
  anAntiAffinity,
  anAvoid,
  aPin,
  aSnapshot,
  aVm,
  TEST_NOW,
} from '../../support/fleet.ts';
import {
  aDependency,
  aFailoverReserve,
  aLonely,
  aPreserve,
  aSpare,
  aSpread,
  anAmong,
} from '../../support/rule-kinds.ts';
import { anOrder, aRule, Ticks, under } from './support.ts';

describe('orders', () => {
  it('are mandatory findings, whatever is known about the host', async () => {
    const deadline = epochSeconds(TEST_NOW + 3600);
    const orders = [
      anOrder({ deadline }),
      anOrder({
        id: orderId('o2'),
        kind: 'evacuate',
        by: { kind: 'alert', name: 'DimmFailing' },
        reason: '',
      }),
      anOrder({ id: orderId('o3'), state: 'closed' }),
    ];
    const silent = aHost({ connection: 'disconnected', metrics: {} });
    const { findings } = await new Ticks([], orders).at(0, {
      ...aSnapshot(),
      hosts: [silent],
    });
    expect(findings).toMatchObject([
      {
        id: 'order:o1',
        kind: 'maintenance',
        response: 'evacuate',
        tier: 'mandatory',
        subject: { kind: 'host', host: 'h1' },
        trigger: { kind: 'operator', who: 'alice' },
        since: TEST_NOW - 60,
        deadline,
        text: 'host h1: maintenance ordered by alice: new DIMM',
      },
      {
        id: 'order:o2',
        kind: 'evacuation-ordered',
        trigger: { kind: 'alert', alert: 'DimmFailing' },
        text: 'host h1: evacuation ordered by DimmFailing',
      },
    ]);
  });

  it('are not found a second time by a rule', async () => {
    const rules = [
      aRule({
        finding: 'maintenance',
        response: 'evacuate',
        tier: 'mandatory',
        when: { fact: 'host.order', operator: 'equal', value: 'maintenance' },
      }),
      aRule({
        name: 'cold',
        finding: 'notice',
        response: 'notify',
        when: under('host.cpu.used.ratio.p95', 0.5),
      }),
    ];
    const { findings } = await new Ticks(rules, [anOrder()]).at(0, aSnapshot());
    expect(findings.map((finding) => finding.id)).toEqual(['order:o1', 'rule:test:cold:h1']);
  });

  it('for a host that nobody reports are gaps', async () => {
    const { findings, gaps } = await new Ticks([], [anOrder({ host: hostId('h9') })]).at(
      0,
      aSnapshot(),
    );
    expect(findings).toEqual([]);
    expect(gaps).toMatchObject([{ host: 'h9', rule: 'order o1' }]);
  });

  it('that return a host bring its VMs home, each once, those that are elsewhere', async () => {
    const order = anOrder({ state: 'returning', home: ['v1', 'v2', 'v2', 'gone'] });
    const snapshot = aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })],
      vms: [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h2' })],
    });
    const { findings } = await new Ticks([], [order]).at(0, snapshot);
    expect(findings).toMatchObject([
      {
        id: 'return:o1:v2',
        kind: 'return-home',
        response: 'return',
        tier: 'optional',
        subject: { kind: 'vm', vm: 'v2' },
        evidence: [{ fact: 'vm.home', operator: 'notEqual', threshold: 'h2', value: 'h1' }],
      },
    ]);
  });
});

describe('placement rules', () => {
  /** h1 and h2 in rack r1, h3 in r2, h4 in none; v1 on h1, v2 and v3 on h2, v4 on h3. */
  function world(...placement: PlacementRule[]): Snapshot {
    return aSnapshot({
      hosts: [
        aHost({ id: 'h1', faultDomains: { rack: 'r1' } }),
        aHost({ id: 'h2', faultDomains: { rack: 'r1' } }),
        aHost({ id: 'h3', faultDomains: { rack: 'r2' } }),
        aHost({ id: 'h4' }),
      ],
      vms: [
        aVm({ id: 'v1', host: 'h1' }),
        aVm({ id: 'v2', host: 'h2' }),
        aVm({ id: 'v3', host: 'h2' }),
        aVm({ id: 'v4', host: 'h3' }),
        aVm({ id: 'v5', host: 'h4' }),
        aVm({ id: 'off', host: 'h2', powerState: 'off' }),
      ],
      placement,
    });
  }

  const cases: [string, PlacementRule, string | undefined][] = [
    ['apart and apart', anAntiAffinity('r', ['v1', 'v2']), undefined],
    ['apart but together', anAntiAffinity('r', ['v1', 'v2', 'v3']), 'v2 on h2, v3 on h2'],
    ['apart from one that is off', anAntiAffinity('r', ['v2', 'off']), undefined],
    ['apart over racks', anAntiAffinity('r', ['v1', 'v2', 'v4'], 'rack'), 'v1 on h1, v2 on h2'],
    ['together and together', anAffinity('r', ['v2', 'v3', 'gone']), undefined],
    ['together but apart', anAffinity('r', ['v1', 'v2', 'v3']), 'v1 on h1'],
    ['together over racks', anAffinity('r', ['v1', 'v2', 'v4'], 'rack'), 'v4 on h3'],
    ['pinned and there', aPin('r', ['v1'], ['h1', 'h2']), undefined],
    ['pinned elsewhere', aPin('r', ['v1', 'v4'], ['h1', 'h2']), 'v4 on h3'],
    ['kept away', anAvoid('r', ['v1', 'v4'], ['h3']), 'v4 on h3'],
    ['kept away and away', anAvoid('r', ['v1'], ['h3']), undefined],
    ['in one set', anAmong('r', ['v1', 'v2', 'off'], [['h1', 'h2'], ['h3']]), undefined],
    ['in two sets', anAmong('r', ['v2', 'v3', 'v4'], [['h3'], ['h1', 'h2']]), 'v4 on h3'],
    ['in no set', anAmong('r', ['v4', 'v5'], [['h3']]), 'v5 on h4'],
    ['spread over racks', aSpread('r', ['v1', 'v2', 'v4'], 2), undefined],
    ['spread too little', aSpread('r', ['v1', 'v2', 'v4'], 3), 'v1 on h1, v2 on h2'],
    ['spread with too few', aSpread('r', ['v4'], 2), 'v4 on h3'],
    ['spread while one is off', aSpread('r', ['v4', 'off'], 2), undefined],
    ['two together, a third off', aSpread('r', ['v2', 'v3', 'off'], 2), 'v2 on h2, v3 on h2'],
    ['crowded while one is off', aSpread('r', ['v2', 'v3', 'off'], 3), 'v2 on h2, v3 on h2'],
    ['alone', aLonely('r', ['v1', 'v2', 'v3']), undefined],
    ['beside somebody', aLonely('r', ['v1', 'v2', 'v4']), 'v2 on h2'],
    ['beside one that is needed', aDependency('r', ['v2'], ['v1', 'v3', 'off']), undefined],
    [
      'without those needed',
      aDependency('r', ['v1', 'v2', 'off'], ['v2', 'off']),
      'v1 on h1, v2 on h2',
    ],
    ['needed in the rack', aDependency('r', ['v1', 'v4'], ['v2'], 'rack'), 'v4 on h3'],
    ['enough kept free', aPreserve('r', ['h2'], { memory: { amount: 56 * GIB } }), undefined],
    [
      'too little memory kept free',
      aPreserve('r', ['h1', 'h2'], { memory: { amount: 57 * GIB }, cpu: { amount: 14 } }),
      'h2 has 56.0 GiB memory free, not 57.0 GiB',
    ],
    [
      'too little CPU kept free',
      aPreserve('r', ['h1', 'h2'], { cpu: { share: ratio(0.9) } }),
      'h2 has 14.0 threads cpu free, not 14.4 threads',
    ],
    ['spare and empty', aSpare('r', ['h9']), undefined],
    ['spare but in use', aSpare('r', ['h3', 'h4']), 'v4 on h3, v5 on h4'],
    ['a reserve', aFailoverReserve('r', ['h1', 'h2', 'h3']), undefined],
    [
      'no reserve',
      aFailoverReserve('r', ['h1', 'h2'], 2),
      '12.0 GiB memory in use, 0.0 GiB left after the loss of 2, ' +
        '3.0 threads cpu in use, 0.0 threads left after the loss of 2',
    ],
    ['without VMs', aPin('r', [], []), undefined],
  ];
  it.each(cases)('%s', async (...row) => {
    const [, rule, expected] = row;
    const { findings } = await new Ticks([]).at(0, world(rule));
    expect(findings.map((finding) => finding.text)).toEqual(
      expected === undefined ? [] : [`rule r (${rule.kind}) is broken: ${expected}`],
    );
  });

  it('about spare hosts are not broken while another host is out of service', async () => {
    const fleet = world(aSpare('r', ['h3']));
    const hosts = fleet.hosts.map((host) =>
      host.id === 'h1' ? { ...host, state: 'evacuating' as const } : host,
    );
    expect((await new Ticks([]).at(0, { ...fleet, hosts })).findings).toEqual([]);
    const elsewhere = hosts.map((host) =>
      host.id === 'h3' ? { ...host, cluster: clusterId('c2') } : host,
    );
    const { findings } = await new Ticks([]).at(0, { ...fleet, hosts: elsewhere });
    expect(findings).toHaveLength(1);
  });

  it('about CPU are not judged where the demand of a guest is not known', async () => {
    const fleet = world(aPreserve('r', ['h2'], { cpu: { share: ratio(0.99) } }));
    const vms = fleet.vms.map((vm) => (vm.id === 'v2' ? { ...vm, metrics: {} } : vm));
    const { findings, gaps } = await new Ticks([]).at(0, { ...fleet, vms });
    expect(findings).toEqual([]);
    expect(gaps).toMatchObject([{ host: 'h2', rule: 'r', fact: 'vm.cpu.used' }]);
  });

  it('give one corrective finding, since the rule was first seen broken', async () => {
    const ticks = new Ticks([]);
    const broken = world(anAntiAffinity('r', ['v2', 'v3']));
    await ticks.at(0, broken);
    const { findings } = await ticks.at(60, broken);
    expect(findings).toMatchObject([
      {
        id: 'placement:r',
        kind: 'rule-broken',
        response: 'repair',
        tier: 'corrective',
        subject: { kind: 'fleet' },
        trigger: { kind: 'placement', rule: 'r' },
        since: TEST_NOW,
        evidence: [
          { fact: 'vm.host of v2', operator: 'equal', threshold: 'h2', value: 'h2' },
          { fact: 'vm.host of v3', operator: 'equal', threshold: 'h2', value: 'h2' },
        ],
      },
    ]);
    await ticks.at(120, world());
    expect(ticks.memory).toEqual([]);
  });

  it('name the VM where it is one', async () => {
    const { findings } = await new Ticks([]).at(0, world(aPin('r', ['v4'], ['h1'])));
    expect(findings[0]?.subject).toEqual({ kind: 'vm', vm: 'v4' });
  });

  it('that are soft are optional findings', async () => {
    const soft = { ...aPin('r', ['v4'], ['h1']), strength: 'soft' as const };
    expect((await new Ticks([]).at(0, world(soft))).findings).toMatchObject([
      { tier: 'optional', response: 'repair', text: 'soft rule r (pin) is broken: v4 on h3' },
    ]);
  });

  it('over a fault domain that a host does not have are a gap', async () => {
    const { findings, gaps } = await new Ticks([]).at(
      0,
      world(anAntiAffinity('r', ['v1', 'v5'], 'rack')),
    );
    expect(findings).toEqual([]);
    expect(gaps).toEqual([
      { host: 'h4', rule: 'r', fact: 'rack', reason: "the host has no fault domain 'rack'" },
    ]);
  });
});

// Role: what hosts have and VMs need of the resources of a policy, and the facts made of it.
import { describe, expect, it } from 'vitest';

import { hostId, vmId } from '../../../src/domain/ids.ts';
import { missingWindow } from '../../../src/domain/measured.ts';
import type { ResourceSpec } from '../../../src/domain/resource-spec.ts';
import type { Selector } from '../../../src/domain/selector.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { ratio } from '../../../src/domain/units.ts';
import { classify } from '../../../src/rules/classify.ts';
import { aResource } from '../../support/a-resource.ts';
import { aHost, aPolicy, aSnapshot, aVm, held } from '../../support/fleet.ts';
import { Ticks, aRule, over } from './support.ts';

const DECLARED = { kind: 'declared' } as const;

function spec(options: Partial<ResourceSpec> = {}): ResourceSpec {
  return {
    name: 'slots',
    origin: 'test.yaml:1',
    unit: 'number',
    transient: true,
    soft: false,
    imbalance: 0,
    has: [has({ source: DECLARED })],
    needs: [needs({ source: DECLARED })],
    ...options,
  };
}

function has(options: Partial<ResourceSpec['has'][number]>): ResourceSpec['has'][number] {
  return {
    hosts: undefined,
    source: undefined,
    safety: undefined,
    overcommit: undefined,
    ...options,
  };
}

function needs(options: Partial<ResourceSpec['needs'][number]>): ResourceSpec['needs'][number] {
  return { vms: undefined, source: DECLARED, ifUnknown: undefined, ...options };
}

function so(amount: number) {
  return { kind: 'amount', amount } as const;
}

function named(...names: string[]): Selector {
  return { names, labels: {}, clusters: [], sites: [] };
}

function labelled(label: string): Selector {
  return { names: [], labels: { [label]: '*' }, clusters: [], sites: [] };
}

const FLEET = aSnapshot({
  hosts: [
    aHost({ id: 'h1', labels: { slots: '6', nic: '25' }, resources: { slots: 9 } }),
    aHost({ id: 'h2', labels: { nic: 'fast' } }),
  ],
  vms: [
    aVm({ id: 'v1', resources: { slots: 3 }, metrics: { 'network.used': held(7) } }),
    aVm({ id: 'v2', metrics: { 'network.used': missingWindow('stale') } }),
  ],
});

function of(resource: ResourceSpec, snapshot: Snapshot = FLEET) {
  const [resolved] = classify(snapshot, aPolicy({ resources: [resource] })).resources ?? [];
  const capacity = (id: string) => resolved?.hosts.get(hostId(id))?.capacity;
  const need = (id: string) => resolved?.vms.get(vmId(id));
  return { resolved, hosts: ['h1', 'h2'].map(capacity), vms: ['v1', 'v2'].map(need) };
}

describe('resources', () => {
  it('are not there where the policy names none', () => {
    expect(classify(FLEET, aPolicy()).resources).toBeUndefined();
  });

  it('are what adapter and fleet file declare; what they do not declare is not known', () => {
    expect(of(spec())).toMatchObject({ hosts: [9, undefined], vms: [3, undefined] });
  });

  it('are read from labels, times what one stands for; other text is not known', () => {
    const label = { kind: 'label', label: 'nic', each: 2 } as const;
    expect(of(spec({ has: [has({ source: label })] })).hosts).toEqual([50, undefined]);
  });

  it('are measured, or what the policy takes instead', () => {
    const source = { kind: 'metric', metric: 'network.used', statistic: 'mean' } as const;
    expect(of(spec({ needs: [needs({ source })] }))).toMatchObject({
      vms: [7, undefined],
      resolved: { measured: true },
    });
    expect(of(spec({ needs: [needs({ source, ifUnknown: 50 })] })).vms).toEqual([7, 50]);
  });

  it('are what the nearest entry says, of equally near ones the careful one', () => {
    const entries = [
      has({ source: so(1), overcommit: ratio(3) }),
      has({ hosts: labelled('slots'), source: so(5) }),
      has({ hosts: named('h2'), source: so(8) }),
      has({ hosts: named('h*'), source: so(8), safety: ratio(0.5) }),
    ];
    expect(of(spec({ has: entries.slice(0, 1) })).hosts).toEqual([3, 3]);
    expect(of(spec({ has: entries.slice(0, 2) })).hosts).toEqual([5, 3]);
    expect(of(spec({ has: entries })).resolved?.hosts.get(hostId('h2'))?.safety).toBe(0.5);
    const both = [needs({ vms: named('v*'), source: so(2) }), needs({ vms: named('v2', 'v1') })];
    expect(of(spec({ needs: both })).vms).toEqual([3, undefined]);
  });

  it('are none of whom no entry is about', () => {
    const one = spec({
      has: [has({ hosts: named('h1'), source: so(5) })],
      needs: [needs({ vms: named('v1'), source: so(5) })],
    });
    expect(of(one)).toMatchObject({ hosts: [5, 0], vms: [5, 0] });
  });

  it('come in the order of their names, whatever the order in the files', () => {
    const resources = ['b', 'c', 'a'].map((name) => spec({ name }));
    const { resources: found } = classify(FLEET, aPolicy({ resources }));
    expect(found?.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('say how far a host is filled with CPU and memory, each figure by itself', () => {
    const resources = [
      spec({ name: 'cpu', has: [has({ hosts: named('h1'), safety: ratio(0.6) })] }),
      spec({
        name: 'memory',
        has: [has({ safety: ratio(0.9) }), has({ hosts: named('h1'), overcommit: ratio(2) })],
      }),
    ];
    const { hosts, resources: none } = classify(FLEET, aPolicy({ resources }));
    expect(none).toBeUndefined();
    expect(hosts.map(({ margins }) => margins)).toEqual([
      { safety: { cpu: 0.6, memory: 0.9 }, overcommitMemory: 2 },
      { safety: { memory: 0.9 }, overcommitMemory: undefined },
    ]);
  });
});

describe('the fact of a resource', () => {
  const rule = aRule({ when: over('host.resource.slots.ratio', 0.5) });
  const world = (resource: Parameters<typeof aResource>[0]): Snapshot =>
    aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })],
      vms: [aVm({ id: 'v1' }), aVm({ id: 'v2' }), aVm({ id: 'v3', powerState: 'off' })],
      resources: [aResource(resource)],
    });

  it('finds the host whose guests need too much of it', async () => {
    const needed = { has: { h1: 10, h2: 10 }, needs: { v1: 2, v2: 4 } };
    const { findings } = await new Ticks([rule]).at(0, world(needed));
    expect(findings).toMatchObject([
      { subject: { host: 'h1' }, text: 'host h1: resource.slots.ratio 60 % > 50 %' },
    ]);
  });

  it('is missing where a need or what the host has is not known', async () => {
    const unknownNeed = { has: { h1: 1, h2: 10 }, needs: { v1: 9 } };
    const first = await new Ticks([rule]).at(0, world(unknownNeed));
    expect(first.findings).toEqual([]);
    expect(first.gaps).toMatchObject([{ host: 'h1', reason: 'never-seen' }]);
    const unknownHost = { has: { h2: 10 }, needs: { v1: 9, v2: 9 } };
    const second = await new Ticks([rule]).at(0, world(unknownHost));
    expect(second.gaps).toMatchObject([{ host: 'h1', reason: 'never-seen' }]);
  });
});

// Role: `resources` in policy files, right and wrong, and what fleet files declare.
import { describe, expect, it } from 'vitest';

import { formatFleet, parseFleet } from '../../../src/config/fleet-file.ts';
import { parsePolicies } from '../../../src/config/policies.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { ResourceSpec } from '../../../src/domain/resource-spec.ts';
import { GIB } from '../../../src/domain/units.ts';
import { classify } from '../../../src/rules/classify.ts';
import { aPolicy } from '../../support/fleet.ts';

const HEAD = 'apiVersion: drover/v1\nkind: Policy\n';

function parse(body: string) {
  return parsePolicies([{ file: 'a.yaml', text: HEAD + body }]);
}

function good(resources: string): readonly ResourceSpec[] {
  const parsed = parse(`resources:\n${resources}\n`);
  if (!parsed.ok) throw new Error(parsed.error.map(formatProblem).join('\n'));
  return parsed.value.resources;
}

function bad(body: string): string {
  const parsed = parse(body);
  return parsed.ok ? '' : parsed.error.map(formatProblem).join('\n');
}

const DECLARED = { kind: 'declared' };

describe('resources of a policy', () => {
  it('need no more than a name', () => {
    expect(good('  - name: licences')).toEqual([
      {
        name: 'licences',
        origin: 'a.yaml:4',
        unit: 'number',
        transient: true,
        soft: false,
        imbalance: 0,
        has: [{ hosts: undefined, source: DECLARED, safety: undefined, overcommit: undefined }],
        needs: [{ vms: undefined, source: DECLARED, ifUnknown: undefined }],
      },
    ]);
  });

  it('take network and disk as what is measured of each VM', () => {
    const measured = (metric: string) => [
      {
        vms: undefined,
        source: { kind: 'metric', metric, statistic: 'mean' },
        ifUnknown: undefined,
      },
    ];
    const [network, disk] = good('  - name: network\n  - name: disk');
    expect(network).toMatchObject({ unit: 'bytes/s', transient: false });
    expect(network?.needs).toEqual(measured('network.used'));
    expect(disk?.needs).toEqual(measured('disk.used'));
  });

  it('read amounts, labels and metrics in the unit of the resource', () => {
    const [spec] = good(
      [
        '  - name: network',
        '    transient: true',
        '    imbalance: 0.5',
        '    has:',
        '      - { amount: 10Gbps, safetyCapacity: 70%, overcommit: 1.5 }',
        '      - { hosts: { labels: { nic: "*" } }, label: nic, each: 1Gbps }',
        '    needs:',
        '      - { metric: network.used, statistic: p95, ifUnknown: 1Gbps }',
        '      - { vms: { names: ["db-*"] }, amount: 2.5e8 }',
      ].join('\n'),
    );
    expect(spec).toMatchObject({
      transient: true,
      imbalance: 0.5,
      has: [
        { source: { kind: 'amount', amount: 1.25e9 }, safety: 0.7, overcommit: 1.5 },
        { source: { kind: 'label', label: 'nic', each: 1.25e8 } },
      ],
      needs: [
        { source: { kind: 'metric', statistic: 'p95' }, ifUnknown: 1.25e8 },
        { source: { kind: 'amount', amount: 2.5e8 } },
      ],
    });
  });

  it('say of CPU and memory only how far hosts are filled', () => {
    const [cpu, memory] = good(
      [
        '  - name: cpu',
        '    has: [{ hosts: { clusters: [prod] }, safetyCapacity: 60% }]',
        '  - name: memory',
        '    has: [{ overcommit: 1.5, safetyCapacity: 90% }]',
      ].join('\n'),
    );
    expect(cpu?.has).toMatchObject([{ source: undefined, safety: 0.6 }]);
    expect(memory?.has).toMatchObject([{ source: undefined, safety: 0.9, overcommit: 1.5 }]);
  });

  it.each([
    ['  - name: a\n  - name: a', 'another resource "a"'],
    ['  - { name: a, has: [{ amount: 80GiB }] }', 'an amount in bytes of a resource in number'],
    ['  - { name: a, unit: bytes, needs: [{ amount: 1Gbps }] }', 'an amount in bytes/s'],
    ['  - { name: a, needs: [{ amount: 1, ifUnknown: 1GiB }] }', 'an amount in bytes'],
    ['  - { name: a, has: [{ amount: 1, label: x }] }', 'expected one of amount, label'],
    ['  - { name: a, has: [{ safetyCapacity: 50% }] }', 'expected one of amount, label'],
    ['  - { name: a, has: [{ amount: 1, each: 2 }] }', '"each" goes with label'],
    ['  - { name: a, needs: [{ amount: 1, statistic: p95 }] }', '"statistic" goes with metric'],
    ['  - { name: a, needs: [{ metric: network.used }] }', 'measured in bytes/s, not in number'],
    ['  - { name: a, has: [{ amount: -1 }] }', '-1 is no amount'],
    ['  - { name: cpu, needs: [{ amount: 1 }] }', '"needs" does not go with cpu'],
    ['  - { name: cpu, has: [{ overcommit: 2 }] }', '"overcommit" is not for cpu'],
    ['  - { name: memory, has: [{ amount: 8 }] }', '"amount" does not go with memory'],
    ['  - { name: memory, has: [{ overcommit: 0.5 }] }', 'memory is at least 1'],
  ])('refuse %j', (resources, message) => {
    expect(bad(`resources:\n${resources}\n`)).toContain(message);
  });

  it('have to be named where a rule asks for one', () => {
    const rule = (name: string) =>
      [
        'rules:',
        '  - name: hot',
        '    response: relieve',
        `    when: { fact: host.resource.${name}.ratio, operator: greaterThan, value: 90% }`,
        'resources:',
        '  - name: network',
        '    has: [{ amount: 10Gbps }]',
        '',
      ].join('\n');
    expect(bad(rule('network'))).toBe('');
    const message = bad(rule('netwrk'));
    expect(message).toContain('no resource for the fact "host.resource.netwrk.ratio"');
    expect(message).toContain('did you mean "network"?');
  });
});

describe('pairs of resources', () => {
  it('are read, and have to be two that there are', () => {
    const weights = (pair: string): string => `weights: { balance: [${pair}] }\n`;
    const parsed = parse(weights('{ resources: [cpu, memory], weight: 2 }'));
    expect(parsed.ok && parsed.value.weights.balance).toEqual([
      { resources: ['cpu', 'memory'], weight: 2 },
    ]);
    expect(bad(weights('{ resources: [cpu], weight: 1 }'))).toContain('two different resources');
    expect(bad(weights('{ resources: [cpu, cpu], weight: 1 }'))).toContain('two different');
    const message = bad(weights('{ resources: [cpu, memroy], weight: 1 }'));
    expect(message).toContain('no resource "memroy"');
    expect(message).toContain('did you mean "memory"?');
  });
});

describe('a fleet file', () => {
  const text = JSON.stringify({
    apiVersion: 'drover/v1',
    kind: 'Fleet',
    hosts: [{ id: 'h1', cores: 8, memory: '32GiB', resources: { gpu: '80GiB', seats: 4 } }],
    vms: [{ id: 'v1', host: 'h1', vcpus: 2, memory: '4GiB', resources: { gpu: '20GiB' } }],
  });

  it('declares what hosts have and VMs need, and is saved without what the policy says', () => {
    const read = parseFleet(text, 'fleet.json');
    if (!read.ok) throw new Error(read.error.map(formatProblem).join('\n'));
    const { snapshot } = read.value;
    expect(snapshot.hosts[0]?.resources).toEqual({ gpu: 80 * GIB, seats: 4 });
    expect(snapshot.vms[0]?.resources).toEqual({ gpu: 20 * GIB });
    const resources = good(
      '  - { name: gpu, unit: bytes }\n  - { name: cpu, has: [{ safetyCapacity: 50% }] }',
    );
    const classified = classify(snapshot, aPolicy({ resources }));
    expect(classified.resources?.[0]?.hosts.get(snapshot.hosts[0]?.id ?? ('' as never))).toEqual({
      capacity: 80 * GIB,
      safety: 1,
    });
    expect(classified.hosts[0]?.margins).toEqual({ safety: { cpu: 0.5 } });
    const again = parseFleet(formatFleet(classified), 'again.json');
    if (!again.ok) throw new Error(again.error.map(formatProblem).join('\n'));
    expect(again.value.snapshot).toEqual({
      ...snapshot,
      vms: snapshot.vms.map((vm) => ({ ...vm })),
    });
  });
});

// Role: policy files as operators write them, right and wrong.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { defaultPolicies, loadPolicies, parsePolicies } from '../../../src/config/policies.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { PolicySet } from '../../../src/domain/policy.ts';

const HEAD = 'apiVersion: drover/v1\nkind: Policy\n';

function parse(...bodies: readonly string[]) {
  const names = ['a.yaml', 'b.yaml', 'c.yaml'];
  return parsePolicies(bodies.map((body, i) => ({ file: names[i] ?? '', text: HEAD + body })));
}

function good(...bodies: readonly string[]): PolicySet {
  const parsed = parse(...bodies);
  if (!parsed.ok) throw new Error(parsed.error.map(formatProblem).join('\n'));
  return parsed.value;
}

function bad(...bodies: readonly string[]): string[] {
  const parsed = parse(...bodies);
  return parsed.ok ? [] : parsed.error.map(formatProblem);
}

function rule(lines: string): string {
  return `rules:\n  - name: hot\n    response: relieve\n${lines.replace(/^/gm, '    ')}\n`;
}

const HOT = 'when: { fact: host.cpu.used.ratio.p95, operator: greaterThan, value: 85% }';

describe('policies', () => {
  it('say what moves cost, and how many a plan may hold', () => {
    const policy = good(
      'costs:\n  - { vms: { names: ["db-*"] }, factor: 3 }\nlimits: { movesPerPlan: 20 }',
    );
    const vms = { names: ['db-*'], labels: {}, clusters: [], sites: [] };
    expect(policy.costs).toEqual([{ vms, factor: 3 }]);
    expect(policy.limits.movesPerPlan).toBe(20);
    expect(good('weights: { imbalance: 1 }')).toMatchObject({ costs: [], limits: {} });
    expect(good('weights: { imbalance: 1 }').limits.movesPerPlan).toBeUndefined();
    expect(bad('costs:\n  - { vms: { names: [a] }, factor: 0 }')).toHaveLength(1);
    expect(bad('limits: { movesPerPlan: 0 }')).toHaveLength(1);
  });

  it('say what groups and paths cost', () => {
    const costs = (...entries: string[]): string =>
      `costs:\n${entries.map((entry) => `  - { ${entry} }`).join('\n')}`;
    const policy = good(
      costs(
        'vms: { names: ["sap-*"] }, factor: 2, once: 64GiB',
        'from: { sites: [a] }, to: { sites: [b] }, factor: 4',
        'across: rack, factor: 2',
      ),
    );
    const any = { names: [], labels: {}, clusters: [], sites: [] };
    const sap = { ...any, names: ['sap-*'] };
    expect(policy.costs).toEqual([{ vms: sap, factor: 2 }]);
    expect(policy.groupCosts).toEqual([{ origin: 'a.yaml:4', vms: sap, once: 2 ** 36 }]);
    const [from, to] = [
      { ...any, sites: ['a'] },
      { ...any, sites: ['b'] },
    ];
    expect(policy.pathCosts).toEqual([
      { origin: 'a.yaml:5', factor: 4, path: { from, to } },
      { origin: 'a.yaml:6', factor: 2, path: { across: 'rack' } },
    ]);
    for (const wrong of [
      'factor: 2',
      'vms: { names: [a] }',
      'vms: { names: [a] }, across: site, factor: 2',
      'from: { sites: [a] }, factor: 2',
      'across: site',
      'across: site, to: { sites: [b] }, factor: 2',
      'across: site, factor: 2, once: 1GiB',
      'vms: { names: [a] }, once: 0',
    ]) {
      expect([wrong, bad(costs(wrong)).length]).toEqual([wrong, 1]);
    }
  });

  it('turns human forms into code units', () => {
    const policy = good(
      rule(
        `${HOT}\nfor: 5m\nclear: { fact: host.memory.used.last, operator: lessThan, value: 2GiB }`,
      ),
      'limits: { cooldown: 1h30m, safetyCapacity: { cpu: 0.7 } }',
      'migration: { bandwidth: 10Gbps, downtimeLimit: 300ms }',
    );
    expect(policy.rules[0]).toEqual({
      name: 'hot',
      origin: 'a.yaml:4',
      policy: 'a',
      finding: 'overloaded',
      response: 'relieve',
      tier: 'optional',
      hosts: undefined,
      when: { all: [{ fact: 'host.cpu.used.ratio.p95', operator: 'greaterThan', value: 0.85 }] },
      forSeconds: 300,
      clear: { all: [{ fact: 'host.memory.used.last', operator: 'lessThan', value: 2 ** 31 }] },
      relieveBelow: undefined,
    });
    expect(policy.limits.cooldownSeconds).toBe(5400);
    expect(policy.limits.safetyCapacity).toEqual({ cpu: 0.7, memory: 1 });
    expect(policy.migration.bandwidth).toBe(1.25e9);
    expect(policy.migration.downtimeLimitSeconds).toBe(0.3);
  });

  it('merges files, and takes the same value twice for no conflict', () => {
    const limits = 'limits: { safetyCapacity: { cpu: 70% } }\n';
    const policy = good(
      `${limits}criticality: [{ vms: { names: [a] }, criticality: business }]`,
      `${limits}criticality: [{ vms: { names: [b] }, criticality: best-effort }]`,
      'mode: observe',
    );
    expect(policy.criticality.map((entry) => entry.vms.names)).toEqual([['a'], ['b']]);
    expect(policy.limits.safetyCapacity.cpu).toBe(0.7);
    expect(policy.mode.default).toBe('observe');
  });

  it('reads windows of time', () => {
    const policy = good(
      'limits: { windows: [{ zone: Europe/Berlin, days: [sat, mon], from: "22:30", to: "06:00" }]}',
    );
    expect(policy.limits.windows).toEqual([
      {
        name: 'sat,mon Europe/Berlin',
        zone: 'Europe/Berlin',
        days: [1, 6],
        startMinute: 1350,
        endMinute: 360,
      },
    ]);
  });

  it('gives every revision a name of its own', () => {
    expect(good('mode: observe').revision).toBe(good('mode: observe').revision);
    expect(good('mode: observe').revision).not.toBe(good('mode:  observe').revision);
  });

  it('needs no file at all: the defaults, and no rules', () => {
    const parsed = parsePolicies([]);
    expect(parsed.ok && parsed.value.rules).toEqual([]);
    expect(parsed.ok && parsed.value.limits).toEqual(defaultPolicies().limits);
    expect(parsed.ok && parsed.value.migration).toEqual(defaultPolicies().migration);
  });
});

describe('presets', () => {
  it.each(['default', 'conservative', 'aggressive', 'power-saving', 'demo'])(
    '%s is valid',
    async (name) => {
      const loaded = await loadPolicies([`policies/${name}.yaml`]);
      expect(loaded.ok ? [] : loaded.error.map(formatProblem)).toEqual([]);
      expect(loaded.ok && loaded.value.rules.map((entry) => entry.name)).toEqual(
        expect.arrayContaining(['cpu-overload', 'host-failing', 'maintenance-ordered']),
      );
    },
  );

  it('have an example of resources that is valid', async () => {
    const loaded = await loadPolicies(['policies/default.yaml', 'policies/resources.yaml']);
    expect(loaded.ok ? [] : loaded.error.map(formatProblem)).toEqual([]);
  });

  it('never act on a real hypervisor unless somebody says so', () => {
    expect(defaultPolicies().mode.default).toBe('by-source');
  });
});

describe('mistakes in a policy', () => {
  const MISTAKES: readonly (readonly [string, string, string])[] = [
    ['an unknown key', 'limit: {}', 'a.yaml:3:1 unknown key "limit"'],
    ['a similar key', 'limits: { cooldwn: 5m }', 'did you mean "cooldown"?'],
    ['an unknown key in mode', 'mode: { defualt: observe }', 'did you mean "default"?'],
    ['a missing key', 'rules: [{ name: x, response: notify }]', '"when" is missing'],
    ['a wrong type', 'limits: []', 'a.yaml:3:9 limits: found a list; expected an object with'],
    ['a share above one', 'limits: { gainMargin: 850% }', 'gainMargin: 8.5 is more than 1'],
    ['a percentage without its sign', 'limits: { gainMargin: 85 }', '85 is more than 1'],
    ['a negative time', 'limits: { cooldown: -5 }', '-5 is less than 0'],
    ['a negative time in words', 'limits: { cooldown: -5m }', 'cannot read "-5m"'],
    ['an ambiguous unit', 'weights: { perMove: 2G }', 'expected a size like "64GiB"'],
    ['no limit at all', 'limits: { concurrency: { total: 0 } }', '0 is less than 1'],
    ['half a move', 'limits: { concurrency: { total: 1.5 } }', '1.5 is not a whole number'],
    ['infinity', 'weights: { overload: 1e999 }', 'Infinity is not a finite number'],
    ['not a number', 'weights: { overload: .nan }', 'NaN is not a finite number'],
    ['a leading zero', 'weights: { overload: 012 }', '012 begins with a zero; write 12'],
    [
      'an unknown zone',
      'limits: { blackouts: [{ zone: Mars/X, from: "01:00", to: "02:00" }] }',
      'unknown time zone',
    ],
    ['a misspelt choice', 'mode: automtic', 'did you mean "automatic"?'],
    [
      'a selector of nothing',
      'criticality: [{ vms: {}, criticality: business }]',
      'to choose all, write names: ["*"]',
    ],
    [
      'a role that there is none',
      'own: [{ role: leger, vms: { names: [a] } }]',
      'did you mean "ledger"?',
    ],
    [
      'a ledger with the name of a controller',
      'own: [{ role: ledger, controller: ada, vms: { names: [a] } }]',
      'only a controller has this name',
    ],
    [
      'a pin to nowhere',
      'placement: [{ id: p, kind: pin, strength: hard, vms: { names: [a] } }]',
      'pin needs hosts',
    ],
    [
      'a pin with a part of another kind',
      'placement: [{ id: p, kind: among, strength: hard, vms: { names: [a] }, over: rack }]',
      'among has no over',
    ],
  ];

  it.each(MISTAKES)('%s', (_, body, expected) => {
    expect(bad(body).join('\n')).toContain(expected);
  });

  const CONDITIONS: readonly (readonly [string, string, string])[] = [
    [
      'an unknown fact',
      '{ fact: host.cpu.p95, operator: lessThan, value: 1 }',
      'did you mean "host.cpu.used.p95"?',
    ],
    [
      'a fact from the prototype',
      '{ fact: toString, operator: lessThan, value: 1 }',
      'unknown fact "toString"',
    ],
    [
      'an unknown operator',
      '{ fact: host.vms, operator: ">", value: 1 }',
      'expected one of lessThan',
    ],
    [
      'an operator for other facts',
      '{ fact: host.state, operator: lessThan, value: healthy }',
      'expected one of equal',
    ],
    [
      'text for a number',
      '{ fact: host.vms, operator: equal, value: many }',
      'expected a number of VMs',
    ],
    [
      'a ratio of 85',
      '{ fact: host.cpu.used.ratio.p95, operator: lessThan, value: 85 }',
      'expected a share like "85%"',
    ],
    [
      'a state that does not exist',
      '{ fact: host.state, operator: equal, value: ill }',
      'expected one of healthy',
    ],
    ['no value', '{ fact: host.vms, operator: equal }', '"value" is missing'],
    [
      'something else beside',
      '{ fact: host.vms, operator: equal, value: 1, path: $.x }',
      'unknown key "path"',
    ],
    ['two at once', '{ all: [], any: [] }', '"any" beside "all"'],
    ['nothing', '{ any: [] }', 'any needs conditions'],
    ['a list', '[]', 'expected a condition'],
    [
      'a fault deep inside',
      '{ all: [{ not: { fact: host.vms, operator: eqal, value: 1 } }] }',
      'did you mean "equal"?',
    ],
  ];

  it.each(CONDITIONS)('in a condition: %s', (_, when, expected) => {
    expect(bad(rule(`when: ${when}`)).join('\n')).toContain(expected);
  });

  it('points at the very spot, and shows all mistakes at once', () => {
    expect(bad(`${rule(`${HOT}\nfor: 5 minutes`)}limits: { gainMargin: x }\n`)).toEqual([
      'a.yaml:7:10 for: cannot read "5 minutes"; ' +
        'expected a time like "5m", "90s" or "1h30m", or a number of seconds',
      'a.yaml:8:23 gainMargin: cannot read "x"; expected a share like "85%" or 0.85',
    ]);
  });

  it('names both places of a conflict', () => {
    const found = bad('limits: { gainMargin: 5% }', '\nlimits:\n  gainMargin: 6%');
    expect(found).toEqual([
      'b.yaml:5:15 "limits.gainMargin" has another value than at a.yaml:3:23; keep one of the two',
    ]);
    expect(bad(rule(HOT), rule(HOT)).join()).toContain('another rule "hot" than at a.yaml:4:5');
  });

  it('finds relief that would take away what consolidation gathers', () => {
    const two = (options: string): string =>
      `rules:
  - name: hot
    response: relieve
    when: { fact: host.vms, operator: greaterThan, value: 9 }
    relieveBelow: 60%
  - name: idle
    response: ${options}
    when: { fact: host.vms, operator: lessThan, value: 2 }
`;
    expect(bad(two('consolidate'))).toEqual([
      'a.yaml:4:5 "hot" relieves hosts to 60 %, and consolidation fills them to 65 %; ' +
        'a relieveBelow of at least limits.consolidation.fillTo.cpu',
    ]);
    const less = 'limits: { consolidation: { fillTo: { cpu: 60% } } }';
    expect(bad(two('consolidate'), less)).toEqual([]);
    expect(bad(two('level'))).toEqual([]);
    const memory = two('consolidate').replace('host.vms', 'host.memory.configured.ratio');
    expect(bad(memory.replace('60%', '80%'))).toEqual([
      'a.yaml:4:5 "hot" relieves hosts to 80 % of their memory, and consolidation fills them to ' +
        '90 %; a relieveBelow of at least limits.consolidation.fillTo.memory',
    ]);
    expect(bad(memory.replace('60%', '90%'))).toEqual([]);
    const either = memory.replace(/when: (.*)/, 'when: { any: [$1, { all: [$1] }] }');
    expect(bad(either.replace('60%', '80%'))).toHaveLength(1);
    const cpu = '{ fact: host.cpu.used.ratio.mean, operator: greaterThan, value: 86% }';
    const inner = memory.replace(/when: (.*)/, `when: { all: [{ any: [${cpu}, $1] }] }`);
    expect(bad(inner.replace('60%', '80%'))).toHaveLength(1);
    // Consolidation keeps to the safety capacity, too.
    const bounded = 'limits: { safetyCapacity: { memory: 80% } }';
    expect(bad(memory.replace('60%', '80%'), bounded)).toEqual([]);
  });

  it('finds placement rules that cannot both hold', () => {
    const one = (id: string, kind: string): string =>
      `placement: [{ id: ${id}, kind: ${kind}, strength: hard, ${about} }]`;
    const about = 'vms: { names: [db*] }, hosts: { names: [h1] }';
    expect(bad(one('p', 'pin'), one('q', 'avoid')).join()).toContain('demands something else');
  });

  it('stops after fifty', () => {
    const body = `limits:\n${Array.from({ length: 80 }, (_, i) => `  k${i}: 1\n`).join('')}`;
    const found = bad(body);
    expect(found).toHaveLength(51);
    expect(found.at(-1)).toContain('and 30 more problems');
  });
});

describe('hostile or broken policy files', () => {
  const FILES: readonly (readonly [string, string, string])[] = [
    ['empty', '', 'the file is empty'],
    ['only a comment', '# nothing\n', 'the file is empty'],
    ['not YAML', 'a: [', 'x.yaml:'],
    ['tabs', 'rules:\n\t- name: x\n', 'x.yaml:2:1'],
    ['a key twice', `${HEAD}mode: observe\nmode: automatic\n`, 'x.yaml:4:1'],
    ['two documents', `${HEAD}---\n${HEAD}`, 'x.yaml:'],
    ['an unknown tag', `${HEAD}mode: !!js/function x\n`, 'x.yaml:3'],
    ['a list', '- 1\n', 'x.yaml:1:1 found a list'],
    ['binary', '\u0000\u0001\u0002', 'x.yaml:'],
    ['huge', `# ${'x'.repeat(600_000)}`, 'the file is too large'],
    ['the prototype', `${HEAD}__proto__: { polluted: true }\n`, 'unknown key "__proto__"'],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefgh')
        .map((name, i) => {
          const before = 'abcdefg'[i];
          return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]\n`;
        })
        .join('')}`,
      'use fewer YAML aliases',
    ],
  ];

  it.each(FILES)('%s', (_, text, expected) => {
    const parsed = parsePolicies([{ file: 'x.yaml', text }]);
    expect(parsed.ok ? '' : parsed.error.map(formatProblem).join('\n')).toContain(expected);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('reads CRLF and a byte order mark like any other file', () => {
    const text = `\uFEFF${HEAD}mode: observe\n`.replaceAll('\n', '\r\n');
    const parsed = parsePolicies([{ file: 'x.yaml', text }]);
    expect(parsed.ok && parsed.value.mode.default).toBe('observe');
  });

  it('reports a file that is not there, and reads folders without their tests', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drover-policies-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'one.yaml'), `${HEAD}mode: observe\n`);
    await writeFile(join(folder, 'one.test.yaml'), 'not a policy');
    const loaded = await loadPolicies([folder]);
    expect(loaded.ok && loaded.value.files).toEqual([join(folder, 'one.yaml')]);
    const missing = await loadPolicies([join(folder, 'two.yaml')]);
    expect(missing.ok ? '' : missing.error[0]?.message).toContain('cannot be read');
  });
});

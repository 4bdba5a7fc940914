import { describe, expect, it } from 'vitest';
import { hostId } from '../../../src/domain/ids.ts';
import { epochSeconds, ratio, seconds } from '../../../src/domain/units.ts';
import { RuleBook } from '../../../src/rules/rule-book.ts';
import { aHost, aPolicy, aSnapshot, TEST_NOW } from '../../support/fleet.ts';
import { aBook, anOrder, aRule, blind, busy, over, Ticks, under } from './support.ts';

describe('a rule that holds', () => {
  it('gives a finding with its evidence and a sentence', async () => {
    const rule = aRule({ relieveBelow: ratio(0.7) });
    const { findings, gaps } = await new Ticks([rule]).at(0, busy(0.91));
    expect(findings).toEqual([
      {
        id: 'rule:test:hot:h1',
        kind: 'overloaded',
        response: 'relieve',
        tier: 'optional',
        subject: { kind: 'host', host: 'h1' },
        trigger: { kind: 'rule', policy: 'test', rule: 'hot' },
        since: TEST_NOW,
        evidence: [
          {
            fact: 'host.cpu.used.ratio.p95',
            operator: 'greaterThan',
            threshold: 0.85,
            value: 0.91,
          },
        ],
        text: 'host h1: cpu.used.ratio p95 91 % > 85 %',
        relieveBelow: 0.7,
        deadline: undefined,
      },
    ]);
    expect(gaps).toEqual([]);
  });

  it('takes as evidence only what decided it, under `not` as the opposite', async () => {
    const rule = aRule({
      when: {
        all: [
          {
            any: [
              over('host.cpu.used.ratio.p95', 0.8),
              over('host.cpu.used.ratio.mean', 0.99),
              over('host.psi.cpu.some.mean', 0.1),
            ],
          },
          { not: { any: [over('host.vms', 3), under('host.cpu.used.last', 1)] } },
          { fact: 'host.state', operator: 'in', value: ['healthy', 'warn'] },
        ],
      },
    });
    const { findings } = await new Ticks([rule]).at(0, busy(0.9));
    expect(findings[0]?.evidence.map(({ fact, operator }) => [fact, operator])).toEqual([
      ['host.cpu.used.ratio.p95', 'greaterThan'],
      ['host.vms', 'lessThanInclusive'],
      ['host.cpu.used.last', 'greaterThanInclusive'],
      ['host.state', 'in'],
    ]);
    expect(findings[0]?.text).toBe(
      'host h1: cpu.used.ratio p95 90 % > 80 % and vms 0 ≤ 3 ' +
        'and cpu.used last 14.4 cores ≥ 1 core and 1 more',
    );
  });

  it('looks only at the hosts that it names', async () => {
    const hosts = { names: ['h2'], labels: {}, clusters: [], sites: [] };
    const { findings } = await new Ticks([aRule({ hosts })]).at(
      0,
      aSnapshot({ hosts: [aHost({ id: 'h1', cpuUsed: 16 }), aHost({ id: 'h2', cpuUsed: 16 })] }),
    );
    expect(findings.map((finding) => finding.subject)).toEqual([{ kind: 'host', host: 'h2' }]);
  });

  it('is found for host ids of any length, each with its own id', async () => {
    const long = 'x'.repeat(255);
    const snapshot = aSnapshot({
      hosts: [aHost({ id: `${long}1`, cpuUsed: 16 }), aHost({ id: `${long}2`, cpuUsed: 16 })],
    });
    const { findings } = await new Ticks([aRule()]).at(0, snapshot);
    expect(new Set(findings.map((finding) => finding.id)).size).toBe(2);
  });
});

describe('hysteresis', () => {
  const rule = aRule({ clear: under('host.cpu.used.ratio.p95', 0.7) });

  it('keeps the finding until `clear` holds, and says that it is not over yet', async () => {
    const ticks = new Ticks([rule]);
    await ticks.at(0, busy(0.9));
    const between = (await ticks.at(60, busy(0.8))).findings;
    expect(between[0]).toMatchObject({
      response: 'relieve',
      since: TEST_NOW,
      text: 'host h1: not over yet: cpu.used.ratio p95 80 % ≥ 70 %',
    });
    expect((await ticks.at(120, busy(0.69))).findings).toEqual([]);
    expect((await ticks.at(180, busy(0.8))).findings).toEqual([]);
  });

  it('without `clear` ends when the condition does', async () => {
    const ticks = new Ticks([aRule()]);
    await ticks.at(0, busy(0.9));
    expect((await ticks.at(60, busy(0.8))).findings).toEqual([]);
  });

  it('is not confused by a `clear` that overlaps with the condition', async () => {
    const careless = aRule({ clear: under('host.cpu.used.ratio.p95', 0.95) });
    const ticks = new Ticks([careless]);
    for (const second of [0, 60, 120]) {
      expect((await ticks.at(second, busy(0.9))).findings[0]?.since).toBe(TEST_NOW);
    }
  });

  it('an open finding of which nothing is known stays, but asks for no optional move', async () => {
    const ticks = new Ticks([rule]);
    await ticks.at(0, busy(0.9));
    const [open] = (await ticks.at(60, blind('source-down'))).findings;
    expect(open).toMatchObject({ id: 'rule:test:hot:h1', response: 'notify', since: TEST_NOW });
    expect(open?.text).toBe(
      'host h1: hot not confirmed any more: cpu.used.ratio p95 is source-down',
    );
    const [again] = (await ticks.at(120, busy(0.9))).findings;
    expect(again).toMatchObject({ response: 'relieve', since: TEST_NOW });
  });

  it('stays, and asks for nothing, while nobody knows whether it is over', async () => {
    const twoFacts = aRule({ clear: under('host.psi.cpu.some.mean', 0.1) });
    const ticks = new Ticks([twoFacts]);
    await ticks.at(0, busy(0.9));
    const { findings, gaps } = await ticks.at(60, busy(0.5));
    expect(findings).toMatchObject([{ response: 'notify', since: TEST_NOW }]);
    expect(findings[0]?.text).toContain('psi.cpu.some mean is never-seen');
    expect(gaps).toMatchObject([{ fact: 'host.psi.cpu.some.mean' }]);
    // Where it is no finding, that is no gap.
    expect((await new Ticks([twoFacts]).at(0, busy(0.5))).gaps).toEqual([]);
  });

  it('a mandatory one goes on asking', async () => {
    const failing = aRule({
      name: 'ecc',
      finding: 'failing',
      response: 'evacuate',
      tier: 'mandatory',
      when: { fact: 'host.health.memory', operator: 'equal', value: 'critical' },
    });
    const ticks = new Ticks([failing]);
    const at = epochSeconds(TEST_NOW);
    const source = aHost().source;
    const sick = aHost({
      health: [{ component: 'memory', level: 'critical', detail: 'ECC', at, source }],
    });
    expect((await ticks.at(0, aSnapshot({ hosts: [sick] }))).findings).toHaveLength(1);
    const [open] = (await ticks.at(60, aSnapshot())).findings;
    expect(open).toMatchObject({ response: 'evacuate', tier: 'mandatory' });
  });
});

describe('memory', () => {
  it('keeps what a source that is down will bring back, and nothing else', async () => {
    const ticks = new Ticks([aRule()]);
    expect((await ticks.at(0, busy(0.5))).memory).toEqual([]);
    await ticks.at(60, busy(0.9));
    const gone = aSnapshot({ hosts: [aHost({ id: 'h2' })] });
    expect((await ticks.at(120, gone)).findings).toEqual([]);
    const [back] = (await ticks.at(180, busy(0.9))).findings;
    expect(back?.since).toBe(TEST_NOW + 60);
    await ticks.at(240, gone);
    expect((await ticks.at(60 + 8 * 86_400, gone)).memory).toEqual([]);
  });

  it('forgets rules that are gone', async () => {
    const ticks = new Ticks([aRule()]);
    await ticks.at(0, busy(0.9));
    const other = new Ticks([aRule({ name: 'other' })]);
    other.memory = ticks.memory;
    const { memory } = await other.at(60, busy(0.5));
    expect(memory).toEqual([]);
  });

  it('same input, same output, whatever the order of rules and memory', async () => {
    const rules = [aRule({ name: 'a' }), aRule({ name: 'b' }), aRule({ name: 'c', policy: 'p' })];
    const snapshot = aSnapshot({
      hosts: [aHost({ id: 'h1', cpuUsed: 15 }), aHost({ id: 'h2', cpuUsed: 15 })],
    });
    const input = { snapshot, orders: [anOrder()], memory: [], now: TEST_NOW };
    const once = await aBook(rules).evaluate(input);
    const twice = await aBook(rules.toReversed()).evaluate(input);
    expect(JSON.stringify(twice)).toBe(JSON.stringify(once));
    expect(once.findings.map((finding) => finding.id)).toEqual(
      once.findings.map((finding) => finding.id).toSorted(),
    );
    const again = await aBook(rules).evaluate({ ...input, memory: once.memory.toReversed() });
    expect(JSON.stringify(again.memory)).toBe(JSON.stringify(once.memory));
  });

  it('gives way every fifty hosts', async () => {
    let pauses = 0;
    const hosts = Array.from({ length: 120 }, (_, index) => aHost({ id: `h${index}` }));
    await aBook([aRule()]).evaluate({
      snapshot: aSnapshot({ hosts }),
      orders: [],
      memory: [],
      now: TEST_NOW,
      pause: async () => {
        pauses += 1;
      },
    });
    expect(pauses).toBe(2);
  });
});

describe('compile', () => {
  function errorsOf(...rules: ReturnType<typeof aRule>[]): readonly string[] {
    const book = RuleBook.compile(aPolicy({ rules }));
    return book.ok ? [] : book.error;
  }

  it.each([
    [
      { fact: 'host.cpu.p95', operator: 'greaterThan', value: 1 },
      "no fact is named 'host.cpu.p95'",
    ],
    [{ fact: 'constructor', operator: 'equal', value: 'x' }, "no fact is named 'constructor'"],
    [{ fact: 'host.vms', operator: 'above', value: 1 }, "'above' does not fit host.vms"],
    [{ fact: 'host.vms', operator: 'contains', value: 1 }, "'contains' does not fit host.vms"],
    [{ fact: 'host.vms', operator: 'greaterThan', value: '1' }, '"1" does not fit host.vms'],
    [{ fact: 'host.vms', operator: 'greaterThan', value: Number.NaN }, 'expected a number'],
    [{ fact: 'host.vms', operator: 'equal', value: { fact: 'host.vms' } }, 'expected a number'],
    [{ fact: 'host.vms', operator: 'in', value: [] }, 'at least one value'],
    [{ fact: 'host.vms', operator: 'in', value: 3 }, 'expects a list'],
    [{ fact: 'host.state', operator: 'equal', value: 'ill' }, 'expected healthy, warn'],
    [{ fact: 'host.health.fan', operator: 'equal', value: 'bad' }, 'expected ok, warning'],
    [{ fact: 'host.vms', operator: 'equal', value: 1, path: '$.x' }, 'not path'],
    [{ all: [] }, 'when.all: expected at least one'],
    [{ any: [] }, 'when.any: expected at least one'],
    [{ all: [over('host.vms', 1)], any: [over('host.vms', 1)] }, "'all' stands alone"],
    [{ not: { any: [under('nothing', 1)] } }, 'when.not.any[0]: no fact'],
  ])('refuses %j', (when, expected) => {
    const errors = errorsOf(aRule({ when: when as never }));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('test.yaml:1: rule hot: when');
    expect(errors[0]).toContain(expected);
  });

  it('refuses a condition that is nested without end', () => {
    let when = over('host.vms', 1);
    for (let depth = 0; depth < 100; depth += 1) when = { not: when };
    expect(errorsOf(aRule({ when }))[0]).toContain('nested more than 32 deep');
  });

  it('reports every error, and the same rule twice', () => {
    const bad = aRule({ name: 'bad', when: over('x', 1), clear: over('y', 1) });
    expect(errorsOf(bad, aRule(), aRule({ origin: 'test.yaml:9' }))).toEqual([
      "test.yaml:1: rule bad: when: no fact is named 'x'",
      "test.yaml:1: rule bad: clear: no fact is named 'y'",
      'test.yaml:9: rule hot stands at test.yaml:1 already',
    ]);
  });

  it('accepts a single condition, a negation and lists', async () => {
    const rules = [
      aRule({ name: 'a', when: { not: over('host.vms', 1) } }),
      aRule({ name: 'b', when: { fact: 'host.alerts', operator: 'contains', value: 'Hot' } }),
      aRule({ name: 'c', when: { fact: 'host.vms', operator: 'in', value: [0, 1] } }),
    ];
    const alerts = [{ name: 'Hot', labels: {}, since: TEST_NOW }];
    const { findings } = await new Ticks(rules).at(0, aSnapshot({ hosts: [aHost({ alerts })] }));
    expect(findings.map((finding) => finding.text)).toEqual([
      'host h1: vms 0 ≤ 1',
      'host h1: alerts Hot contains Hot',
      'host h1: vms 0 is one of 0, 1',
    ]);
  });
});

describe('explainHost', () => {
  it('shows each rule with its conditions, what they met, and the gaps', async () => {
    const rules = [
      aRule({ clear: under('host.cpu.used.ratio.p95', 0.7), forSeconds: seconds(300) }),
      aRule({ name: 'cold', when: under('host.cpu.used.ratio.p95', 0.1) }),
      aRule({
        name: 'elsewhere',
        hosts: { names: ['h2'], labels: {}, clusters: [], sites: [] },
        when: over('host.vms', 3),
      }),
      aRule({ name: 'stalled', when: over('host.psi.cpu.some.mean', 0.2) }),
    ];
    const book = aBook(rules);
    const input = { snapshot: busy(0.9), orders: [], memory: [] };
    const { memory } = await book.evaluate({ ...input, now: epochSeconds(TEST_NOW - 150) });
    const explained = book.explainHost({ ...input, memory, host: hostId('h1') });
    const shown = explained?.map(({ rule, applies, truth, clear }) => [
      rule,
      applies,
      truth,
      clear,
    ]);
    expect(shown).toEqual([
      ['cold', true, 'false', undefined],
      ['elsewhere', false, 'false', undefined],
      ['hot', true, 'true', 'false'],
      ['stalled', true, 'unknown', undefined],
    ]);
    expect(explained?.map((one) => one.text)).toEqual([
      'does not hold: cpu.used.ratio p95 90 % ≥ 10 %',
      'not for this host: its selector leaves it out',
      'holds for 3 min of 5 min: cpu.used.ratio p95 90 % > 85 %',
      'cannot be judged: psi.cpu.some mean is missing (never-seen)',
    ]);
    expect(explained?.[2]?.conditions.map((condition) => condition.truth)).toEqual([true, false]);
    expect(explained?.[3]?.conditions[0]?.found).toEqual({
      kind: 'missing',
      reason: 'never-seen',
    });
    const later = await book.evaluate({ ...input, memory, now: epochSeconds(TEST_NOW + 150) });
    const snapshot = { ...busy(0.8), takenAt: epochSeconds(TEST_NOW + 450) };
    const open = book.explainHost({ ...input, ...later, snapshot, host: hostId('h1') });
    expect(open?.[2]?.text).toBe('a finding for 5 min: cpu.used.ratio p95 80 % ≤ 85 %');
    expect(book.explainHost({ ...input, host: hostId('h9') })).toBeUndefined();
  });
});

// Three-valued conditions against a reference that knows nothing of logic: it fills in every
// missing fact in every way and looks whether the answer depends on it. And against the engine.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, FactCondition } from '../../src/domain/policy.ts';
import { checkCondition, leavesOf, type Truth, truthOf } from '../../src/rules/condition.ts';
import type { Fact, FactLookup } from '../../src/rules/host-facts.ts';
import { Judge } from '../../src/rules/judge.ts';
import { missingWindow } from '../../src/domain/measured.ts';
import { aHost, aSnapshot, held } from '../support/fleet.ts';
import { aRule, Ticks } from '../unit/rules/support.ts';

/** Few facts and values, so that conditions meet and contradict each other often. */
const NUMBERS = [
  'host.cpu.used.last',
  'host.memory.used.last',
  'host.network.used.last',
  'host.psi.cpu.some.last',
] as const;

const leaf: fc.Arbitrary<FactCondition> = fc.oneof(
  fc.record({
    fact: fc.constantFrom(...NUMBERS),
    operator: fc.constantFrom(
      'lessThan',
      'lessThanInclusive',
      'greaterThan',
      'greaterThanInclusive',
      'equal',
      'notEqual',
    ),
    value: fc.nat(3),
  }),
  fc.record({
    fact: fc.constantFrom(...NUMBERS),
    operator: fc.constantFrom('in', 'notIn'),
    value: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
  }),
);

const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ all: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('node') }),
  ),
})).node;

type Values = Readonly<Record<string, number | undefined>>;

const values: fc.Arbitrary<Values> = fc.record(
  Object.fromEntries(NUMBERS.map((name) => [name, fc.option(fc.nat(3), { nil: undefined })])),
);

function lookup(given: Values): FactLookup {
  return (name): Fact => {
    const value = given[name];
    return value === undefined ? { kind: 'missing', reason: 'stale' } : { kind: 'known', value };
  };
}

/** Plain two-valued truth; every leaf of a missing fact comes out as `fill` says. */
function plain(node: Condition, given: Values, fill: (leaf: FactCondition) => boolean): boolean {
  if ('all' in node) return node.all.every((part) => plain(part, given, fill));
  if ('any' in node) return node.any.some((part) => plain(part, given, fill));
  if ('not' in node) return !plain(node.not, given, fill);
  const value = given[node.fact];
  if (value === undefined) return fill(node);
  const threshold = node.value as number & number[];
  const answers: Record<string, boolean> = {
    lessThan: value < threshold,
    lessThanInclusive: value <= threshold,
    greaterThan: value > threshold,
    greaterThanInclusive: value >= threshold,
    equal: value === threshold,
    notEqual: value !== threshold,
    in: Array.isArray(threshold) && threshold.includes(value),
    notIn: Array.isArray(threshold) && !threshold.includes(value),
  };
  return answers[node.operator]!;
}

/** Kleene's logic: settled exactly if no way of filling in the missing leaves changes it. */
function reference(node: Condition, given: Values): Truth {
  const open = leavesOf(node).filter((part) => given[part.fact] === undefined);
  const seen = new Set<boolean>();
  const ways = 2 ** Math.min(open.length, 10);
  for (let way = 0; way < ways; way += 1) {
    const chosen = new Map(open.map((part, index) => [part, ((way >> index) & 1) === 1]));
    seen.add(plain(node, given, (part) => chosen.get(part)!));
  }
  if (seen.size === 2) return 'unknown';
  return seen.has(true);
}

describe('the truth of a condition', () => {
  it('equals the reference', () => {
    fc.assert(
      fc.property(condition, values, (node, given) => {
        fc.pre(leavesOf(node).length <= 10);
        expect(checkCondition(node, 'when')).toEqual([]);
        expect(truthOf(node, lookup(given))).toBe(reference(node, given));
      }),
      { numRuns: 500 },
    );
  });

  it('is the engine’s wherever it is settled, and the evidence is true', async () => {
    await fc.assert(
      fc.asyncProperty(condition, values, async (node, given) => {
        const facts = lookup(given);
        const truth = truthOf(node, facts);
        fc.pre(truth !== 'unknown');
        const { holds, evidence } = await new Judge(node).judge(facts);
        expect(holds).toBe(truth);
        for (const { fact, operator, threshold, value } of evidence) {
          expect(value).toBe(given[fact]);
          expect(truthOf({ fact, operator, value: threshold }, facts)).toBe(true);
        }
      }),
    );
  });

  it('settled evidence alone settles the condition', async () => {
    await fc.assert(
      fc.asyncProperty(condition, values, async (node, given) => {
        const truth = truthOf(node, lookup(given));
        fc.pre(truth !== 'unknown');
        const { evidence } = await new Judge(node).judge(lookup(given));
        const named = new Set(evidence.map((part) => part.fact));
        const only = Object.fromEntries(Object.entries(given).filter(([fact]) => named.has(fact)));
        expect(truthOf(node, lookup(only))).toBe(truth);
      }),
    );
  });
});

describe('a rule book', () => {
  it('fires no rule on missing facts, whatever the condition', async () => {
    await fc.assert(
      fc.asyncProperty(condition, fc.boolean(), async (when, absent) => {
        const gone = missingWindow('implausible');
        const metrics = absent
          ? {}
          : { 'memory.used': gone, 'network.used': gone, 'psi.cpu.some': gone };
        const hosts = [aHost({ metrics: { ...metrics, 'cpu.used': gone } })];
        const outcome = await new Ticks([aRule({ when })]).at(0, aSnapshot({ hosts }));
        expect(outcome.findings).toEqual([]);
        expect(outcome.memory).toEqual([]);
        expect(outcome.gaps.length).toBeGreaterThan(0);
      }),
    );
  });

  it('fires exactly where the reference is true', async () => {
    await fc.assert(
      fc.asyncProperty(condition, values, async (when, given) => {
        fc.pre(leavesOf(when).length <= 10);
        const metrics = Object.fromEntries(
          Object.entries(given).map(([fact, value]) => [
            fact.replace(/^host\./u, '').replace(/\.last$/u, ''),
            value === undefined ? missingWindow('stale') : held(value),
          ]),
        );
        const snapshot = aSnapshot({ hosts: [aHost({ metrics })] });
        const { findings } = await new Ticks([aRule({ when })]).at(0, snapshot);
        expect(findings.length).toBe(reference(when, given) === true ? 1 : 0);
      }),
    );
  });
});

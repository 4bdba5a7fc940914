/**
 * Conditions of rules, judged when they are loaded: the engine would find an unknown operator or
 * fact only in the middle of a tick, and compares "5" with 1 without a word. What passes here has
 * facts of the catalogue, operators that fit them, and values in code units.
 */

import { z } from 'zod';
import { FACTS, factInfo, type FactInfo, RESOURCE_FACT_INFO } from '../domain/facts.ts';
import { HEALTH_LEVELS, HOST_STATES } from '../domain/host.ts';
import type { Condition, FactCondition } from '../domain/policy.ts';
import { type Result, fail, ok } from '../domain/result.ts';
import { nearest } from './problem.ts';
import { type Quantity, RATE, SHARE, SIZE } from './quantities.ts';

const ORDERED = ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'] as const;
const EQUAL = ['equal', 'notEqual'] as const;
const ONE_OF = ['in', 'notIn'] as const;

/** The engine's operators that make sense for each type of fact. */
export const OPERATORS: Readonly<Record<FactInfo['type'], readonly string[]>> = {
  number: [...ORDERED, ...EQUAL],
  text: [...EQUAL, ...ONE_OF],
  list: ['contains', 'doesNotContain'],
};

/** Nested deeper than this, nobody understands it any more. */
const DEPTH_MAX = 10;

const UNITS: Readonly<Record<string, Quantity>> = { ratio: SHARE, bytes: SIZE, 'bytes/s': RATE };

/** The values that a text fact can have; a fact that is not here can have any. */
function knownValues(fact: string): readonly string[] | undefined {
  if (fact === 'host.state') return HOST_STATES;
  if (fact === 'host.connection') return ['connected', 'disconnected'];
  if (fact === 'host.order') return ['none', 'maintenance', 'evacuate'];
  return fact.startsWith('host.health.') ? HEALTH_LEVELS : undefined;
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly expected: string;
  readonly hint: string;
}

type Report = (fault: Partial<Fault> & Pick<Fault, 'path' | 'message'>) => undefined;

/** A condition; a bare fact condition becomes an `all` of one, which is what the engine takes. */
export const condition: z.ZodType<Condition, unknown> = z
  .unknown()
  .transform((input, context): Condition => {
    let isGood = true;
    const report: Report = ({ path, message, expected = '', hint = '' }) => {
      isGood = false;
      context.issues.push({
        code: 'custom',
        message,
        input,
        path: [...path],
        params: { expected, hint },
      });
      return undefined;
    };
    const found =
      input === undefined ? report({ path: [], message: 'is missing' }) : read(input, [], report);
    if (!isGood || found === undefined) return z.NEVER;
    return 'fact' in found ? { all: [found] } : found;
  })
  .meta({
    expected: 'a condition: all, any, not, or fact, operator and value',
    $ref: '#/$defs/condition',
  });

function read(input: unknown, path: readonly PropertyKey[], report: Report): Condition | undefined {
  const expected = 'a condition: all, any, not, or fact, operator and value';
  if (path.length > 2 * DEPTH_MAX) return report({ path, message: 'nested too deeply' });
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return report({ path, message: 'not a condition', expected });
  }
  const entries = new Map<string, unknown>(Object.entries(input));
  if (entries.has('fact')) return readFact(entries, path, report);
  const [kind = '', content] = [...entries][0] ?? [];
  const surplus = [...entries.keys()][1];
  if (surplus !== undefined) {
    return report({ path: [...path, surplus], message: `"${surplus}" beside "${kind}"`, expected });
  }
  if (kind === 'not') {
    const inner = read(content, [...path, kind], report);
    return inner === undefined ? undefined : { not: inner };
  }
  if (kind !== 'all' && kind !== 'any') {
    return report({ path: [...path, kind], message: `unknown key "${kind}"`, expected });
  }
  if (!Array.isArray(content) || content.length === 0) {
    const hint = 'an empty list would hold always (all) or never (any)';
    return report({
      path: [...path, kind],
      message: `${kind} needs conditions`,
      expected: 'a list',
      hint,
    });
  }
  const items = content.map((item, i) => read(item, [...path, kind, i], report));
  const whole = items.filter((item) => item !== undefined);
  if (whole.length < items.length) return undefined;
  return kind === 'all' ? { all: whole } : { any: whole };
}

function readFact(
  entries: ReadonlyMap<string, unknown>,
  path: readonly PropertyKey[],
  report: Report,
): FactCondition | undefined {
  for (const key of entries.keys()) {
    if (key === 'fact' || key === 'operator' || key === 'value') continue;
    const expected = 'fact, operator, value';
    return report({
      path: [...path, key],
      message: `unknown key "${key}" in a condition`,
      expected,
    });
  }
  const fact = entries.get('fact');
  const info = typeof fact === 'string' ? factInfo(fact) : undefined;
  if (typeof fact !== 'string' || info === undefined) {
    const near = nearest(String(fact), Object.keys(FACTS));
    return report({
      path: [...path, 'fact'],
      message: `unknown fact ${JSON.stringify(fact)}`,
      expected: 'a fact of the catalogue (policies/FACTS.md)',
      hint: near === undefined ? '' : `did you mean "${near}"?`,
    });
  }
  const operator = entries.get('operator');
  const operators = OPERATORS[info.type];
  if (typeof operator !== 'string' || !operators.includes(operator)) {
    const near = nearest(String(operator), operators);
    return report({
      path: entries.has('operator') ? [...path, 'operator'] : path,
      message: entries.has('operator')
        ? `operator ${JSON.stringify(operator)} does not go with ${fact}`
        : '"operator" is missing',
      expected: `one of ${operators.join(', ')}`,
      hint: near === undefined ? '' : `did you mean "${near}"?`,
    });
  }
  if (!entries.has('value')) return report({ path, message: '"value" is missing' });
  const value = readValue(fact, info, operator, entries.get('value'));
  if (value.ok) return { fact, operator, value: value.value };
  return report({
    path: [...path, 'value'],
    message: `cannot read ${JSON.stringify(entries.get('value'))}`,
    expected: value.error,
  });
}

/** The value in code units, or what was expected. */
function readValue(
  fact: string,
  info: FactInfo,
  operator: string,
  input: unknown,
): Result<unknown, string> {
  switch (info.type) {
    case 'number':
      return readNumber(info, input);
    case 'text': {
      const isList = operator === 'in' || operator === 'notIn';
      const known = knownValues(fact);
      const isGood = (one: unknown): boolean =>
        typeof one === 'string' && one !== '' && (known?.includes(one) ?? true);
      const values: readonly unknown[] = isList && Array.isArray(input) ? input : [input];
      if ((isList && !Array.isArray(input)) || values.length === 0 || !values.every(isGood)) {
        const what = known === undefined ? 'text' : `one of ${known.join(', ')}`;
        return fail(isList ? `a list, each ${what}` : what);
      }
      return ok(input);
    }
    case 'list':
      return typeof input === 'string' && input !== '' ? ok(input) : fail('text');
    default:
      return info.type satisfies never;
  }
}

function readNumber(info: FactInfo, input: unknown): Result<unknown, string> {
  const base = info.unit.endsWith('/h') ? info.unit.slice(0, -2) : info.unit;
  const kind = UNITS[base];
  const perHour = base === info.unit ? '' : ', per hour';
  const expected = (kind?.expected ?? `a number of ${base}`) + perHour;
  if (typeof input === 'number' && Number.isFinite(input)) {
    // A ratio written as 85 instead of 85% would never be reached, and nobody would notice.
    const isWrongScale = info.unit === 'ratio' && (input < 0 || input > 10);
    return isWrongScale ? fail(expected) : ok(input);
  }
  if (typeof input !== 'string' || kind === undefined) return fail(expected);
  const read = kind.parse(input);
  return read.ok ? read : fail(expected);
}

/** JSON Schema of a condition, for `$defs`. */
export function conditionJsonSchema(): Record<string, unknown> {
  const nested = { $ref: '#/$defs/condition' };
  const many = { type: 'array', items: nested, minItems: 1 };
  const facts = Object.entries(FACTS).map(([name, info]) => ({
    const: name,
    description: info.doc,
  }));
  const { doc } = RESOURCE_FACT_INFO;
  const resourceFacts = { pattern: '^host\\.resource\\..+\\.ratio$', description: doc };
  const strict = { type: 'object', additionalProperties: false };
  return {
    description: 'json-rules-engine condition over the fact catalogue',
    oneOf: [
      { ...strict, properties: { all: many }, required: ['all'] },
      { ...strict, properties: { any: many }, required: ['any'] },
      { ...strict, properties: { not: nested }, required: ['not'] },
      {
        ...strict,
        properties: {
          fact: { oneOf: [...facts, resourceFacts] },
          operator: { enum: [...new Set(Object.values(OPERATORS).flat())] },
          value: {
            description: 'a number, a human form ("85%", "64GiB", "10Gbps"), text, or a list',
          },
        },
        required: ['fact', 'operator', 'value'],
      },
    ],
  };
}

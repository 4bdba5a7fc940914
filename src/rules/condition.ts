/**
 * Conditions outside the engine: their check at load, and their truth in three values. The engine
 * knows only true and false and takes what is missing for one of them; here a missing fact makes
 * a condition *unknown*, and unknown stays unknown under `not` (Kleene's strong logic, 1938):
 * `all` is false as soon as one part is, `any` true as soon as one part is, whatever is missing.
 */

import { factInfo, type FactInfo } from '../domain/facts.ts';
import type { Condition, FactCondition } from '../domain/policy.ts';
import { type FactLookup, type FactValue, textsOf } from './host-facts.ts';

export type Truth = true | false | 'unknown';

/** Operators by the type of the fact, in json-rules-engine's names, and their opposites. */
const OPERATORS = {
  number: [
    'lessThan',
    'lessThanInclusive',
    'greaterThan',
    'greaterThanInclusive',
    'equal',
    'notEqual',
    'in',
    'notIn',
  ],
  text: ['equal', 'notEqual', 'in', 'notIn'],
  list: ['contains', 'doesNotContain'],
} as const satisfies Record<FactInfo['type'], readonly string[]>;

const OPPOSITES: Readonly<Record<string, string>> = {
  lessThan: 'greaterThanInclusive',
  lessThanInclusive: 'greaterThan',
  greaterThan: 'lessThanInclusive',
  greaterThanInclusive: 'lessThan',
  equal: 'notEqual',
  notEqual: 'equal',
  in: 'notIn',
  notIn: 'in',
  contains: 'doesNotContain',
  doesNotContain: 'contains',
};

/** The operator that holds exactly where `operator` does not. */
export function oppositeOf(operator: string): string {
  return OPPOSITES[operator] ?? `not ${operator}`;
}

/** Deeper than anybody writes; keeps a generated policy from exhausting the stack. */
const MAX_DEPTH = 32;

/** What is wrong with a condition, each with its place in it; empty: nothing. */
export function checkCondition(condition: Condition, path: string, depth = 0): readonly string[] {
  if (depth > MAX_DEPTH) return [`${path}: nested more than ${MAX_DEPTH} deep`];
  const keys = Object.keys(condition);
  if ('all' in condition || 'any' in condition) {
    const name = 'all' in condition ? 'all' : 'any';
    const parts = 'all' in condition ? condition.all : condition.any;
    if (keys.length !== 1) return [`${path}: '${name}' stands alone, but there is ${keys.join()}`];
    // The engine takes an empty list for true, `any` too.
    if (parts.length === 0) return [`${path}.${name}: expected at least one condition`];
    return parts.flatMap((part, at) => checkCondition(part, `${path}.${name}[${at}]`, depth + 1));
  }
  if ('not' in condition) {
    if (keys.length !== 1) return [`${path}: 'not' stands alone, but there is ${keys.join()}`];
    return checkCondition(condition.not, `${path}.not`, depth + 1);
  }
  return checkLeaf(condition, path);
}

function checkLeaf(leaf: FactCondition, path: string): readonly string[] {
  const extra = Object.keys(leaf).filter((key) => !['fact', 'operator', 'value'].includes(key));
  if (extra.length > 0) return [`${path}: expected fact, operator and value, not ${extra.join()}`];
  const info = factInfo(leaf.fact);
  if (info === undefined) return [`${path}: no fact is named '${leaf.fact}'`];
  const operators: readonly string[] = OPERATORS[info.type];
  if (!operators.includes(leaf.operator)) {
    const list = operators.join(', ');
    return [`${path}: '${leaf.operator}' does not fit ${leaf.fact}; expected one of ${list}`];
  }
  const isListOperator = leaf.operator === 'in' || leaf.operator === 'notIn';
  const values: unknown = isListOperator ? leaf.value : [leaf.value];
  if (!Array.isArray(values) || values.length === 0) {
    return [`${path}: '${leaf.operator}' expects a list with at least one value`];
  }
  const wrong = (values as readonly unknown[]).filter((value) => !fits(value, leaf.fact, info));
  if (wrong.length === 0) return [];
  const texts = textsOf(leaf.fact);
  const expected =
    texts === undefined ? (info.type === 'number' ? 'a number' : 'text') : texts.join(', ');
  return [`${path}: ${JSON.stringify(wrong[0])} does not fit ${leaf.fact}; expected ${expected}`];
}

function fits(value: unknown, fact: string, info: FactInfo): boolean {
  if (info.type === 'number') return typeof value === 'number' && Number.isFinite(value);
  const texts = textsOf(fact);
  return typeof value === 'string' && (texts === undefined || texts.includes(value));
}

/** The truth of a condition that {@link checkCondition} has accepted. */
export function truthOf(condition: Condition, facts: FactLookup): Truth {
  if ('all' in condition) return combine(condition.all, facts, false);
  if ('any' in condition) return combine(condition.any, facts, true);
  if ('not' in condition) {
    const inner = truthOf(condition.not, facts);
    return inner === 'unknown' ? 'unknown' : !inner;
  }
  return leafTruth(condition, facts);
}

/** `decisive`: the truth of one part that settles the whole. */
function combine(parts: readonly Condition[], facts: FactLookup, decisive: boolean): Truth {
  let result: Truth = !decisive;
  for (const part of parts) {
    const truth = truthOf(part, facts);
    if (truth === decisive) return decisive;
    if (truth === 'unknown') result = 'unknown';
  }
  return result;
}

export function leafTruth(leaf: FactCondition, facts: FactLookup): Truth {
  const fact = facts(leaf.fact);
  if (fact.kind === 'missing') return 'unknown';
  return compare(fact.value, leaf.operator, leaf.value);
}

function compare(value: FactValue, operator: string, threshold: unknown): Truth {
  switch (operator) {
    case 'equal':
      return value === threshold;
    case 'notEqual':
      return value !== threshold;
    case 'in':
      return Array.isArray(threshold) && threshold.includes(value);
    case 'notIn':
      return Array.isArray(threshold) && !threshold.includes(value);
    case 'contains':
      return typeof value === 'object' && value.some((item) => item === threshold);
    case 'doesNotContain':
      return typeof value === 'object' && !value.some((item) => item === threshold);
    default:
      return compareNumbers(value, operator, threshold);
  }
}

function compareNumbers(value: FactValue, operator: string, threshold: unknown): Truth {
  // Never "5" > 1: the engine would take it for true.
  if (typeof value !== 'number' || typeof threshold !== 'number') return 'unknown';
  switch (operator) {
    case 'lessThan':
      return value < threshold;
    case 'lessThanInclusive':
      return value <= threshold;
    case 'greaterThan':
      return value > threshold;
    case 'greaterThanInclusive':
      return value >= threshold;
    default:
      return 'unknown';
  }
}

/** The leaves of a condition in the order in which they are written. */
export function leavesOf(condition: Condition): readonly FactCondition[] {
  if ('all' in condition) return condition.all.flatMap(leavesOf);
  if ('any' in condition) return condition.any.flatMap(leavesOf);
  if ('not' in condition) return leavesOf(condition.not);
  return [condition];
}

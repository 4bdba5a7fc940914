/**
 * The only place that runs json-rules-engine: one engine per condition, so that a fault in one
 * cannot reject the run of another, and the evidence taken from what the engine evaluated. It is
 * asked only about conditions whose truth is settled (condition.ts): then every way of filling in
 * a missing fact gives the same answer, also the engine's own.
 */

import { Engine, Fact, type NestedCondition, type TopLevelCondition } from 'json-rules-engine';
import type { Evidence } from '../domain/finding.ts';
import type { Condition } from '../domain/policy.ts';
import { leavesOf, oppositeOf } from './condition.ts';
import type { FactLookup } from './host-facts.ts';

/** A condition as the engine leaves it behind after a run. */
interface Evaluated {
  readonly all?: readonly Evaluated[];
  readonly any?: readonly Evaluated[];
  readonly not?: Evaluated;
  readonly fact?: string;
  readonly operator?: string;
  readonly value?: unknown;
  readonly factResult?: unknown;
  /** Not set at the root. */
  readonly result?: boolean;
}

/** The engine hashes every fact for its cache, which is of use to computed facts only. */
const NOT_HASHED = { cache: false };

export class Judge {
  readonly #engine: Engine;
  readonly #facts: readonly string[];

  constructor(condition: Condition) {
    const root = forEngine(condition);
    // The root has to be a list or a negation.
    const conditions: TopLevelCondition = 'fact' in root ? { all: [root] } : root;
    const rule = { conditions, event: { type: 'finding' } };
    this.#engine = new Engine([rule], { allowUndefinedFacts: true });
    this.#facts = [...new Set(leavesOf(condition).map((leaf) => leaf.fact))];
  }

  /**
   * Whether the condition holds, and the parts that decided it, as they were found to be: of a
   * condition that does not hold, the opposites of its parts.
   */
  async judge(facts: FactLookup): Promise<{ holds: boolean; evidence: readonly Evidence[] }> {
    const known: Record<string, Fact> = {};
    for (const name of this.#facts) {
      const fact = facts(name);
      if (fact.kind === 'known') known[name] = new Fact(name, fact.value, NOT_HASHED);
    }
    const { results, failureResults } = await this.#engine.run(known);
    const [result] = [...results, ...failureResults];
    if (result === undefined) throw new Error('the engine judged no rule');
    const holds = results.length === 1;
    return { holds, evidence: deciding(result.conditions as Evaluated, holds) };
  }
}

/** The engine's own mutable form of a condition; never shared, as the engine writes into it. */
function forEngine(condition: Condition): NestedCondition {
  if ('all' in condition) return { all: condition.all.map(forEngine) };
  if ('any' in condition) return { any: condition.any.map(forEngine) };
  if ('not' in condition) return { not: forEngine(condition.not) };
  return { fact: condition.fact, operator: condition.operator, value: condition.value };
}

/** The known leaves that make `node` come out as `outcome`. */
function deciding(node: Evaluated, outcome: boolean): readonly Evidence[] {
  if (node.result !== undefined && node.result !== outcome) return [];
  if (node.not !== undefined) return deciding(node.not, !outcome);
  const parts = node.all ?? node.any;
  if (parts !== undefined) return parts.flatMap((part) => deciding(part, outcome));
  const { fact, operator, value, factResult } = node;
  if (fact === undefined || operator === undefined || factResult === undefined) return [];
  const held = outcome ? operator : oppositeOf(operator);
  return [{ fact, operator: held, threshold: value, value: factResult }];
}

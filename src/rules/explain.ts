/** For `drover why HOST`: what each rule says of the host, condition by condition. */

import type { Host } from '../domain/host.ts';
import type { EpochSeconds, Seconds } from '../domain/units.ts';
import { appliesTo, type CompiledRule, verdictOf } from './compiled-rule.ts';
import { leafTruth, leavesOf, type Truth } from './condition.ts';
import type { HoldState } from './hold.ts';
import type { Fact, FactLookup } from './host-facts.ts';

export interface ConditionExplanation {
  readonly fact: string;
  readonly operator: string;
  readonly threshold: unknown;
  /** What it met: the value, or why there is none. */
  readonly found: Fact;
  readonly truth: Truth;
}

export interface RuleExplanation {
  readonly policy: string;
  readonly rule: string;
  /** Where it is written: "file:line". */
  readonly origin: string;
  /** False: the rule's own selector leaves this host out. */
  readonly applies: boolean;
  readonly when: Truth;
  /** Undefined: the rule has no `clear`. */
  readonly clear: Truth | undefined;
  readonly forSeconds: Seconds;
  /** As of the last evaluation. */
  readonly holdingSince: EpochSeconds | undefined;
  readonly openSince: EpochSeconds | undefined;
  /** The conditions of `when`, then those of `clear`, as they are written. */
  readonly conditions: readonly ConditionExplanation[];
}

export function explainRule(
  compiled: CompiledRule,
  host: Host,
  facts: FactLookup,
  state: HoldState,
): RuleExplanation {
  const { rule } = compiled;
  const leaves = [
    ...leavesOf(rule.when),
    ...(rule.clear === undefined ? [] : leavesOf(rule.clear)),
  ];
  return {
    policy: rule.policy,
    rule: rule.name,
    origin: rule.origin,
    applies: appliesTo(compiled, host),
    ...verdictOf(compiled, facts),
    forSeconds: rule.forSeconds,
    holdingSince: state.holdingSince,
    openSince: state.openSince,
    conditions: leaves.map((leaf) => ({
      fact: leaf.fact,
      operator: leaf.operator,
      threshold: leaf.value,
      found: facts(leaf.fact),
      truth: leafTruth(leaf, facts),
    })),
  };
}

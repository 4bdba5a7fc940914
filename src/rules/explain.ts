/** For `drover why HOST`: what each rule says of the host, condition by condition and in words. */

import type { EpochSeconds, Seconds } from '../domain/units.ts';
import { appliesTo, type CompiledRule, isMoot, verdictOf } from './compiled-rule.ts';
import { leafTruth, leavesOf, oppositeOf, type Truth } from './condition.ts';
import type { HoldState } from './hold.ts';
import { type Fact, type FactLookup, type HostWorld, missingText } from './host-facts.ts';
import { conditionText, durationText, factText } from './wording.ts';

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
  /** False: its selector leaves this host out, or the host is being emptied. */
  readonly applies: boolean;
  /** Of `when`. */
  readonly truth: 'true' | 'false' | 'unknown';
  /** For people: the state, then what each condition met. */
  readonly text: string;
  /** Of `clear`; undefined: the rule has none. */
  readonly clear: 'true' | 'false' | 'unknown' | undefined;
  readonly forSeconds: Seconds;
  /** As of the last evaluation. */
  readonly holdingSince: EpochSeconds | undefined;
  readonly openSince: EpochSeconds | undefined;
  /** The conditions of `when`, then those of `clear`, as they are written. */
  readonly conditions: readonly ConditionExplanation[];
}

export interface ExplainedHost {
  readonly world: HostWorld;
  readonly facts: FactLookup;
  readonly state: HoldState;
  readonly now: EpochSeconds;
}

export function explainRule(compiled: CompiledRule, about: ExplainedHost): RuleExplanation {
  const { world, facts, state } = about;
  const { rule } = compiled;
  const isNamed = appliesTo(compiled, world.host);
  const applies = isNamed && !isMoot(compiled, world);
  const leftOut = isNamed
    ? 'not while the host is being emptied or kept empty'
    : 'not for this host: its selector leaves it out';
  const { when, clear } = verdictOf(compiled, facts);
  const explain = (leaf: ReturnType<typeof leavesOf>[number]): ConditionExplanation => ({
    fact: leaf.fact,
    operator: leaf.operator,
    threshold: leaf.value,
    found: facts(leaf.fact),
    truth: leafTruth(leaf, facts),
  });
  const conditions = leavesOf(rule.when).map(explain);
  const met = conditions.map(metText).join('; ');
  return {
    policy: rule.policy,
    rule: rule.name,
    origin: rule.origin,
    applies,
    truth: spell(when),
    text: applies ? `${stateText(compiled, when, about)}: ${met}` : leftOut,
    clear: clear === undefined ? undefined : spell(clear),
    forSeconds: rule.forSeconds,
    holdingSince: state.holdingSince,
    openSince: state.openSince,
    conditions: [
      ...conditions,
      ...(rule.clear === undefined ? [] : leavesOf(rule.clear)).map(explain),
    ],
  };
}

function stateText({ rule }: CompiledRule, when: Truth, { state, now }: ExplainedHost): string {
  const { openSince, holdingSince } = state;
  if (openSince !== undefined) return `a finding for ${durationText(now - openSince)}`;
  if (when === 'unknown') return 'cannot be judged';
  if (when === false) return 'does not hold';
  const held = durationText(now - (holdingSince ?? now));
  return `holds for ${held} of ${durationText(rule.forSeconds)}`;
}

function metText({ fact, operator, threshold, found, truth }: ConditionExplanation): string {
  if (found.kind === 'missing') return `${factText(fact)} is missing (${missingText(found)})`;
  const shown = truth === true ? operator : oppositeOf(operator);
  return conditionText({ fact, operator: shown, threshold, value: found.value });
}

function spell(truth: Truth): 'true' | 'false' | 'unknown' {
  if (truth === 'unknown') return 'unknown';
  return truth ? 'true' : 'false';
}

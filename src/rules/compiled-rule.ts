/** A rule of a policy, checked and ready to be asked about hosts. */

import type { Evidence, Finding, Response } from '../domain/finding.ts';
import type { Host, HostState } from '../domain/host.ts';
import { isIdText } from '../domain/ids.ts';
import type { Condition, Rule } from '../domain/policy.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { checkCondition, leavesOf, leafTruth, type Truth, truthOf } from './condition.ts';
import { makeFindingId } from './finding-id.ts';
import type { Gap } from './gap.ts';
import type { HoldState } from './hold.ts';
import { type FactLookup, type HostWorld, missingText } from './host-facts.ts';
import { Judge } from './judge.ts';
import { matches } from './selector.ts';
import { durationText, evidenceText, factText } from './wording.ts';

export interface CompiledRule {
  /** "POLICY/NAME": what the memory knows it by. */
  readonly key: string;
  readonly rule: Rule;
  readonly when: Judge;
  readonly clear: Judge | undefined;
}

/** What the rule says of one host at one moment. */
export interface Verdict {
  readonly when: Truth;
  readonly clear: Truth | undefined;
}

/** The rule, or every error in it, each beginning with the place where the rule is written. */
export function compileRule(rule: Rule): Result<CompiledRule, readonly string[]> {
  const key = `${rule.policy}/${rule.name}`;
  const errors = [
    ...checkCondition(rule.when, 'when'),
    ...(rule.clear === undefined ? [] : checkCondition(rule.clear, 'clear')),
  ];
  if (!isIdText(key)) errors.push('its name and that of its policy: expected 1 to 256 characters');
  if (errors.length > 0) {
    return fail(errors.map((error) => `${rule.origin}: rule ${rule.name}: ${error}`));
  }
  const clear = rule.clear === undefined ? undefined : new Judge(rule.clear);
  return ok({ key, rule, when: new Judge(rule.when), clear });
}

export function appliesTo({ rule }: CompiledRule, host: Host): boolean {
  return rule.hosts === undefined || matches(rule.hosts, host);
}

/**
 * Responses to load. A host that is being emptied, or is kept empty, has no use for them: what
 * loads it leaves anyway.
 */
const ABOUT_LOAD: ReadonlySet<Response> = new Set(['relieve', 'level', 'consolidate']);
const EMPTYING: ReadonlySet<HostState> = new Set(['draining', 'evacuating', 'maintenance']);

export function isMoot({ rule }: CompiledRule, { host, order }: HostWorld): boolean {
  return ABOUT_LOAD.has(rule.response) && (order !== 'none' || EMPTYING.has(host.state));
}

export function verdictOf({ rule }: CompiledRule, facts: FactLookup): Verdict {
  const clear = rule.clear === undefined ? undefined : truthOf(rule.clear, facts);
  return { when: truthOf(rule.when, facts), clear };
}

/** Nothing is known for or against the finding: it stays, if it is open, for want of news. */
export function isUnconfirmed({ when, clear }: Verdict): boolean {
  return when === 'unknown' || (when === false && clear === 'unknown');
}

/** The missing facts that keep the rule from being judged; none when it could be judged. */
export function gapsOf(
  compiled: CompiledRule,
  verdict: Verdict,
  host: Host,
  facts: FactLookup,
): readonly Gap[] {
  if (!isUnconfirmed(verdict)) return [];
  const { when, clear } = compiled.rule;
  const unknown = verdict.when === 'unknown' || clear === undefined ? when : clear;
  return missingFacts(unknown, facts).map(({ fact, reason }) => ({
    host: host.id,
    rule: compiled.key,
    fact,
    reason,
  }));
}

function missingFacts(
  condition: Condition,
  facts: FactLookup,
): readonly { readonly fact: string; readonly reason: string }[] {
  const reasons = new Map<string, string>();
  for (const leaf of leavesOf(condition)) {
    const fact = facts(leaf.fact);
    if (fact.kind === 'missing') reasons.set(leaf.fact, missingText(fact));
    else if (leafTruth(leaf, facts) === 'unknown') reasons.set(leaf.fact, 'of another type');
  }
  return [...reasons].map(([fact, reason]) => ({ fact, reason }));
}

export interface OpenFinding {
  readonly compiled: CompiledRule;
  readonly host: Host;
  readonly state: HoldState & { readonly openSince: EpochSeconds };
  readonly verdict: Verdict;
  readonly evidence: readonly Evidence[];
  readonly gaps: readonly Gap[];
  readonly now: EpochSeconds;
}

/**
 * The finding. One that is only still open because nothing contradicts it (its facts are missing)
 * says so, and if it is optional it asks for nothing any more: nobody moves a VM on old news.
 */
export function ruleFinding(open: OpenFinding): Finding {
  const { compiled, host, state, verdict, evidence } = open;
  const { rule } = compiled;
  const mayAct = !isUnconfirmed(verdict) || rule.tier !== 'optional';
  return {
    id: makeFindingId('rule', rule.policy, rule.name, host.id),
    kind: rule.finding,
    response: mayAct ? rule.response : 'notify',
    tier: rule.tier,
    subject: { kind: 'host', host: host.id },
    trigger: { kind: 'rule', policy: rule.policy, rule: rule.name },
    since: state.openSince,
    evidence,
    text: sentence(open),
    relieveBelow: rule.relieveBelow,
    deadline: undefined,
  };
}

function sentence(open: OpenFinding): string {
  const { compiled, host, state, verdict, evidence, gaps, now } = open;
  const what = `host ${host.name}: `;
  if (isUnconfirmed(verdict)) {
    const missing = gaps.map((gap) => `${factText(gap.fact)} is ${gap.reason}`).join(', ');
    return `${what}${compiled.rule.name} not confirmed any more: ${missing}`;
  }
  const conditions = evidenceText(evidence);
  if (verdict.when === false) return `${what}not over yet: ${conditions}`;
  const held = now - (state.holdingSince ?? now);
  return `${what}${conditions}${held < 1 ? '' : ` for ${durationText(held)}`}`;
}

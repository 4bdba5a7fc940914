/** What is said of a resource that no policy names: it would never be judged, without a word. */

import { resourceOfFact } from '../domain/facts.ts';
import type { Condition } from '../domain/policy.ts';
import { ORDINARY_RESOURCES } from '../domain/resource.ts';
import { problemAt } from './document.ts';
import type { ParsedPolicy } from './policy-merge.ts';
import { type ConfigProblem, nearest } from './problem.ts';

export function unnamedResources(policies: readonly ParsedPolicy[]): ConfigProblem[] {
  const named = policies
    .flatMap(({ content }) => (content.resources ?? []).map(({ name }) => name))
    .filter((name) => !isOrdinary(name));
  return policies.flatMap((policy) => [
    ...unnamedInRules(policy, named),
    ...unnamedInBalance(policy, named),
  ]);
}

function unnamedInRules(
  { document, content }: ParsedPolicy,
  named: readonly string[],
): ConfigProblem[] {
  return (content.rules ?? []).flatMap(({ when, clear }, i) => {
    const asked = [when, ...(clear === undefined ? [] : [clear])].flatMap(factsOf);
    const missing = asked.find((fact) => {
      const name = resourceOfFact(fact);
      return name !== undefined && !named.includes(name);
    });
    if (missing === undefined) return [];
    const message = `no resource for the fact "${missing}"`;
    const hint = hintFor(resourceOfFact(missing) ?? '', named);
    return [problemAt(document.file, document.place(['rules', i], 'value'), message, { hint })];
  });
}

function unnamedInBalance(
  { document, content }: ParsedPolicy,
  named: readonly string[],
): ConfigProblem[] {
  return content.weights.balance.flatMap(({ resources }, i) => {
    const missing = resources.find((name) => !isOrdinary(name) && !named.includes(name));
    if (missing === undefined) return [];
    const place = document.place(['weights', 'balance', i], 'value');
    const hint = hintFor(missing, [...ORDINARY_RESOURCES, ...named]);
    return [problemAt(document.file, place, `no resource "${missing}"`, { hint })];
  });
}

function isOrdinary(name: string): boolean {
  return ORDINARY_RESOURCES.some((one) => one === name);
}

function hintFor(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? 'name it under resources' : `did you mean "${near}"?`;
}

/** The facts that a condition names. */
export function factsOf(condition: Condition): readonly string[] {
  if ('all' in condition) return condition.all.flatMap(factsOf);
  if ('any' in condition) return condition.any.flatMap(factsOf);
  return 'not' in condition ? factsOf(condition.not) : [condition.fact];
}

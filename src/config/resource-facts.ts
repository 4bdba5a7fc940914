/** Rules about a resource that no policy names: they would never be judged, without a word. */

import { resourceOfFact } from '../domain/facts.ts';
import type { Condition } from '../domain/policy.ts';
import { ORDINARY_RESOURCES } from '../domain/resource.ts';
import { problemAt } from './document.ts';
import type { ParsedPolicy } from './policy-merge.ts';
import { type ConfigProblem, nearest } from './problem.ts';

export function unnamedResources(policies: readonly ParsedPolicy[]): ConfigProblem[] {
  const named = policies
    .flatMap(({ content }) => (content.resources ?? []).map(({ name }) => name))
    .filter((name) => !ORDINARY_RESOURCES.some((one) => one === name));
  return policies.flatMap(({ document, content }) =>
    (content.rules ?? []).flatMap(({ when, clear }, i) => {
      const asked = [when, ...(clear === undefined ? [] : [clear])].flatMap(factsOf);
      const missing = asked.find((fact) => {
        const name = resourceOfFact(fact);
        return name !== undefined && !named.includes(name);
      });
      if (missing === undefined) return [];
      const near = nearest(resourceOfFact(missing) ?? '', named);
      const hint = near === undefined ? 'name it under resources' : `did you mean "${near}"?`;
      const place = document.place(['rules', i], 'value');
      return [problemAt(document.file, place, `no resource for the fact "${missing}"`, { hint })];
    }),
  );
}

function factsOf(condition: Condition): readonly string[] {
  if ('all' in condition) return condition.all.flatMap(factsOf);
  if ('any' in condition) return condition.any.flatMap(factsOf);
  return 'not' in condition ? factsOf(condition.not) : [condition.fact];
}

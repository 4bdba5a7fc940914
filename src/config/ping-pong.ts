/**
 * Rules that would take away again what consolidation has gathered on a host: it fills hosts up to
 * `limits.consolidation.fillTo`, and what is relieved to less is gathered anew, for ever.
 */

import { relievedFor, resourceOfFact } from '../domain/facts.ts';
import type { Condition } from '../domain/policy.ts';
import { problemAt } from './document.ts';
import type { Options, ParsedPolicy } from './policy-merge.ts';
import type { ConfigProblem } from './problem.ts';
import { factsOf } from './resource-facts.ts';

type Resource = ReturnType<typeof relievedFor>;

export function pingPong(policies: readonly ParsedPolicy[], { limits }: Options): ConfigProblem[] {
  const rules = policies.flatMap((policy) =>
    (policy.content.rules ?? []).map((rule, i) => ({ policy, rule, path: ['rules', i] })),
  );
  if (!rules.some(({ rule }) => rule.response === 'consolidate')) return [];
  return rules.flatMap(({ policy, rule, path }) => {
    if (rule.response !== 'relieve') return [];
    for (const resource of relieved(rule.when)) {
      const below = rule.relieveBelow ?? limits.safetyCapacity[resource];
      const filled = limits.consolidation.fillTo[resource];
      if (below >= filled) continue;
      const what = resource === 'memory' ? ' of their memory' : '';
      const message =
        `"${rule.name}" relieves hosts to ${percent(below)}${what}, ` +
        `and consolidation fills them to ${percent(filled)}`;
      const hint = `a relieveBelow of at least limits.consolidation.fillTo.${resource}`;
      const place = policy.document.place(path, 'value');
      return [problemAt(policy.document.file, place, message, { hint })];
    }
    return [];
  });
}

/** What a host is relieved of: of `any`, whichever of them holds decides by itself. */
function relieved(when: Condition): ReadonlySet<Resource> {
  if ('any' in when) return new Set(when.any.flatMap((one) => [...relieved(one)]));
  const facts = factsOf(when);
  const ordinary = facts.filter((fact) => resourceOfFact(fact) === undefined);
  // Of a resource of the policy consolidation keeps to the safety capacity.
  return new Set(ordinary.length === 0 && facts.length > 0 ? [] : [relievedFor(ordinary)]);
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

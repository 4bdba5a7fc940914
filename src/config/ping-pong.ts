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
      const filled = Math.min(
        limits.consolidation.fillTo[resource],
        limits.safetyCapacity[resource],
      );
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

/** What a host may be relieved of: the facts that hold decide, and of `any` some may not. */
function relieved(when: Condition): ReadonlySet<Resource> {
  return new Set(
    alternatives(when).flatMap((facts) => {
      const ordinary = facts.filter((fact) => resourceOfFact(fact) === undefined);
      // Of a resource of the policy consolidation keeps to the safety capacity.
      return ordinary.length === 0 && facts.length > 0 ? [] : [relievedFor(ordinary)];
    }),
  );
}

type Facts = readonly string[];

/** More ways than that to hold are looked at as one that needs all their facts. */
const MOST_WAYS = 64;

/** The facts of each way in which the condition may hold. */
function alternatives(when: Condition): readonly Facts[] {
  if ('any' in when) return when.any.flatMap(alternatives);
  if (!('all' in when)) return [factsOf(when)];
  const ways = when.all.map(alternatives);
  if (ways.reduce((count, { length }) => count * length, 1) > MOST_WAYS) return [factsOf(when)];
  return ways.reduce<readonly Facts[]>(
    (known, more) => known.flatMap((facts) => more.map((others) => [...facts, ...others])),
    [[]],
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

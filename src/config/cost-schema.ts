/** What a policy says of the cost of moves: a list whose entries are each of one of three forms. */

import { z } from 'zod';
import type { CostRule, GroupCostRule, PathCostRule } from '../domain/policy.ts';
import { group, name, number, size } from './fields.ts';
import { optional } from './options.ts';
import { selector } from './selector-schema.ts';

const FORMS = 'vms with factor or once, from and to with factor, or across with factor';

export const costEntry = group({
  vms: optional(selector, 'Whose moves; the nearest selector decides on the factor.'),
  factor: optional(
    number('a factor from 0.01 to 1000', { min: 0.01, max: 1000 }),
    'They cost so many times as much as others.',
  ),
  once: optional(
    size({ above: 0 }),
    'The first move of a plan that moves any of vms costs so much more, as memory would.',
  ),
  from: optional(selector, 'Moves from these hosts; the nearest from and to decide.'),
  to: optional(selector, 'Moves to these hosts.'),
  across: optional(
    name('"site", "cluster" or a kind of fault domain'),
    'Moves between two different ones, where no from and to say otherwise.',
  ),
}).superRefine((entry, context) => {
  if (formOf(entry) !== undefined) return;
  context.addIssue({
    code: 'custom',
    message: 'does not say what costs how much',
    params: { expected: FORMS },
  });
});

type CostEntry = z.output<typeof costEntry>;

export interface Costs {
  readonly costs: readonly CostRule[];
  readonly groupCosts: readonly GroupCostRule[];
  readonly pathCosts: readonly PathCostRule[];
}

/** @param originOf where the entry of that index is written. */
export function costsOf(entries: readonly CostEntry[], originOf: (index: number) => string): Costs {
  const forms = entries.map((entry, index) => formOf({ ...entry, origin: originOf(index) }));
  return {
    costs: forms.flatMap((form) => form?.costs ?? []),
    groupCosts: forms.flatMap((form) => form?.groupCosts ?? []),
    pathCosts: forms.flatMap((form) => form?.pathCosts ?? []),
  };
}

/** Undefined: parts that do not belong together, or too few of them. */
function formOf(entry: CostEntry & { readonly origin?: string }): Partial<Costs> | undefined {
  const { vms, factor, once, from, to, across, origin = '' } = entry;
  const isPath = from !== undefined || to !== undefined || across !== undefined;
  if (vms !== undefined) {
    if (isPath || (factor === undefined && once === undefined)) return undefined;
    return {
      costs: factor === undefined ? [] : [{ vms, factor }],
      groupCosts: once === undefined ? [] : [{ origin, vms, once }],
    };
  }
  if (factor === undefined || once !== undefined) return undefined;
  if (across !== undefined) {
    if (from !== undefined || to !== undefined) return undefined;
    return { pathCosts: [{ origin, factor, path: { across } }] };
  }
  if (from === undefined || to === undefined) return undefined;
  return { pathCosts: [{ origin, factor, path: { from, to } }] };
}

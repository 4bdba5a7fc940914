/** The form of `weights.balance`: two resources that are of use together only. */

import type { BalanceWeight } from '../domain/resource-spec.ts';
import { group, list, name, number } from './fields.ts';

export const balancePair = group({
  resources: list(name('cpu, memory or the name of a resource')),
  weight: number('a weight'),
}).transform(({ resources, weight }, context): BalanceWeight => {
  const [first = '', second = '', ...more] = resources;
  if (second === '' || first === second || more.length > 0) {
    const params = { expected: 'like [cpu, memory]' };
    const message = 'two different resources belong here';
    context.addIssue({ code: 'custom', message, path: ['resources'], params });
  }
  return { resources: [first, second], weight };
});

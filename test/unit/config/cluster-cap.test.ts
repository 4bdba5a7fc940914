// Role: the cap on the moves that touch a cluster, as operators write it, right and wrong.
import { describe, expect, it } from 'vitest';

import { parsePolicies } from '../../../src/config/policies.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { Limits } from '../../../src/domain/policy.ts';

function parse(body: string) {
  const text = `apiVersion: drover/v1\nkind: Policy\n${body}`;
  return parsePolicies([{ file: 'a.yaml', text }]);
}

function capsIn(body: string): Limits['concurrency'] {
  const parsed = parse(body);
  if (!parsed.ok) throw new Error(parsed.error.map(formatProblem).join('\n'));
  return parsed.value.limits.concurrency;
}

function bad(body: string): string[] {
  const parsed = parse(body);
  return parsed.ok ? [] : parsed.error.map(formatProblem);
}

describe('the cap on the moves of a cluster', () => {
  it('is what the policy says, and is not there where it says nothing', () => {
    expect(capsIn('limits: { concurrency: { perCluster: 3 } }').perCluster).toBe(3);
    expect(capsIn('limits: { concurrency: { total: 3 } }')).not.toHaveProperty('perCluster');
  });

  it.each([
    ['0', '0 is less than 1'],
    ['-2', '-2 is less than 1'],
    ['1.5', '1.5 is not a whole number'],
    ['many', 'cannot read "many"'],
    ['[2]', 'cannot read [2]'],
  ])('is refused as %s, with the place and what to write instead', (value, why) => {
    expect(bad(`limits: { concurrency: { perCluster: ${value} } }`)).toEqual([
      `a.yaml:3:38 perCluster: ${why}; expected a number of moves`,
    ]);
  });

  it('is named where it is misspelt', () => {
    const found = bad('limits: { concurrency: { perClustr: 2 } }');
    expect(found.join()).toContain('did you mean "perCluster"?');
  });
});

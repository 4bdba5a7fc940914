// Role: what a plan lists of the pairs that were tried in vain, where there are very many.
import { describe, expect, it } from 'vitest';

import type { Unresolved } from '../../../src/domain/plan.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

/** All that every VM would have to be told: one pair for each other host. */
const OTHERS = 100;

/** VMs too large for any other host, of which every second one is kept out of maintenance too. */
function stuck(vms: number): readonly Unresolved[] {
  const others = Array.from({ length: OTHERS }, (_none, i) =>
    aHost({ id: `o${i}`, memoryGib: 8, ...(i % 4 === 0 && { state: 'maintenance' as const }) }),
  );
  const asked = request(
    {
      hosts: [aHost({ id: 'h1', memoryGib: 10_000 }), ...others],
      vms: Array.from({ length: vms }, (_none, i) => aVm({ id: `v${i}`, memoryGib: 64 })),
    },
    [aFinding('evacuate', { host: 'h1' })],
  );
  return plan(asked).report.unresolved;
}

function counted({ pairs, unlisted = {} }: Unresolved): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { ...unlisted };
  for (const { code } of pairs) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

describe('the pairs that a report lists', () => {
  it('are all there are, of as many VMs as people look through', () => {
    const open = stuck(50);
    expect(open).toHaveLength(50);
    for (const one of open) {
      expect(one.pairs).toHaveLength(OTHERS);
      expect(one.unlisted).toBeUndefined();
    }
  });

  it('are some of each reason for those that come after them, and the others are counted', () => {
    const open = stuck(53);
    const [first, last] = [open.at(0), open.at(-1)];
    if (first === undefined || last === undefined) throw new Error('nothing is left open');
    expect(open.filter(({ unlisted }) => unlisted !== undefined)).toHaveLength(3);
    expect(last.pairs.length).toBeLessThanOrEqual(3 * Object.keys(counted(first)).length);
    expect(Object.keys(counted(first)).length).toBeGreaterThan(1);
    expect(counted(last)).toEqual(counted(first));
    expect(last.code).toBe(first.code);
  });
});

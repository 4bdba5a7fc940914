// Role: what a plan lists of the pairs that were tried in vain, where there are very many.
import { describe, expect, it } from 'vitest';

import type { Unresolved } from '../../../src/domain/plan.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import type { Refusal } from '../../../src/domain/refusal.ts';
import { ListedPairs } from '../../../src/plan/listed-pairs.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

/** All that every VM would have to be told: one pair for each other host. */
const OTHERS = 100;

/** VMs too large for any other host, of which every fourth one is in maintenance, too. */
function stuck(
  vms: number,
  more: readonly ReturnType<typeof aVm>[] = [],
  elsewhere: readonly ReturnType<typeof aHost>[] = [],
): readonly Unresolved[] {
  const others = Array.from({ length: OTHERS }, (_none, i) =>
    aHost({ id: `o${i}`, memoryGib: 2, ...(i % 4 === 0 && { state: 'maintenance' as const }) }),
  );
  const asked = request(
    {
      hosts: [aHost({ id: 'h1', memoryGib: 10_000 }), ...others, ...elsewhere],
      vms: [
        ...more,
        ...Array.from({ length: vms }, (_none, i) => aVm({ id: `v${i}`, memoryGib: 64 })),
      ],
    },
    [aFinding('evacuate', { host: 'h1' })],
  );
  return plan(asked).report.unresolved;
}

function pairsOf(count: number): readonly Refusal[] {
  return Array.from({ length: count }, (_none, i) => {
    return { code: 'memory', vm: vmId('v'), host: hostId(`h${i}`), detail: '' };
  });
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

  it('are all those that name a host of another controller, whoever came before', () => {
    const elsewhere = Array.from({ length: 5 }, (_none, i) =>
      aHost({ id: `e${i}`, actedOnElsewhere: true }),
    );
    const open = stuck(50, [aVm({ id: 'w' })], elsewhere);
    const own = open.find(({ subject }) => subject.kind === 'vm' && subject.vm === 'w');
    const named = own?.pairs.filter(({ code }) => code === 'other-controller');
    expect(named?.map(({ host }) => host)).toEqual(elsewhere.map(({ id }) => id));
    expect(own?.unlisted).toEqual({ memory: 72, quarantined: 22 });
  });

  it('leave room for short needs after a long one', () => {
    const listed = new ListedPairs();
    const short = pairsOf(4);
    expect(listed.of(pairsOf(5_001))).toMatchObject({ unlisted: { memory: 4_998 } });
    expect(listed.of(short)).toEqual({ pairs: short });
  });
});

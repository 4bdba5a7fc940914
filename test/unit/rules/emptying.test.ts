import { describe, expect, it } from 'vitest';

import { hostId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { seconds } from '../../../src/domain/units.ts';
import { aHost, aSnapshot } from '../../support/fleet.ts';
import { aBook, anOrder, aRule, Ticks } from './support.ts';

function busy(share: number): Snapshot {
  return aSnapshot({ hosts: [aHost({ cpuUsed: share * 16 })] });
}

describe('a host that is being emptied or kept empty', () => {
  const rules = [
    aRule({ forSeconds: seconds(60) }),
    aRule({ name: 'look', response: 'notify', finding: 'notice' }),
  ];
  const names = ({ findings }: { findings: readonly { id: string }[] }) =>
    findings.map(({ id }) => id);

  it.each(['draining', 'evacuating', 'maintenance'] as const)(
    'is not found overloaded while it is %s, and what was open ends',
    async (state) => {
      const ticks = new Ticks(rules);
      await ticks.at(0, busy(0.9));
      expect(names(await ticks.at(60, busy(0.9)))).toEqual([
        'rule:test:hot:h1',
        'rule:test:look:h1',
      ]);
      const leaving = aSnapshot({ hosts: [aHost({ cpuUsed: 15, state })] });
      expect(names(await ticks.at(120, leaving))).toEqual(['rule:test:look:h1']);
      // Back in service, its load is judged afresh.
      expect(names(await ticks.at(180, busy(0.9)))).toEqual(['rule:test:look:h1']);
      expect(names(await ticks.at(240, busy(0.9)))).toContain('rule:test:hot:h1');
    },
  );

  it('counts as that from the moment of the order, and says so', async () => {
    const orders = [anOrder()];
    const found = names(await new Ticks([aRule()], orders).at(0, busy(0.9)));
    expect(found).toEqual(['order:o1']);
    const explained = aBook([aRule()]).explainHost({
      snapshot: busy(0.9),
      orders,
      host: hostId('h1'),
    });
    expect(explained).toMatchObject([{ applies: false, text: expect.stringMatching(/emptied/) }]);
  });

  it('is found again when it is returned', async () => {
    const orders = [anOrder({ state: 'returning' })];
    const found = names(await new Ticks([aRule()], orders).at(0, busy(0.9)));
    expect(found).toEqual(['rule:test:hot:h1']);
  });
});

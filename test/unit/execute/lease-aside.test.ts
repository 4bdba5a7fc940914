// Role: controllers that stand aside at the same moment: one of them is called back, and no other.
import { describe, expect, it } from 'vitest';

import type { ClusterId } from '../../../src/domain/ids.ts';
import { NO_TOKENS } from '../../../src/execute/lease-keeper-parts.ts';
import type { LeaseKeeper } from '../../../src/execute/lease-keeper.ts';
import { beats, CLUSTERS, held, leaseRoom, type LeaseRoom } from '../../support/lease-room.ts';

const [C1, C2] = CLUSTERS as [ClusterId, ClusterId];

describe('a controller that stands aside', () => {
  it('is called back where all stand aside at once: the first of them', async () => {
    const here = await leaseRoom();
    const [ada, ben] = [here.keeper('ada'), here.keeper('ben')];
    const calledBack = () => [ada.isCalledBack, ben.isCalledBack];
    await beats([ada, ben], here, 3);
    expect(calledBack()).toEqual([false, false]);
    ben.standAside('for-now');
    await beats([ada, ben], here, 2);
    expect([...calledBack(), held(ada), held(ben)]).toEqual([false, false, CLUSTERS, []]);
    ada.standAside('for-now');
    await beats([ada, ben], here, 2);
    expect([...calledBack(), held(ada), held(ben)]).toEqual([true, false, [], []]);
    ada.comeBack();
    await beats([ada, ben], here, 2);
    expect([...calledBack(), held(ada), held(ben)]).toEqual([false, false, CLUSTERS, []]);
  });

  it.each<[string, (here: LeaseRoom) => LeaseKeeper]>([
    [
      'is closing',
      (here) => {
        const ada = here.keeper('ada');
        ada.standAside('for-good');
        return ada;
      },
    ],
    ['would take nothing', (here) => here.keeper('ada', { wants: () => false })],
    [
      'could not note its tokens',
      (here) => {
        const full = (): never => {
          throw new Error('no space left');
        };
        const ada = here.keeper('ada', { tokens: { ...NO_TOKENS, adopt: full } });
        ada.standAside('for-now');
        return ada;
      },
    ],
    [
      'stands aside from another cluster',
      (here) => {
        const ada = here.keeper('ada', { wants: (one) => one === C2 });
        ada.standAside('for-now');
        return ada;
      },
    ],
  ])('is called back all the same before one that %s', async (_what, first) => {
    const here = await leaseRoom();
    const ada = first(here);
    const [ben, cleo] = ['ben', 'cleo'].map((name) =>
      here.keeper(name, { wants: (one) => one === C1 }),
    ) as [LeaseKeeper, LeaseKeeper];
    for (const one of [ben, cleo]) one.standAside('for-now');
    await beats([ada, ben, cleo], here, 2);
    expect([ada, ben, cleo].map((one) => one.isCalledBack)).toEqual([false, true, false]);
  });

  it('is not called back where nobody else stands aside', async () => {
    const here = await leaseRoom();
    const [ada, ben] = [here.keeper('ada'), here.keeper('ben', { wants: () => false })];
    ada.standAside('for-now');
    await beats([ada, ben], here, 2);
    expect([ada.isCalledBack, ben.isCalledBack]).toEqual([false, false]);
  });
});

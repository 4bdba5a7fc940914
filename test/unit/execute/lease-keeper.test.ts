// Role: the keeper of leases: who takes what, when, and what it stops at.
import { describe, expect, it } from 'vitest';

import { clusterId, type ClusterId, compareText } from '../../../src/domain/ids.ts';
import { NO_TOKENS } from '../../../src/execute/lease-keeper-parts.ts';
import { fairShare, leftToOthers, type ShareView } from '../../../src/execute/lease-share.ts';
import { beats, CLUSTERS, held, IDLE, leaseRoom } from '../../support/lease-room.ts';

const [C1, C2] = CLUSTERS as [ClusterId, ClusterId];

describe('LeaseKeeper', () => {
  it('takes what is free, and stops acting a margin before its lease runs out', async () => {
    const here = await leaseRoom();
    const ada = here.keeper('ada');
    expect(await ada.beat(IDLE)).toEqual(CLUSTERS);
    await here.clock.pass(24);
    expect(ada.mayAct(C1)).toBe(1);
    await here.clock.pass(1);
    expect(ada.mayAct(C1)).toBeUndefined();
    expect(await ada.beat(IDLE)).toEqual(CLUSTERS);
    expect(ada.mayAct(C1)).toBe(1);
    expect(await ada.beat(IDLE)).toEqual([]);
  });

  it('does not take what is renewed; takes over what stood still for term and call', async () => {
    const here = await leaseRoom();
    const only = { wants: (one: ClusterId) => one === C1 };
    const [ada, ben] = [here.keeper('ada', only), here.keeper('ben', only)];
    await beats([ada, ben], here, 20);
    expect([held(ada), held(ben)]).toEqual([['c1'], []]);
    await beats([ben], here, 8);
    expect(held(ben)).toEqual([]);
    await beats([ben], here, 1);
    expect(ben.mayAct(C1)).toBe(2);
    expect(await ada.beat(IDLE)).toEqual([]);
    expect(held(ada)).toEqual([]);
    expect(here.events.of('lease').at(-1)).toMatchObject({ cluster: 'c1', what: 'lost' });
  });

  it('shares many clusters, and takes those of one that is gone', async () => {
    const here = await leaseRoom();
    const [ada, ben] = [here.keeper('ada'), here.keeper('ben')];
    await beats([ada, ben], here, 3);
    expect([held(ada).length, held(ben).length]).toEqual([2, 2]);
    await beats([ada, ben], here, 20);
    expect(here.events.of('lease').filter(({ what }) => what === 'released')).toHaveLength(2);
    await beats([ben], here, 12);
    expect(held(ben)).toEqual(CLUSTERS);
  });

  it('leaves what it gives back to the other at once', async () => {
    const here = await leaseRoom();
    const [ada, ben] = [here.keeper('ada'), here.keeper('ben', { wants: (one) => one === C1 })];
    await beats([ada, ben], here, 1);
    await ada.release();
    expect(held(ada)).toEqual([]);
    await ben.beat(IDLE);
    expect(ben.mayAct(C1)).toBe(2);
  });

  it('takes its own lease again after a restart without waiting, under a new token', async () => {
    const here = await leaseRoom();
    await here.keeper('ada').beat(IDLE);
    const again = here.keeper('ada');
    await again.beat(IDLE);
    expect(again.mayAct(C1)).toBe(2);
  });

  it('takes all of its own again, though others have fewer: they would have to wait', async () => {
    const here = await leaseRoom();
    await here.keeper('ada').beat(IDLE);
    const ben = here.keeper('ben');
    await ben.beat(IDLE);
    const again = here.keeper('ada');
    expect(await again.beat(IDLE)).toEqual(CLUSTERS);
    // And then what is idle is shared as ever.
    await beats([again, ben], here, 3);
    expect([held(again).length, held(ben).length]).toEqual([2, 2]);
  });

  it('stops where the token went back, until it is confirmed, and goes on above it', async () => {
    const here = await leaseRoom();
    const seen = new Map([[C1, 17]]);
    const tokens = {
      ...NO_TOKENS,
      highest: (cluster: ClusterId) => seen.get(cluster) ?? 0,
      remember: (cluster: ClusterId, token: number) => void seen.set(cluster, token),
    };
    const ada = here.keeper('ada', { tokens });
    await beats([ada], here, 3);
    expect(held(ada)).toEqual(['c2', 'c3', 'c4']);
    expect(ada.states()[0]).toMatchObject({ cluster: 'c1', steppedBack: true, mine: false });
    expect(here.events.of('lease').filter(({ what }) => what === 'stepped-back')).toHaveLength(1);
    expect(await ada.confirm(clusterId('c2'), 'eve')).toBe(false);
    expect(await ada.confirm(C1, 'eve')).toBe(true);
    await ada.beat(IDLE);
    expect(ada.mayAct(C1)).toBe(18);
    expect(seen.get(C1)).toBe(18);
    await beats([ada], here, 3);
    expect(ada.mayAct(C1)).toBe(18);
  });

  it('takes nothing while its own VM is moved, where another one can', async () => {
    const here = await leaseRoom();
    const carried = () => Promise.resolve({ joined: [], isCarried: true });
    const [ada, ben] = [here.keeper('ada'), here.keeper('ben')];
    await ben.beat(IDLE);
    await ada.beat(IDLE, carried);
    await ben.release();
    await here.keeper('eve').beat(() => false, carried);
    for (let round = 0; round < 3; round += 1) {
      expect(await ada.beat(IDLE, carried)).toEqual([]);
      await here.clock.pass(10);
    }
    // Nobody else gives signs of life any more.
    await here.clock.pass(200);
    await ada.beat(IDLE, carried);
    expect(await ada.beat(IDLE, carried)).toEqual(CLUSTERS);
  });

  describe('of which several are moved at once', () => {
    const carried = () => Promise.resolve({ joined: [], isCarried: true });

    it.each([0, 3])('settles who has what, %s s apart, and leaves it so', async (apart) => {
      const here = await leaseRoom();
      const all = ['ada', 'ben', 'cleo'].map((name) => here.keeper(name));
      const rounds = async (count: number): Promise<void> => {
        for (let round = 0; round < count; round += 1) {
          if (apart === 0) await Promise.all(all.map((one) => one.beat(IDLE, carried)));
          else
            for (const one of all) await one.beat(IDLE, carried).then(() => here.clock.pass(apart));
          await here.clock.pass(10 - apart * all.length);
        }
      };
      await rounds(6);
      const settled = all.map(held);
      expect(settled.flat().toSorted(compareText)).toEqual(CLUSTERS);
      const before = here.events.of('lease').length;
      await rounds(20);
      expect(all.map(held)).toEqual(settled);
      expect(here.events.of('lease')).toHaveLength(before);
    });
  });

  it('takes what nobody else wants, also while its own VM is moved', async () => {
    const here = await leaseRoom();
    const carried = () => Promise.resolve({ joined: [], isCarried: true });
    const [ada, cleo] = [here.keeper('ada'), here.keeper('cleo', { wants: (one) => one === C2 })];
    for (let round = 0; round < 3; round += 1) {
      await cleo.beat(IDLE);
      await ada.beat(IDLE, carried);
      await here.clock.pass(10);
    }
    expect([held(ada), held(cleo)]).toEqual([['c1', 'c3', 'c4'], ['c2']]);
  });

  it('takes up a move of its own VM that none of the others could', async () => {
    const here = await leaseRoom();
    const joined = [[C1, C2]];
    const ben = here.keeper('ben', { wants: (one) => one === C1 });
    const cleo = here.keeper('cleo', { wants: (one) => one === C2 });
    const ada = here.keeper('ada', { wants: (one) => one === C1 || one === C2 });
    await beats([ben, cleo], here, 1);
    for (let round = 0; round < 3; round += 1) {
      await ada.beat(IDLE, () => Promise.resolve({ joined, isCarried: true }));
      for (const one of [ben, cleo]) {
        await one.beat(IDLE, () => Promise.resolve({ joined, isCarried: false }));
      }
      await here.clock.pass(10);
    }
    expect(held(ada)).toEqual(['c1', 'c2']);
  });

  it('does not take back what another process with its identity took, and says so', async () => {
    const here = await leaseRoom();
    const ada = here.keeper('ada');
    await beats([ada], here, 3);
    const twin = here.keeper('ada');
    await beats([twin, ada], here, 5);
    expect([held(ada), held(twin)]).toEqual([[], CLUSTERS]);
    expect(twin.mayAct(C1)).toBe(2);
    const warnings = here.events.of('warning').map(({ text }) => text);
    expect(warnings).toEqual([expect.stringMatching(/another process has the identity of ada/)]);
    await beats([ada], here, 12);
    expect(held(ada)).toEqual(CLUSTERS);
  });

  it('does not run out, and writes nothing more, where it is alone', async () => {
    const here = await leaseRoom();
    const ada = here.keeper('ada', { sole: true });
    await ada.beat(IDLE);
    const board = await here.ledger.leaseBoard();
    await beats([ada], here, 20);
    expect(held(ada)).toEqual(CLUSTERS);
    expect(await here.ledger.leaseBoard()).toEqual(board);
    const heir = here.keeper('ben', { sole: true });
    heir.see([]);
    await heir.beat(IDLE);
    expect(heir.mayAct(C1)).toBe(2);
  });
});

describe('fairShare', () => {
  const live = ['a', 'b', 'c'].map((id) => ({ id, wants: CLUSTERS, asks: [] }));
  const view = {
    live,
    free: CLUSTERS,
    holders: new Map<ClusterId, string>(),
    isIdle: IDLE,
    joined: [] as ClusterId[][],
  };

  it('gives each free cluster to exactly one', () => {
    const claims = live.map(({ id }) => fairShare({ ...view, me: id }).claim);
    expect(claims).toEqual([['c1', 'c4'], ['c2'], ['c3']]);
  });

  it('gives nothing up that moves, that nobody else wants, or for a difference of one', () => {
    const holders = new Map(CLUSTERS.map((cluster) => [cluster, 'a']));
    const own = { ...view, me: 'a', free: [], holders };
    expect(fairShare(own).release).toEqual(['c1', 'c2']);
    expect(fairShare({ ...own, isIdle: (one) => one !== C1 }).release).toEqual(['c2', 'c3']);
    const alone = live.map((one) => (one.id === 'a' ? one : { ...one, wants: [] }));
    expect(fairShare({ ...own, live: alone }).release).toEqual([]);
    const even = new Map([[C1, 'a']]);
    expect(fairShare({ ...own, holders: even }).release).toEqual([]);
  });

  describe('of clusters between which a move is open', () => {
    const [c1, c2, c3, c4] = [C1, clusterId('c2'), clusterId('c3'), clusterId('c4')];
    const shares = (more: Partial<ShareView>) =>
      live.map(({ id }) => fairShare({ ...view, ...more, me: id }));

    it('gives all to one, over any number of moves', () => {
      const joined = [[c3, c4], [c1], [c2, c3]];
      expect(shares({ joined }).map(({ claim }) => claim)).toEqual([[c2, c3, c4], [c1], []]);
    });

    it('gives what is free to who has the first of the others already', () => {
      const holders = new Map([
        [c1, 'b'],
        [c2, 'c'],
      ]);
      const joined = [[c2, c4]];
      const claims = shares({ holders, free: [c3, c4], joined }).map(({ claim }) => claim);
      expect(claims).toEqual([[c3], [], [c4]]);
    });

    it('has the rest given up to who has the first, once nothing moves there', () => {
      const holders = new Map([
        [c1, 'a'],
        [c2, 'b'],
        [c3, 'c'],
      ]);
      const joined = [[c2, c3]];
      const releases = (isIdle: ShareView['isIdle']) =>
        shares({ holders, free: [], joined, isIdle }).map(({ release }) => release);
      expect(releases(IDLE)).toEqual([[], [], [c3]]);
      expect(releases((one) => one !== c3)).toEqual([[], [], []]);
    });

    it('leaves them apart where nobody may have them all', () => {
      const wants = new Map([
        ['a', [c1, c2]],
        ['b', [c3, c4]],
      ]);
      const apart = live.map((one) => ({ ...one, wants: wants.get(one.id) ?? [] }));
      const holders = new Map([
        [c1, 'a'],
        [c3, 'b'],
      ]);
      const told = shares({ live: apart, holders, free: [c2, c4], joined: [[c1, c3]] });
      expect(told.map(({ claim }) => claim)).toEqual([[c2], [c4], []]);
      expect(told.flatMap(({ release }) => release)).toEqual([]);
    });

    describe('and of those that somebody asks for', () => {
      const holders = new Map([
        [c1, 'a'],
        [c2, 'b'],
        [c3, 'c'],
      ]);
      const asking = (asks: Readonly<Record<string, readonly ClusterId[]>>) =>
        live.map((one) => ({ ...one, asks: asks[one.id] ?? [] }));

      it('gives them to who asks, as soon as they are idle', () => {
        const view1 = { live: asking({ b: [c1, c3] }), holders, free: [c4] };
        expect(shares(view1).map(({ release }) => release)).toEqual([[c1], [], [c3]]);
        const isIdle = (one: ClusterId): boolean => one !== c1;
        expect(shares({ ...view1, isIdle }).map(({ release }) => release)).toEqual([[], [], [c3]]);
        const given = shares({ ...view1, holders: new Map([[c2, 'b']]), free: [c1, c3] });
        expect(given.map(({ claim }) => claim)).toEqual([[], [c1, c3], []]);
      });

      it('serves one of two that overlap, and the other when that is over', () => {
        const both = { live: asking({ b: [c1, c2], c: [c2, c3] }), holders, free: [] };
        expect(shares(both).map(({ release }) => release)).toEqual([[c1], [], []]);
        const next = { ...both, live: asking({ c: [c2, c3] }) };
        expect(shares(next).map(({ release }) => release)).toEqual([[], [c2], []]);
      });

      it('leaves them apart where who asks may not have them', () => {
        const told = shares({
          live: asking({ b: [c1, c3] }).map((one) =>
            one.id === 'b' ? { ...one, wants: [c2] } : one,
          ),
          holders: new Map([[c1, 'a']]),
          free: [c3],
        });
        expect(told.map(({ claim }) => claim)).toEqual([[], [], [c3]]);
      });

      it('moves with them what hangs on them by moves that are open', () => {
        const told = shares({
          live: asking({ b: [c2, c3] }),
          holders,
          free: [],
          joined: [[c1, c3]],
        });
        expect(told.map(({ release }) => release)).toEqual([[c1], [], [c3]]);
      });
    });
  });
});

describe('leftToOthers', () => {
  const [c1, c2, c3] = CLUSTERS as [ClusterId, ClusterId, ClusterId];
  const left = (joined: readonly ClusterId[][], ...others: readonly ClusterId[][]) => [
    ...leftToOthers({
      me: 'a',
      mine: [c1, c2, c3],
      others: others.map((wants) => ({ id: 'b', wants })),
      joined,
    }),
  ];

  it('is what one of them wants', () => {
    expect(left([])).toEqual([]);
    expect(left([], [], [c1, c3])).toEqual([c1, c3]);
  });

  it('is nothing for one that is moved, too, and comes behind it', () => {
    const leftBy = (me: string) =>
      leftToOthers({
        me,
        mine: [c1],
        others: [{ id: 'b', wants: [c1], isCarried: true }],
        joined: [],
      });
    expect([leftBy('a').size, leftBy('c').size]).toEqual([0, 1]);
  });

  it('is what hangs together only where one of them wants all of it', () => {
    expect(left([[c1, c2]], [c1, c3], [c2])).toEqual([c3]);
    expect(left([[c1, c2]], [c1, c2], [c2])).toEqual([c1, c2]);
    const [c4] = CLUSTERS.slice(3);
    if (c4 === undefined) throw new Error('there are four');
    // It could not have all of it either.
    expect(left([[c1, c4]], [c1])).toEqual([c1]);
  });
});

// Role: several controllers on one ledger: the cap of all moves holds for all of them together, who
// finds no place waits without a trace, and none is kept out for ever.
import { describe, expect, it } from 'vitest';

import { clusterId, moveId, planId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Limits } from '../../../src/domain/policy.ts';
import { bytesPerSecond, seconds } from '../../../src/domain/units.ts';
import type { Executor } from '../../../src/execute/executor.ts';
import { aHost, aPolicy, someLimits } from '../../support/fleet.ts';
import { aRecord } from '../../support/ledger-records.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';

const ROOMY = { total: 99, perHostIn: 99, perHostOut: 99, perLink: 99 };

function sharing(bench: Bench, by: string): Executor {
  return bench.executor({
    sharing: { by, patienceSeconds: seconds(90) },
    follower: () => 'ada',
    takeUp: () => false,
    takesPlace: () => false,
  });
}

/** So many VMs on h1; each move takes 20 s. */
async function pair(vms: number, concurrency: Partial<Limits['concurrency']>) {
  const bench = await makeBench(Array.from({ length: vms }, () => 'h1'));
  bench.policies = aPolicy({ limits: someLimits({ concurrency: { ...ROOMY, ...concurrency } }) });
  return { bench, ada: sharing(bench, 'ada'), bob: sharing(bench, 'bob') };
}

function moves(from: number, to: number, more: Partial<Move> = {}): readonly Move[] {
  const ids = Array.from({ length: to - from + 1 }, (_none, index) => `${from + index}`);
  return ids.map((id) => move(id, 'h1', 'h2', more));
}

/** Each looks again so often, as with every renewal of its leases. */
async function looking(bench: Bench, all: readonly Executor[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const one of all) {
      await one.openAnywhere();
      one.wake();
    }
    expect((await bench.ledger.openMoves()).length).toBeLessThanOrEqual(
      bench.policies.limits.concurrency.total,
    );
    await bench.clock.pass(10);
  }
}

describe('controllers that share a ledger', () => {
  it('hold the cap of all moves together, though they begin at the same moment', async () => {
    const { bench, ada, bob } = await pair(8, { total: 3 });
    const [adas, bobs] = [moves(1, 4), moves(5, 8)];
    void ada.submit(planOf(adas), yes(adas));
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2', 'm3']);
    expect([ada.waiting, bob.waiting]).toEqual([1, 4]);
    expect(bob.inFlight()).toEqual([]);
    await looking(bench, [ada, bob], 20);
    expect(await wrongs(bench, [...adas, ...bobs])).toEqual([]);
    expect([ada.waiting, bob.waiting]).toEqual([0, 0]);
  });

  it('do not keep each other out: the next place goes to who waits', async () => {
    const { bench, ada, bob } = await pair(7, { total: 1 });
    const [adas, bobs] = [moves(1, 6), moves(7, 7, { tier: 'mandatory' })];
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(1);
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    await looking(bench, [ada, bob], 6);
    expect(bench.hypervisor.started.slice(0, 3)).toEqual(['m1', 'm7', 'm2']);
    await looking(bench, [ada, bob], 24);
    expect(await wrongs(bench, [...adas, ...bobs])).toEqual([]);
  });

  it('say nothing of a move that finds no place, and begin by importance', async () => {
    const { bench, ada, bob } = await pair(4, { total: 1 });
    const [adas, low] = [moves(1, 1), moves(2, 3, { criticality: 'best-effort' })];
    const high = moves(4, 4, { criticality: 'mission-critical' });
    const bobs = [...low, ...high];
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(1);
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    await bench.clock.pass(5);
    expect(bob.waiting).toBe(3);
    expect(bench.events.of('move-ended')).toEqual([]);
    expect(await bench.ledger.history({ limit: 9 })).toEqual([]);
    expect((await bench.ledger.recentMoves(9)).map((record) => record.move.id)).toEqual(['m1']);
    await looking(bench, [ada, bob], 20);
    expect(bench.hypervisor.started).toEqual(['m1', 'm4', 'm2', 'm3']);
  });

  it('ask for nothing less important before it is known who has a place', async () => {
    const { bench, ada, bob } = await pair(4, { total: 2 });
    const [adas, low] = [moves(1, 1), moves(4, 4, { criticality: 'best-effort' })];
    const bobs = [...moves(2, 3, { criticality: 'mission-critical' }), ...low];
    const { ledger } = bench;
    const answer = Promise.withResolvers<void>();
    const openMove = ledger.openMove.bind(ledger);
    ledger.openMove = async (record, ask) => {
      const given = await openMove(record, ask);
      if (given === 'no-place') await answer.promise;
      return given;
    };
    bench.hypervisor.duration = 600;
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(1);
    bench.hypervisor.duration = 20;
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    // That of m2 is free again by now, and it is not known yet that there was none for m3.
    await bench.clock.pass(60);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
    // What became free meanwhile is not forgotten.
    answer.resolve();
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2', 'm3']);
  });

  it.each(['opened', 'no-place'] as const)(
    'begin no move that is asked for when another of its VM is cancelled (%s)',
    async (given) => {
      const { bench, bob } = await pair(1, { total: 1 });
      const answer = Promise.withResolvers<void>();
      const openMove = bench.ledger.openMove.bind(bench.ledger);
      bench.ledger.openMove = async (...how) => {
        await answer.promise;
        return given === 'opened' ? openMove(...how) : given;
      };
      const applied = [{ ...move('1', 'h1', 'h2'), id: moveId('applied') }];
      const ordered = { ...planOf(applied), id: planId('apply-1') };
      const newest = moves(1, 1);
      const done = Promise.all([
        bob.submit(ordered, yes(applied), 'ordered'),
        bob.submit(planOf(newest), yes(newest)),
      ]);
      await bench.clock.pass(1);
      expect(await bob.cancel(moveId('m1'), 'ada')).toBe('cancelled');
      answer.resolve();
      await bench.clock.until(done);
      expect(bench.hypervisor.started).toEqual([]);
      const result = (await bench.ledger.move(moveId('applied')))?.result;
      expect(result).toMatchObject({ outcome: 'cancelled' });
    },
  );

  it('do not ask again before something may have changed', async () => {
    const { bench, ada, bob } = await pair(3, { total: 1 });
    const [adas, bobs] = [moves(1, 1), moves(2, 3)];
    let asked = 0;
    const openMove = bench.ledger.openMove.bind(bench.ledger);
    bench.ledger.openMove = (...parts) => {
      asked += 1;
      return openMove(...parts);
    };
    bench.hypervisor.duration = 200;
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(1);
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    await bench.clock.pass(60);
    expect(asked).toBe(1 + 1);
    bob.wake();
    await bench.clock.pass(60);
    expect(asked).toBe(1 + 2);
  });

  it.each([
    ['cancelled', (bob: Executor) => bob.cancel(moveId('m2'))],
    ['dropped', async (bob: Executor) => bob.dropWaiting()],
  ])('begin nothing that was %s while its place was asked for', async (how, act) => {
    const { bench, ada, bob } = await pair(2, { total: 1 });
    const [adas, bobs] = [moves(1, 1), moves(2, 2)];
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(1);
    const done = bob.submit(planOf(bobs, 'p2'), yes(bobs));
    expect(bob.waiting).toBe(0);
    await act(bob);
    await bench.clock.until(done);
    expect(bob.open).toEqual([]);
    await looking(bench, [ada, bob], 6);
    expect(bench.hypervisor.started).toEqual(['m1']);
    const ends = bench.events.of('move-ended').filter((end) => end.move.id === 'm2');
    expect(ends.map(({ result }) => result.outcome)).toEqual(how === 'cancelled' ? [how] : []);
  });

  it.each([
    ['links', { perLink: 1 }],
    ['clusters', { perCluster: 1 }],
  ])('count the moves of others for the caps of %s, as of the last look', async (_name, caps) => {
    const { bench, ada, bob } = await pair(2, caps);
    const uplinks = ['a', 'b', 'b', 'b'];
    const hosts = ['h1', 'h2', 'h3', 'h4'].map((id, index) => {
      const uplink = { id: uplinks[index] ?? '', bandwidth: bytesPerSecond(1e9) };
      return aHost({ id, uplink });
    });
    bench.world = { ...bench.world, hosts };
    const [adas, bobs] = [moves(1, 1), moves(2, 2)];
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(5);
    await bob.openAnywhere();
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m1']);
    await bench.clock.pass(60);
    expect(bench.hypervisor.started).toEqual(['m1']);
    await looking(bench, [bob], 1);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
  });

  it('do not take their own moves that end meanwhile for those of others', async () => {
    const { bench, ada } = await pair(2, { perCluster: 1 });
    const all = moves(1, 2);
    void ada.submit(planOf(all), yes(all));
    await bench.clock.pass(5);
    await ada.openAnywhere();
    await bench.clock.pass(60);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
  });

  describe('a plan that comes while a place is asked for', () => {
    /** m2 and m3 of each plan, of which the second waits for the first. */
    const both = (plan: string): readonly Move[] => {
      const [first, second] = [`${plan} m2`, `${plan} m3`].map(moveId);
      return [
        { ...move('2', 'h1', 'h2'), id: first ?? moveId('') },
        { ...move('3', 'h1', 'h2'), id: second ?? moveId(''), dependsOn: first ? [first] : [] },
      ];
    };
    const endsOf = (bench: Bench) =>
      bench.events.of('move-ended').map(({ move: { id }, result }) => `${id} ${result.outcome}`);

    it('takes its place where there is none', async () => {
      const { bench, ada, bob } = await pair(3, { total: 1 });
      const adas = moves(1, 1);
      void ada.submit(planOf(adas), yes(adas));
      await bench.clock.pass(1);
      void bob.submit(planOf(both('p2'), 'p2'), yes(both('p2')));
      const done = bob.submit(planOf(both('p3'), 'p3'), yes(both('p3')));
      await bench.clock.pass(1);
      expect(bob.waiting).toBe(2);
      expect(await bench.ledger.history({ limit: 9 })).toEqual([]);
      await looking(bench, [ada, bob], 9);
      await bench.clock.until(done);
      expect(endsOf(bench)).toEqual(['m1 succeeded', 'p3 m2 succeeded', 'p3 m3 succeeded']);
    });

    it('is passed over for a VM whose move has begun by then', async () => {
      const { bench, bob } = await pair(3, { total: 1 });
      void bob.submit(planOf(both('p2'), 'p2'), yes(both('p2')));
      const done = bob.submit(planOf(both('p3'), 'p3'), yes(both('p3')));
      await bench.clock.until(done);
      await bench.clock.pass(60);
      expect(endsOf(bench)).toEqual(['p3 m3 skipped', 'p2 m2 succeeded']);
      const { hypervisor } = bench;
      expect(hypervisor.started).toEqual(['p2 m2']);
      expect(bob.open).toEqual([]);
    });

    it('keeps what it wants again itself', async () => {
      const { bench, ada, bob } = await pair(3, { total: 1 });
      const [adas, bobs] = [moves(1, 1), both('p2')];
      void ada.submit(planOf(adas), yes(adas));
      await bench.clock.pass(1);
      void bob.submit(planOf(bobs, 'p2'), yes(bobs));
      void bob.submit(planOf(bobs, 'p2'), yes(bobs));
      await bench.clock.pass(1);
      expect(bob.waiting).toBe(2);
      await looking(bench, [ada, bob], 9);
      expect(endsOf(bench)).toEqual(['m1 succeeded', 'p2 m2 succeeded', 'p2 m3 succeeded']);
    });
  });

  it('tell that moves wait for a place when that lasts, and who has them', async () => {
    const { bench, ada, bob } = await pair(3, { total: 1 });
    const [adas, bobs] = [moves(1, 1), moves(2, 3)];
    bench.hypervisor.duration = 300;
    void ada.submit(planOf(adas), yes(adas));
    await bench.clock.pass(1);
    void bob.submit(planOf(bobs, 'p2'), yes(bobs));
    await looking(bench, [bob], 11);
    expect(bob.waitingForPlace.map(({ id }) => id)).toEqual(['m2', 'm3']);
    const warnings = () => bench.events.of('warning').filter(({ key }) => key === 'no place');
    expect(warnings()).toEqual([]);
    await looking(bench, [bob], 10);
    const told = warnings().map(({ text }) => text);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^2 moves have waited for a place.*total is 1 .* these are open: 1 of ada\. /,
    );
    await looking(bench, [ada, bob], 20);
    expect(bench.hypervisor.started).toContain('m2');
    expect(bob.waitingForPlace).toEqual([]);
  });

  it.each([
    ['all moves, also where one of its clusters is held here', { total: 1 }, true],
    ['links and clusters', { perCluster: 1 }, false],
  ])('do not count what nobody can follow: for the cap of %s', async (_cap, caps, takesPlace) => {
    const { bench } = await pair(2, caps);
    const left = { ...aRecord('left', 'v1'), leases: [{ cluster: clusterId('c9'), token: 1 }] };
    await bench.ledger.openMove({ ...left, move: move('1', 'h1', 'h2') });
    const carol = bench.executor({
      sharing: { by: 'carol', patienceSeconds: seconds(90) },
      follower: () => undefined,
      takeUp: () => false,
      takesPlace: () => takesPlace,
    });
    await carol.recover();
    await carol.openAnywhere();
    const carols = moves(2, 2);
    void carol.submit(planOf(carols), yes(carols));
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m2']);
  });
});

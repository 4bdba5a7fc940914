// Role: what every ledger must do about leases: a token only goes up, a change compares first, and
// what is written about a move needs the leases that it was taken up under.
import { describe, expect, it } from 'vitest';

import { clusterId, hostId, moveId, vmId } from '../../src/domain/ids.ts';
import type { HeldLease, LeaseProof } from '../../src/domain/lease.ts';
import { bytes, cores, epochSeconds, seconds } from '../../src/domain/units.ts';
import type { Ledger, MoveFence } from '../../src/ports/ledger.ts';
import type { Controller, LeaseClaim } from '../../src/ports/leases.ts';
import { aHostFailureRecord, aRecord, aResult, aStage } from '../support/ledger-records.ts';

const C1 = clusterId('c1');
const C2 = clusterId('c2');
const ADA: Controller = { id: 'a', name: 'ada', wants: [C1, C2], asks: [] };
const BEN: Controller = { id: 'b', name: 'ben', wants: [C1], asks: [] };
const TERM = seconds(30);

export function leaseCases(use: { ledger: () => Ledger; reopen: () => Promise<void> }): void {
  const { ledger, reopen } = use;
  const claim = (by: Controller, more: Partial<LeaseClaim> = {}): Promise<HeldLease | undefined> =>
    ledger().claimLease({ cluster: C1, by, seconds: TERM, seen: undefined, above: 0, ...more });
  const row = async () =>
    (await ledger().leaseBoard()).leases.find(({ cluster }) => cluster === C1);

  describe('leases', () => {
    it('gives a lease to one of many, also at the same moment, over a restart', async () => {
      const answers = await Promise.all([claim(ADA), claim(BEN), claim(ADA)]);
      expect(answers.filter((one) => one !== undefined)).toHaveLength(1);
      await reopen();
      const { leases } = await ledger().leaseBoard();
      expect(leases).toHaveLength(1);
      expect(leases[0]).toMatchObject({ cluster: 'c1', token: 1, renewals: 1, seconds: 30 });
    });

    it('is taken over as it was seen only, with a higher token', async () => {
      await claim(ADA);
      const seen = await row();
      await ledger().renewLeases(ADA, [{ cluster: C1, token: 1 }], TERM);
      expect(await claim(BEN, { seen })).toBeUndefined();
      expect(await claim(BEN, { seen: await row() })).toEqual({ cluster: 'c1', token: 2 });
      expect(await row()).toMatchObject({ holder: 'b', holderName: 'ben', token: 2 });
    });

    it('gives a token above what was seen elsewhere', async () => {
      expect(await claim(ADA, { above: 41 })).toEqual({ cluster: 'c1', token: 42 });
      const seen = await row();
      expect(await claim(BEN, { seen, above: 7 })).toEqual({ cluster: 'c1', token: 43 });
    });

    it('renews what is still its own, and says what is', async () => {
      await claim(ADA);
      await claim(ADA, { cluster: C2 });
      await claim(BEN, { seen: await row() });
      const held = [C1, C2].map((cluster) => ({ cluster, token: 1 }));
      const before = await row();
      expect(await ledger().renewLeases(ADA, held, TERM)).toEqual([{ cluster: 'c2', token: 1 }]);
      expect(await row()).toEqual(before);
    });

    it('is free at once when it was released, and its token stays', async () => {
      await claim(ADA);
      await ledger().releaseLeases(BEN, [{ cluster: C1, token: 1 }]);
      expect(await row()).toMatchObject({ holder: 'a' });
      await ledger().releaseLeases(ADA, [{ cluster: C1, token: 1 }]);
      expect(await row()).toMatchObject({ holder: '', holderName: '', token: 1 });
      expect(await claim(BEN, { seen: await row() })).toEqual({ cluster: 'c1', token: 2 });
    });

    it('shows the controllers by their signs of life', async () => {
      await ledger().renewLeases(BEN, [], TERM);
      await ledger().renewLeases(ADA, [], TERM);
      await ledger().renewLeases(
        { ...ADA, wants: [C2], asks: [C1, C2], isCarried: true, leaves: [C1] },
        [],
        TERM,
      );
      await reopen();
      const ada = { id: 'a', name: 'ada', wants: ['c2'], asks: ['c1', 'c2'], beats: 2 };
      expect((await ledger().leaseBoard()).controllers).toEqual([
        { ...ada, isCarried: true, leaves: [C1] },
        { ...BEN, beats: 1 },
      ]);
      await ledger().renewLeases({ ...ADA, wants: [C2], asks: [C1, C2] }, [], TERM);
      expect((await ledger().leaseBoard()).controllers[0]).toEqual({ ...ada, beats: 3 });
      await ledger().forgetController('a');
      expect((await ledger().leaseBoard()).controllers).toEqual([{ ...BEN, beats: 1 }]);
    });
  });

  it('says on the board which ledger it is, over a restart', async () => {
    const { ledger: first } = await ledger().leaseBoard();
    expect(first).toMatch(/^[\da-f-]{36}$/);
    await reopen();
    expect((await ledger().leaseBoard()).ledger).toBe(first);
  });

  describe('a cluster that is stopped', () => {
    const stop = { cluster: C1, seen: 7, by: 'ada' };
    const stops = async () => (await ledger().leaseBoard()).stops;

    it('is given to nobody until the stop is lifted, over a restart', async () => {
      await claim(ADA);
      await ledger().stopLease(stop);
      await reopen();
      expect(await stops()).toEqual([stop]);
      expect(await claim(BEN, { seen: await row() })).toBeUndefined();
      expect(await row()).toMatchObject({ holder: 'a', token: 1 });
      expect(await claim(BEN, { cluster: C2 })).toEqual({ cluster: 'c2', token: 1 });
      const seen = await row();
      await ledger().liftStop({ ...stop, by: 'eve' });
      expect(await stops()).toEqual([]);
      expect(await row()).toMatchObject({ holder: 'a', token: 7 });
      expect(await claim(BEN, { seen })).toBeUndefined();
      expect(await claim(BEN, { seen: await row() })).toEqual({ cluster: 'c1', token: 8 });
    });

    it('is gone on with above the highest token that anybody has seen', async () => {
      await ledger().stopLease(stop);
      await ledger().stopLease({ cluster: C1, seen: 9, by: 'ben' });
      await ledger().stopLease({ cluster: C1, seen: 8, by: 'cleo' });
      expect(await stops()).toEqual([{ cluster: C1, seen: 9, by: 'ben' }]);
      expect(await claim(ADA)).toBeUndefined();
      await ledger().liftStop({ ...stop, by: 'eve' });
      expect(await row()).toMatchObject({ holder: '', holderName: '', token: 9 });
      expect(await claim(ADA, { seen: await row() })).toEqual({ cluster: 'c1', token: 10 });
      await ledger().liftStop({ ...stop, by: 'eve' });
      expect(await row()).toMatchObject({ holder: 'a', token: 10, renewals: 1 });
      await ledger().stopLease(stop);
      expect(await stops()).toEqual([]);
    });
  });

  describe('writes under a lease', () => {
    const fence = (proof: LeaseProof): MoveFence => ({
      open: () => proof,
      about: () => proof,
      ended: () => undefined,
      onCluster: () => proof,
    });
    const adas: LeaseProof = { holder: 'a', leases: [{ cluster: C1, token: 1 }] };
    const isLost = { name: 'LedgerError', code: 'lost-lease' };

    it('go through while it holds, and the record names it', async () => {
      await claim(ADA);
      const own = ledger().fencedBy(fence(adas));
      expect(await own.openMove(aRecord('m1', 'vm1'))).toBe('opened');
      await own.addStages([aStage('m1', 'pre-copy', 'before')]);
      expect((await ledger().move(moveId('m1')))?.leases).toEqual(adas.leases);
      await own.closeMove(moveId('m1'), aResult());
      expect(await ledger().openMoves()).toEqual([]);
    });

    it('are refused when it is over, whatever is written about the move', async () => {
      await claim(ADA);
      const own = ledger().fencedBy(fence(adas));
      await own.openMove(aRecord('m1', 'vm1'));
      await claim(BEN, { seen: await row() });
      const reservation = { move: moveId('m1'), vm: vmId('vm1'), host: hostId('h2') };
      const late = [
        own.openMove(aRecord('m2', 'vm2')),
        own.addStages([aStage('m1', 'pre-copy', 'before')]),
        own.addStages([], { ...reservation, memoryBytes: bytes(1), cpu: cores(1) }),
        own.release(moveId('m1')),
        own.closeMove(moveId('m1'), aResult()),
      ];
      for (const write of late) await expect(write).rejects.toMatchObject(isLost);
      expect(await ledger().openMoves()).toMatchObject([{ stages: [], move: { id: 'm1' } }]);
      expect(await ledger().reservations()).toEqual([]);
    });

    it('are refused about a failed host, too: another one judges it by then', async () => {
      await claim(ADA);
      const own = ledger().fencedBy(fence(adas));
      const suspected = aHostFailureRecord('h1', { state: 'suspected-dead' });
      await own.putHostFailure(suspected, { cluster: C1 });
      await claim(BEN, { seen: await row() });
      const late = own.putHostFailure({ ...suspected, state: 'dead' }, { cluster: C1 });
      await expect(late).rejects.toMatchObject(isLost);
      const about = { vm: undefined, host: suspected.host, from: undefined, move: undefined };
      const line = { at: epochSeconds(5), kind: 'state', ...about, text: 'h1: well' } as const;
      await expect(own.noteFencing(line, C1)).rejects.toMatchObject(isLost);
      const removed = own.removeHostFailure(suspected.host, line, { cluster: C1 });
      await expect(removed).rejects.toMatchObject(isLost);
      expect(await ledger().hostFailures()).toEqual([suspected]);
    });

    it('are refused for another holder of the same token, and without a row', async () => {
      const bens = ledger().fencedBy(fence({ ...adas, holder: 'b' }));
      await expect(bens.openMove(aRecord('m1', 'vm1'))).rejects.toMatchObject(isLost);
      await claim(ADA);
      await expect(bens.openMove(aRecord('m1', 'vm1'))).rejects.toMatchObject(isLost);
    });

    it('do not rely on what was found before a change in the same commit', async () => {
      await claim(ADA);
      const own = ledger().fencedBy(fence(adas));
      const answers = await Promise.allSettled([
        own.openMove(aRecord('m1', 'vm1')),
        own.openMove(aRecord('m2', 'vm2')),
        ledger().releaseLeases(ADA, adas.leases),
        own.openMove(aRecord('m3', 'vm3')),
      ]);
      const isDone = answers.map(({ status }) => status === 'fulfilled');
      expect(isDone).toEqual([true, true, true, false]);
      expect(answers[3]).toMatchObject({ reason: isLost });
    });

    it('leave the writes beside them alone', async () => {
      await claim(ADA);
      await claim(BEN, { seen: await row() });
      const own = ledger().fencedBy(fence(adas));
      const [lost, other] = await Promise.allSettled([
        own.openMove(aRecord('m1', 'vm1')),
        ledger().openMove(aRecord('m2', 'vm2')),
      ]);
      expect([lost.status, other.status]).toEqual(['rejected', 'fulfilled']);
    });
  });
}

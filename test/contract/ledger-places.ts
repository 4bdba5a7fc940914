// Role: the part of the ledger's contract that is about places for moves, which several controllers
// share (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { type ClusterId, clusterId, moveId } from '../../src/domain/ids.ts';
import { type Seconds, seconds } from '../../src/domain/units.ts';
import type { Controller, LeaseClaim } from '../../src/ports/leases.ts';
import { UNHEARD_SECONDS } from '../../src/ports/places.ts';
import { aRecord, aResult } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

const LONG = seconds(600);

const [C1, C2] = [clusterId('c1'), clusterId('c2')];
const ADA = { id: 'a', name: 'ada', wants: [C1, C2], asks: [] };
const BEN = { id: 'b', name: 'ben', wants: [C1], asks: [] };

export function placeCases({ ledger, reopen }: LedgerInHand): void {
  const open = async (): Promise<readonly string[]> =>
    (await ledger().openMoves()).map(({ move }) => move.id).toSorted();
  /** The move is named by who asks and a number; `most` are open at once. */
  const ask = (id: string, most: number, patienceSeconds = LONG) =>
    ledger().openMove(aRecord(id, `vm ${id}`), { by: id.slice(0, 1), most, patienceSeconds });
  const close = (id: string) => ledger().closeMove(moveId(id), aResult());

  /** @param seen of who takes a lease over, as it was claimed once. */
  const claim = async (
    cluster: ClusterId,
    by: Controller,
    term = 30,
    seen?: LeaseClaim['seen'],
  ): Promise<void> => {
    // Of less than nothing too, which no controller would ask for.
    await ledger().claimLease({ cluster, by, seconds: term as Seconds, seen, above: 0 });
  };
  /** Opened under the leases of these. */
  const opened = (id: string, ...clusters: readonly ClusterId[]) => {
    const leases = clusters.map((cluster) => ({ cluster, token: 1 }));
    return ledger().openMove({ ...aRecord(id, `vm ${id}`), leases });
  };

  describe('places for moves', () => {
    it('are never more than there are, also for those that ask at the same moment', async () => {
      const asked = ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'].map((id) => ask(id, 3));
      const answers = await Promise.all(asked);
      expect(answers.filter((one) => one === 'opened')).toHaveLength(3);
      expect(new Set(answers)).toEqual(new Set(['opened', 'no-place']));
      expect(await open()).toHaveLength(3);
    });

    it('go to those of one controller in the order in which it asks', async () => {
      const answers = await Promise.all(['a1', 'a2', 'a3', 'a4'].map((id) => ask(id, 2)));
      expect(answers).toEqual(['opened', 'opened', 'no-place', 'no-place']);
    });

    it('leave no trace of a move that there was none for, which may come again', async () => {
      await ask('a1', 1);
      expect(await ask('b1', 1)).toBe('no-place');
      expect(await ledger().move(moveId('b1'))).toBeUndefined();
      expect(await ledger().audit(0, 9)).toHaveLength(1);
      expect(await ledger().history({ limit: 9 })).toEqual([]);
      await close('a1');
      expect(await ask('b1', 1)).toBe('opened');
      expect(await open()).toEqual(['b1']);
    });

    it('are taken by whatever is open, whoever has opened it and however', async () => {
      await ledger().openMove(aRecord('left', 'vm of a dead controller'));
      expect(await ask('a1', 1)).toBe('no-place');
      // Who has the ledger for itself asks for none.
      expect(await ledger().openMove(aRecord('other', 'vm2'))).toBe('opened');
      await close('left');
      expect(await ask('a1', 1)).toBe('no-place');
      await close('other');
      expect(await ask('a1', 1)).toBe('opened');
    });

    it('say that another move of the VM is open, and keep nothing for that one', async () => {
      await ask('a1', 9);
      const twin = { by: 'b', most: 1, patienceSeconds: LONG };
      expect(await ledger().openMove(aRecord('b1', 'vm a1'), twin)).toBe('in-flight');
      await close('a1');
      expect(await ask('a2', 1)).toBe('opened');
    });

    it('are left to who waits for longer, over a restart, one each', async () => {
      await Promise.all([ask('a1', 3), ask('a2', 3), ask('a3', 3)]);
      expect(await ask('b1', 3)).toBe('no-place');
      await close('a1');
      await reopen();
      expect(await ask('a4', 3)).toBe('no-place');
      await close('a2');
      expect(await Promise.all([ask('a4', 3), ask('a5', 3)])).toEqual(['opened', 'no-place']);
      expect(await Promise.all([ask('b1', 3), ask('b2', 3)])).toEqual(['opened', 'no-place']);
      expect(await open()).toEqual(['a3', 'a4', 'b1']);
    });

    it('go round where there are fewer of them than controllers', async () => {
      await ask('a1', 1);
      for (const id of ['b1', 'c1', 'a2']) expect(await ask(id, 1)).toBe('no-place');
      await close('a1');
      for (const id of ['a2', 'c1']) expect(await ask(id, 1)).toBe('no-place');
      expect(await ask('b1', 1)).toBe('opened');
      expect(await ask('b2', 1)).toBe('no-place');
      await close('b1');
      for (const id of ['b2', 'a2']) expect(await ask(id, 1)).toBe('no-place');
      expect(await ask('c1', 1)).toBe('opened');
      await close('c1');
      expect(await ask('b2', 1)).toBe('no-place');
      expect(await ask('a2', 1)).toBe('opened');
      await close('a2');
      expect(await ask('b2', 1)).toBe('opened');
    });

    it('are kept no longer for who does not ask again', async () => {
      await ask('a1', 1);
      expect(await ask('b1', 1)).toBe('no-place');
      await close('a1');
      expect(await ask('a2', 1)).toBe('no-place');
      expect(await ask('a2', 1, seconds(0))).toBe('opened');
      // It has lost its turn with that.
      expect(await ask('c1', 1)).toBe('no-place');
      expect(await ask('b1', 1)).toBe('no-place');
      await close('a2');
      expect(await ask('b1', 1)).toBe('no-place');
      expect(await ask('c1', 1)).toBe('opened');
    });

    describe('of a move whose controller is gone', () => {
      // A lease with a term of less than nothing has run out at its renewal, and so long ago.
      const AGO = 0 - UNHEARD_SECONDS - 1;

      it.each([
        ['is renewed', 30, 'no-place'],
        ['ran out a while ago, and may be taken over', 30 - UNHEARD_SECONDS, 'no-place'],
        ['ran out long ago, and nobody has taken it', AGO, 'opened'],
      ] as const)('are kept by the lease: it %s', async (_how, term, answer) => {
        await claim(C2, ADA, term);
        await opened('left', C2);
        await reopen();
        expect(await ask('b1', 1)).toBe(answer);
      });

      it('are kept again once somebody has taken its cluster over', async () => {
        await claim(C2, ADA, AGO);
        await opened('left', C2);
        expect(await ask('b1', 2)).toBe('opened');
        expect(await ask('b2', 2)).toBe('opened');
        await close('b1');
        await claim(C2, BEN, 30, { token: 1, renewals: 1 });
        expect(await ask('b3', 2)).toBe('no-place');
      });

      it('are not kept where one of its two clusters is of nobody', async () => {
        await claim(C1, BEN);
        await claim(C2, ADA, AGO);
        await opened('left', C1, C2);
        expect(await ask('b1', 1)).toBe('opened');
        expect(await ask('b2', 1)).toBe('no-place');
      });

      it('are kept where two have one cluster each, and one of them would take both', async () => {
        await claim(C1, BEN);
        await claim(C2, ADA);
        await opened('left', C1, C2);
        await ledger().renewLeases(BEN, [{ cluster: C1, token: 1 }], seconds(30));
        await ledger().renewLeases(ADA, [{ cluster: C2, token: 1 }], seconds(30));
        expect(await ask('b1', 1)).toBe('no-place');
        // From now on each of them acts in its own cluster only.
        await ledger().renewLeases({ ...ADA, wants: [C2] }, [], seconds(30));
        expect(await ask('b1', 1)).toBe('opened');
      });

      it('are kept by one that has given its lease back just now, or is about to', async () => {
        await claim(C2, ADA);
        await opened('left', C2);
        await ledger().renewLeases({ ...ADA, wants: [] }, [{ cluster: C2, token: 1 }], seconds(30));
        expect(await ask('b1', 1)).toBe('no-place');
        await ledger().releaseLeases(ADA, [{ cluster: C2, token: 1 }]);
        expect(await ask('b1', 1)).toBe('no-place');
        await close('left');
        await claim(C1, BEN);
        await ledger().renewLeases(BEN, [{ cluster: C1, token: 1 }], seconds(30));
        await opened('both', C1, C2);
        expect(await ask('b1', 1)).toBe('no-place');
      });

      it('are not given away twice where who asks has such a lease itself', async () => {
        await claim(C1, BEN, AGO);
        const leases = [{ cluster: C1, token: 1 }];
        const own = (id: string) =>
          ledger().openMove(
            { ...aRecord(id, `vm ${id}`), leases },
            { by: 'b', most: 1, patienceSeconds: LONG },
          );
        expect(await Promise.all([own('b1'), own('b2')])).toEqual(['opened', 'no-place']);
      });
    });
  });
}

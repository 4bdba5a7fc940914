// Role: what the ledger tells circuit breakers and budgets (ledger-contract.ts).
import { expect, describe, it } from 'vitest';

import { compareText, moveId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { aRecord, aResult } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

export function setbackCases({ ledger, reopen }: LedgerInHand): void {
  describe('setbacks', () => {
    it('tells where remains may lie, also of what was cancelled', async () => {
      const ends = [
        ['a', 'failed', undefined],
        ['b', 'failed', true],
        ['c', 'cancelled', true],
        ['d', 'cancelled', undefined],
      ] as const;
      for (const [id, outcome, remains] of ends) {
        await ledger().openMove(aRecord(id, id));
        await ledger().closeMove(moveId(id), aResult({ outcome, remains }));
      }
      const { failures } = await ledger().setbacks(epochSeconds(0));
      expect(failures.map(({ vm, remains }) => [vm, remains])).toEqual([
        ['a', undefined],
        ['b', true],
        ['c', true],
      ]);
    });

    it('tells what failed, and what succeeded since, for circuit breakers', async () => {
      const ends = [
        ['a', '1', 'failed', 10],
        ['b', '1', 'succeeded', 20],
        ['c', '2', 'needs-human', 30],
        ['d', '3', 'cancelled', 40],
        ['e', '4', 'skipped', 40],
        ['f', '5', 'failed', 50],
      ] as const;
      await ledger().openMove(aRecord('z', '9'));
      await ledger().closeMove(moveId('z'), aResult({ at: epochSeconds(5) }));
      expect((await ledger().setbacks(epochSeconds(0))).successes.vm.size).toBe(0);
      for (const [id, vm, outcome, at] of ends) {
        await ledger().openMove(aRecord(id, vm));
        await ledger().closeMove(moveId(id), aResult({ outcome, at: epochSeconds(at) }));
      }
      await reopen();
      const { failures, successes } = await ledger().setbacks(epochSeconds(0));
      expect(failures.map(({ vm, from, to, source, at }) => [vm, from, to, source, at])).toEqual([
        ['1', 'h1', 'h2', 'lab', 10],
        ['2', 'h1', 'h2', 'lab', 30],
        ['5', 'h1', 'h2', 'lab', 50],
      ]);
      expect([...successes.vm]).toEqual([['1', 20]]);
      expect([...successes.into, ...successes.out, ...successes.source]).toEqual([
        ['h2', 20],
        ['h1', 20],
        ['lab', 20],
      ]);
      expect((await ledger().setbacks(epochSeconds(31))).failures).toHaveLength(1);
    });

    it('remembers resets of breakers; that of a VM ends its troubles', async () => {
      await ledger().openMove(aRecord('a', '1'));
      await ledger().closeMove(moveId('a'), aResult({ outcome: 'failed', at: epochSeconds(10) }));
      await ledger().resetBreaker('vm:1', 'ada', epochSeconds(5));
      expect((await ledger().troubles(epochSeconds(0))).size).toBe(1);
      await ledger().resetBreaker('vm:1', 'ada', epochSeconds(10));
      await ledger().resetBreaker('into:h2', 'ada', epochSeconds(12));
      await reopen();
      expect((await ledger().troubles(epochSeconds(0))).size).toBe(0);
      const { resets } = await ledger().setbacks(epochSeconds(0));
      expect([...resets].toSorted(([a], [b]) => compareText(a, b))).toEqual([
        ['into:h2', 12],
        ['vm:1', 10],
      ]);
      await ledger().prune({ before: epochSeconds(11), keep: 0 });
      expect([...(await ledger().setbacks(epochSeconds(0))).resets]).toEqual([['into:h2', 12]]);
    });

    it('tells the moves of late, without what was skipped, over a restart', async () => {
      for (const [id, vm, outcome, at] of [
        ['a', '1', 'succeeded', 10],
        ['b', '2', 'failed', 20],
        ['c', '3', 'skipped', 30],
      ] as const) {
        await ledger().openMove(aRecord(id, vm, at));
        await ledger().closeMove(moveId(id), aResult({ outcome, at: epochSeconds(at + 5) }));
      }
      await ledger().openMove(aRecord('d', '4', 40));
      // Budgets and the reverse-move ban outlive the process.
      await reopen();
      const moves = await ledger().movesSince(epochSeconds(10));
      expect(moves.map(({ vm, openedAt, arrivedAt }) => [vm, openedAt, arrivedAt])).toEqual([
        ['1', 10, 15],
        ['2', 20, undefined],
        ['4', 40, undefined],
      ]);
      expect(moves[0]).toMatchObject({ from: 'h1', to: 'h2' });
      expect(await ledger().movesSince(epochSeconds(41))).toEqual([]);
    });
  });
}

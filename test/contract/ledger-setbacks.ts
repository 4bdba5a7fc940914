// Role: what the ledger tells circuit breakers and budgets (ledger-contract.ts).
import { expect, describe, it } from 'vitest';

import { compareText, moveId, type PlanId, planId, vmId } from '../../src/domain/ids.ts';
import type { Outcome } from '../../src/domain/journal.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { aRecord, aResult, aStage } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

/** By the clock of who asks. */
const NOW = epochSeconds(2000);

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
      const { failures } = await ledger().setbacks(epochSeconds(0), NOW);
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
      expect((await ledger().setbacks(epochSeconds(0), NOW)).successes.vm.size).toBe(0);
      for (const [id, vm, outcome, at] of ends) {
        await ledger().openMove(aRecord(id, vm));
        await ledger().closeMove(moveId(id), aResult({ outcome, at: epochSeconds(at) }));
      }
      await reopen();
      const { failures, successes } = await ledger().setbacks(epochSeconds(0), NOW);
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
      expect((await ledger().setbacks(epochSeconds(31), NOW)).failures).toHaveLength(1);
    });

    it('remembers resets of breakers; that of a VM ends its troubles', async () => {
      await ledger().openMove(aRecord('a', '1'));
      await ledger().closeMove(moveId('a'), aResult({ outcome: 'failed', at: epochSeconds(10) }));
      await ledger().resetBreaker('vm:1', 'ada', epochSeconds(5));
      expect((await ledger().troubles(epochSeconds(0), NOW)).size).toBe(1);
      await ledger().resetBreaker('vm:1', 'ada', epochSeconds(10));
      await ledger().resetBreaker('into:h2', 'ada', epochSeconds(12));
      await reopen();
      expect((await ledger().troubles(epochSeconds(0), NOW)).size).toBe(0);
      const { resets } = await ledger().setbacks(epochSeconds(0), NOW);
      expect([...resets].toSorted(([a], [b]) => compareText(a, b))).toEqual([
        ['into:h2', 12],
        ['vm:1', 10],
      ]);
      await ledger().prune({ before: epochSeconds(11), keep: 0 });
      expect([...(await ledger().setbacks(epochSeconds(0), NOW)).resets]).toEqual([
        ['into:h2', 12],
      ]);
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
      const moves = await ledger().movesSince(epochSeconds(10), NOW);
      expect(moves.map(({ vm, openedAt, arrivedAt }) => [vm, openedAt, arrivedAt])).toEqual([
        ['1', 10, 15],
        ['2', 20, undefined],
        ['4', 40, undefined],
      ]);
      expect(moves[0]).toMatchObject({ from: 'h1', to: 'h2' });
      expect(await ledger().movesSince(epochSeconds(41), NOW)).toEqual([]);
    });

    it('tells of the way that a VM came, however many have moved since', async () => {
      const MOST = 5_000;
      const early = [
        ['a', 'v1', 10],
        ['b', 'v1', 20],
        ['c', 'v2', 20],
      ] as const;
      const late = Array.from({ length: MOST }, (_none, index) => {
        return aRecord(`m${index}`, `v${index + 3}`, 30);
      });
      for (const [id, vm, at] of early) {
        await ledger().openMove(aRecord(id, vm, at));
        await ledger().closeMove(moveId(id), aResult({ at: epochSeconds(at + 5) }));
      }
      await Promise.all(late.map((record) => ledger().openMove(record)));
      const moves = await ledger().movesSince(epochSeconds(10), NOW);
      expect(moves).toHaveLength(MOST + 2);
      const [first, second] = moves.map(({ vm, openedAt, arrivedAt }) => [vm, openedAt, arrivedAt]);
      expect([first, second]).toEqual([
        ['v1', 20, 25],
        ['v2', 20, 25],
      ]);
    });
  });

  it('leaves out what is mandatory in the plan that asks, and nothing else', async () => {
    const [asking, other] = [planId('p1'), planId('p2')];
    for (const [id, plan, tier] of [
      ['a', asking, 'mandatory'],
      ['b', asking, 'optional'],
      ['c', other, 'mandatory'],
    ] as const) {
      const record = aRecord(id, id, 10);
      await ledger().openMove({ ...record, plan, move: { ...record.move, tier } });
    }
    const told = async (...plans: readonly PlanId[]) => {
      const moves = await ledger().movesSince(epochSeconds(0), NOW, ...plans);
      const counts = await ledger().moveCounts(epochSeconds(0), NOW, ...plans);
      return [moves.map(({ vm }) => vm), [...counts.keys()].toSorted(compareText)];
    };
    expect(await told()).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
    expect(await told(asking)).toEqual([
      ['b', 'c'],
      ['b', 'c'],
    ]);
  });

  it('knows whom hard rules have moved since without anybody being asked', async () => {
    const begun = [
      ['a', '1', 'corrective', 20],
      ['b', '2', 'optional', 30],
      ['c', '3', 'corrective', 40],
      ['d', '1', 'corrective', 50],
      ['e', '4', 'mandatory', 50],
      ['f', '5', 'corrective', 60],
      ['g', '6', 'corrective', 60],
    ] as const;
    for (const [id, vm, tier, at] of begun) {
      const record = aRecord(id, vm);
      const openedAt = epochSeconds(at);
      const asked = id === 'g' ? ({ asked: true } as const) : {};
      await ledger().openMove({ ...record, openedAt, move: { ...record.move, tier, ...asked } });
      const outcome = id === 'f' ? 'skipped' : 'succeeded';
      if (id !== 'd') await ledger().closeMove(moveId(id), aResult({ outcome, at: openedAt }));
    }
    const since = async (at: number) =>
      [...(await ledger().repairedSince(epochSeconds(at), NOW))].toSorted(compareText);
    expect(await since(0)).toEqual(['1', '3']);
    expect(await since(45)).toEqual(['1']);
    expect(await since(55)).toEqual([]);
  });

  it('takes no move for a trouble that was held back before anything was asked', async () => {
    for (const [id, held] of [
      ['a', true],
      ['b', undefined],
    ] as const) {
      await ledger().openMove(aRecord(id, id));
      await ledger().addStages([aStage(id, 'pre-copy', 'before')]);
      await ledger().closeMove(moveId(id), aResult({ outcome: 'skipped', held }));
    }
    expect([...(await ledger().troubles(epochSeconds(0), NOW)).keys()]).toEqual(['b']);
  });

  describe('a clock that was ahead and was put right', () => {
    const DAY = 86_400;
    /** When the clock was right: long after the epoch, or nothing can lie a day back. */
    const now = epochSeconds(100 * DAY);
    const dayAgo = epochSeconds(now - DAY);
    type Ended = readonly [id: string, vm: string, outcome: Outcome, at: number];
    async function end([id, vm, outcome, at]: Ended): Promise<void> {
      await ledger().openMove(aRecord(id, vm, at));
      await ledger().closeMove(moveId(id), aResult({ outcome, at: epochSeconds(at) }));
    }

    it('uses up no budget, unless what was opened is ahead by less than that holds', async () => {
      await end(['a', 'v1', 'succeeded', now + 30 * DAY]);
      await end(['b', 'v2', 'succeeded', now + 100]);
      await end(['c', 'v3', 'succeeded', now - 100]);
      expect(await ledger().countMoves(dayAgo, now)).toBe(2);
      expect([...(await ledger().moveCounts(dayAgo, now)).keys()]).toEqual(['v2', 'v3']);
      expect((await ledger().movesSince(dayAgo, now)).map(({ vm }) => vm)).toEqual(['v3', 'v2']);
    });

    it('hides no failure, no cancel and no move of a VM that came after it', async () => {
      await end(['a', 'v1', 'succeeded', now + DAY / 2]);
      await end(['b', 'v1', 'failed', now + DAY / 2 - 10]);
      await end(['c', 'v1', 'succeeded', now - 60]);
      await end(['d', 'v1', 'failed', now - 20]);
      await end(['e', 'v2', 'failed', now + DAY / 2]);
      await end(['f', 'v2', 'cancelled', now - 10]);
      expect([...(await ledger().troubles(dayAgo, now))]).toMatchObject([
        ['v1', { count: 1, lastAt: now - 20, cancelledSecondsAgo: undefined }],
        ['v2', { count: 2, lastAt: now - 10, cancelledSecondsAgo: expect.closeTo(0, -1) }],
      ]);
      expect((await ledger().lastMovedAt(now)).get(vmId('v1'))).toBe(now - 60);
    });

    it('lets a controller whose clock is a little ahead end the troubles of another', async () => {
      await end(['a', 'v1', 'failed', now - 10]);
      await end(['b', 'v1', 'succeeded', now + 60]);
      expect((await ledger().troubles(dayAgo, now)).size).toBe(0);
      expect([...(await ledger().setbacks(dayAgo, now)).successes.vm]).toEqual([['v1', now + 60]]);
    });

    it('ends the troubles of a VM by no reset that is ahead', async () => {
      await end(['a', 'v1', 'failed', now - 10]);
      await ledger().resetBreaker('vm:v1', 'ada', epochSeconds(now + DAY));
      expect((await ledger().troubles(dayAgo, now)).size).toBe(1);
      await ledger().resetBreaker('vm:v1', 'ada', now);
      expect((await ledger().troubles(dayAgo, now)).size).toBe(0);
    });

    it('tells what succeeded ahead apart, and only where something failed there', async () => {
      await end(['a', 'v1', 'failed', now - 20]);
      await end(['b', 'v1', 'succeeded', now - 10]);
      await end(['c', 'v1', 'succeeded', now + 700]);
      const before = await ledger().setbacks(dayAgo, now);
      expect([[...before.successes.vm], before.ahead]).toEqual([[['v1', now - 10]], undefined]);
      await end(['d', 'v2', 'failed', now + 600]);
      await end(['e', 'v3', 'failed', now + 2 * DAY]);
      const { failures, successes, ahead } = await ledger().setbacks(dayAgo, now);
      expect(failures.map(({ vm }) => vm)).toEqual(['v1', 'v2']);
      expect([...successes.vm]).toEqual([['v1', now - 10]]);
      expect([...(ahead?.vm ?? [])]).toEqual([['v1', now + 700]]);
    });
  });
}

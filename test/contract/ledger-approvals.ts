// Role: the part of the ledger's contract that is about approvals (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import {
  type Approval,
  APPROVAL_SECONDS,
  askedMove,
  type ShownPlan,
  termFrom,
} from '../../src/domain/approval.ts';
import { moveId, planId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { aRecord, aResult } from '../support/ledger-records.ts';

export interface LedgerInHand {
  /** The one that is open at this moment. */
  readonly ledger: () => Ledger;
  readonly reopen: () => Promise<void>;
}

export function approvalCases({ ledger, reopen }: LedgerInHand): void {
  describe('approvals', () => {
    const yes = (vm: string, at = 100, by = 'ben'): Approval => {
      const { move } = aRecord('any', vm);
      return { move: askedMove(move), by, ...termFrom(epochSeconds(at)) };
    };

    it('keeps them over a restart, the newest for each move', async () => {
      await ledger().giveApprovals([yes('v1'), yes('v2')], epochSeconds(100));
      await ledger().giveApprovals([yes('v1', 200, 'ada')], epochSeconds(200));
      await reopen();
      expect(await ledger().approvals()).toEqual([yes('v1', 200, 'ada'), yes('v2')]);
      const late = epochSeconds(100 + APPROVAL_SECONDS);
      await ledger().giveApprovals([], late);
      expect(await ledger().approvals()).toEqual([yes('v1', 200, 'ada')]);
    });

    it.each(['succeeded', 'failed', 'cancelled', 'needs-human'] as const)(
      'uses one up when its move has %s',
      async (outcome) => {
        await ledger().giveApprovals([yes('v1'), yes('v2')], epochSeconds(100));
        await ledger().openMove(aRecord('m1', 'v1'));
        expect(await ledger().approvals()).toHaveLength(2);
        await ledger().closeMove(moveId('m1'), aResult({ outcome }));
        expect(await ledger().approvals()).toEqual([yes('v2')]);
        await ledger().giveApprovals([yes('v1', 300)], epochSeconds(300));
        await ledger().closeMove(moveId('m1'), aResult({ outcome }));
        expect(await ledger().approvals()).toEqual([yes('v1', 300), yes('v2')]);
      },
    );

    it('keeps one whose move was skipped', async () => {
      await ledger().giveApprovals([yes('v1')], epochSeconds(100));
      await ledger().openMove(aRecord('m1', 'v1'));
      await ledger().closeMove(moveId('m1'), aResult({ outcome: 'skipped' }));
      expect(await ledger().approvals()).toEqual([yes('v1')]);
    });

    it('remembers what a plan asked for, until that expires', async () => {
      const shown = (plan: string, at: number): ShownPlan => {
        return { plan: planId(plan), moves: [yes('v1').move], ...termFrom(epochSeconds(at)) };
      };
      await ledger().showPlan(shown('p1', 100));
      await ledger().showPlan(shown('p2', 160));
      await reopen();
      expect(await ledger().shownPlan(planId('p1'))).toEqual(shown('p1', 100));
      await ledger().showPlan(shown('p3', 100 + APPROVAL_SECONDS));
      expect(await ledger().shownPlan(planId('p1'))).toBeUndefined();
      expect(await ledger().shownPlan(planId('p2'))).toEqual(shown('p2', 160));
    });
  });
}

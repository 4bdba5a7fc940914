// Role: the part of the ledger's contract that is about plans that people hand in
// (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import type { AppliedPlan } from '../../src/domain/applied-plan.ts';
import { termFrom } from '../../src/domain/approval.ts';
import { compareText, moveId, planId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { aRecord, aResult } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

function applied(id: string, at = 100): AppliedPlan {
  const moves = [aRecord('1', 'v1').move, aRecord('2', 'v2').move];
  const before = [moveId('1')];
  return {
    id: planId(id),
    by: 'ann',
    controller: 'c1',
    ...termFrom(epochSeconds(at)),
    key: 'k',
    moves,
    before,
  };
}

export function appliedCases({ ledger, reopen }: LedgerInHand): void {
  const ids = async () => (await ledger().appliedPlans()).map(({ id }) => id);

  describe('plans that are applied', () => {
    it('are kept over a restart, whole, until they are closed', async () => {
      await ledger().keepApplied(applied('apply-1'));
      await reopen();
      expect(await ledger().appliedPlans()).toEqual([applied('apply-1')]);
      await ledger().closeApplied(planId('apply-1'));
      await ledger().closeApplied(planId('apply-1'));
      expect(await ledger().appliedPlans()).toEqual([]);
    });

    it('are several at most for as long as they hold, the newest first', async () => {
      const end = applied('apply-1').expiresAt;
      await ledger().keepApplied(applied('apply-1'));
      await ledger().keepApplied(applied('apply-2', 200));
      expect(await ids()).toEqual(['apply-2', 'apply-1']);
      await ledger().closeApplied(planId('apply-2'));
      expect(await ids()).toEqual(['apply-1']);
      await ledger().keepApplied(applied('apply-3', end));
      await ledger().closeApplied(planId('apply-3'));
      expect(await ids()).toEqual([]);
    });

    it('know their moves that were opened, however those ended', async () => {
      const plan = planId('apply-1');
      await ledger().openMove({ ...aRecord('1', 'v1'), plan });
      await ledger().openMove({ ...aRecord('2', 'v2'), plan });
      await ledger().openMove({ ...aRecord('3', 'v3'), plan: planId('apply-2') });
      const result = aResult({ outcome: 'failed', at: epochSeconds(9) });
      await ledger().closeMove(moveId('2'), result);
      expect([...(await ledger().begunOf(plan))].toSorted(compareText)).toEqual(['1', '2']);
    });

    it('are told of in the audit trail when somebody cancels them, once', async () => {
      await ledger().keepApplied(applied('apply-1'));
      await ledger().keepApplied(applied('apply-2'));
      await ledger().closeApplied(planId('apply-1'));
      await ledger().closeApplied(planId('apply-2'), 'ben');
      await ledger().closeApplied(planId('apply-2'), 'eve');
      const trail = await ledger().audit(0, 9);
      expect(trail.map(({ kind, body }) => [kind, JSON.parse(body)])).toEqual([
        ['cancel', { plan: 'apply-2', by: 'ben' }],
      ]);
    });
  });
}

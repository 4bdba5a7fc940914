// Role: the part of the ledger's contract that is about what decisions were made from
// (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { planId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { aDecision } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

const ANY = { since: epochSeconds(0), bytes: 1e9 };

export function replayCases({ ledger, reopen }: LedgerInHand): void {
  describe('what decisions were made from', () => {
    const keep = (plan: string, at: number, bytes: readonly number[], bounds = ANY) => {
      const packed = Uint8Array.from(bytes);
      return ledger().keepInputs({ plan: planId(plan), at: epochSeconds(at), packed }, bounds);
    };
    const kept = async (...plans: string[]): Promise<readonly string[]> => {
      const found = await Promise.all(plans.map((plan) => ledger().replayable(planId(plan))));
      return plans.filter((_plan, index) => found[index]?.inputs !== undefined);
    };

    it('is kept beside the decision, to the byte, over a restart', async () => {
      await ledger().recordDecision(aDecision('p1', 10));
      await keep('p1', 11, [9]);
      await keep('p1', 12, [0, 255, 10, 0]);
      await keep('p2', 20, []);
      await reopen();
      expect(await ledger().replayable(planId('p1'))).toEqual({
        decision: aDecision('p1', 10),
        inputs: Uint8Array.of(0, 255, 10, 0),
        oldestInputsAt: 12,
      });
      expect(await ledger().replayable(planId('p2'))).toMatchObject({ decision: undefined });
      expect((await ledger().replayable(planId('p3'))).inputs).toBeUndefined();
    });

    it('makes room for what is newer, the oldest first', async () => {
      await keep('p1', 10, [1, 1, 1]);
      await keep('p2', 20, [2, 2, 2]);
      await keep('p3', 30, [3, 3, 3], { ...ANY, bytes: 6 });
      expect(await kept('p1', 'p2', 'p3')).toEqual(['p2', 'p3']);
      await keep('p4', 40, [4], { ...ANY, since: epochSeconds(30) });
      expect(await kept('p2', 'p3', 'p4')).toEqual(['p3', 'p4']);
      await keep('p5', 50, [5, 5], { ...ANY, bytes: 1 });
      expect(await kept('p3', 'p4', 'p5')).toEqual([]);
    });

    it('goes with what is old', async () => {
      await keep('p1', 10, [1]);
      await keep('p2', 200, [2]);
      expect(await ledger().prune(epochSeconds(100))).toBe(1);
      expect(await kept('p1', 'p2')).toEqual(['p2']);
    });
  });
}

// Role: the part of the ledger's contract that is about decisions, and what they were made from
// (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { moveId, planId } from '../../src/domain/ids.ts';
import type { HistoryEntry } from '../../src/domain/journal.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { aDecision, aRecord } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

function lineOf(at: number, move: string): HistoryEntry {
  const about = { vm: undefined, host: undefined, from: undefined, move: moveId(move) };
  return { at: epochSeconds(at), kind: 'move', ...about, text: `line of ${move}` };
}

const ANY = { since: epochSeconds(0), bytes: 1e9 };

export function decisionCases({ ledger, reopen }: LedgerInHand): void {
  describe('decisions', () => {
    it('keeps decisions, newest first', async () => {
      await ledger().recordDecision(aDecision('p1', 10));
      await ledger().recordDecision(aDecision('p2', 20));
      await ledger().recordDecision(aDecision('p2', 20));
      await reopen();
      expect(await ledger().decisions(10)).toEqual([aDecision('p2', 20), aDecision('p1', 10)]);
      expect(await ledger().decisions(1)).toHaveLength(1);
      expect(await ledger().decision(planId('p1'))).toEqual(aDecision('p1', 10));
      expect(await ledger().decision(planId('p3'))).toBeUndefined();
    });

    it('are told of in the lines of their moves', async () => {
      await ledger().openMove(aRecord('m1', 'vm1'));
      await ledger().openMove({ ...aRecord('m2', 'vm2'), plan: planId('p2') });
      const [a, b] = [lineOf(1, 'm1'), lineOf(2, 'm2')];
      await ledger().addHistory([a, b]);
      expect(await ledger().history({ plan: planId('p2'), limit: 10 })).toEqual([b]);
      expect(await ledger().history({ plan: planId('p3'), limit: 10 })).toEqual([]);
    });
  });

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
      const { removed } = await ledger().prune({ before: epochSeconds(100), keep: 0 });
      expect(removed).toBe(1);
      expect(await kept('p1', 'p2')).toEqual(['p2']);
    });
  });
}

// Role: history as people ask for it: what has ended, and what is under way.
import { describe, expect, it } from 'vitest';

import { historyWithOpenMoves } from '../../../src/app/history.ts';
import { askedPlanHistory } from '../../../src/app/plan-history.ts';
import { hostId, moveId, planId, vmId } from '../../../src/domain/ids.ts';
import type { GateVerdict } from '../../../src/domain/journal.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { closingLine } from '../../../src/execute/closing-line.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { aDecision, aMove, aRecord, aResult, aStage } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

const aRefusal = {
  vm: vmId('vm5'),
  host: hostId('h2'),
  code: 'cool-down',
  detail: '2 min ago',
} as const;

describe('history', () => {
  it('tells of each move once: where it is, and later how it ended', async () => {
    const ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(5000) });
    const texts = async (query: object = {}): Promise<string[]> =>
      (await historyWithOpenMoves(ledger, { limit: 9, ...query })).map(({ text }) => text);
    const records = [aRecord('m1', 'v1', 10), aRecord('m2', 'v2', 20)] as const;
    for (const record of records) await ledger.openMove(record);
    await ledger.addStages([aStage('m1', 'pre-copy', 'before')]);
    const first = 'name of v1 is being moved from h1 to h2 (pre-copy): h1 is overloaded';
    const second = 'name of v2 is being moved from h1 to h2 (opened): h1 is overloaded';
    expect(await texts()).toEqual([second, first]);
    expect(await texts({ limit: 1 })).toEqual([second]);
    expect(await texts({ vm: vmId('v1') })).toEqual([first]);
    expect(await texts({ host: hostId('h1') })).toEqual([second, first]);
    expect(await texts({ host: hostId('h3') })).toEqual([]);
    const result = aResult({ at: epochSeconds(30) });
    await ledger.closeMove(moveId('m1'), result, closingLine(records[0], result));
    const ended = 'name of v1 moved from h1 to h2: h1 is overloaded';
    expect(await texts()).toEqual([ended, second]);
    expect(await texts({ host: hostId('h1') })).toEqual([ended, second]);
    await ledger.close();
  });
});

describe('the history of a plan', () => {
  it('tells the decision, what was not begun and why, and each move that was', async () => {
    const ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(5000) });
    const texts = async (plan: string): Promise<unknown> => {
      const told = await askedPlanHistory(ledger, plan, 9);
      return told.ok ? told.value.map(({ text }) => text) : told.error.detail;
    };
    const ids = ['m1', 'm2', 'm3', 'm4', 'm5'];
    const decided = aDecision('p1', 5);
    const moves = ids.map((id) => aMove({ id: moveId(id), vm: vmId(id.replace('m', 'vm')) }));
    const verdicts = ['execute', 'execute', 'needs-approval', 'would-execute', 'refused'] as const;
    const gate = verdicts.map((verdict, index): GateVerdict => {
      const refusals = verdict === 'refused' ? [aRefusal] : [];
      return { move: moveId(ids[index] ?? ''), verdict, mode: 'approve', refusals };
    });
    const plan = { ...decided.result.plan, moves };
    await ledger.recordDecision({ ...decided, gate, result: { ...decided.result, plan } });
    await ledger.openMove(aRecord('m1', 'vm1', 10));
    await ledger.openMove({ ...aRecord('other', 'vm2', 20), plan: planId('p2') });
    expect(await texts('p1')).toEqual([
      'name of vm1 is being moved from h1 to h2 (opened): h1 is overloaded',
      'vm2 from h1 to h2: let through, and never begun: a newer plan took its place',
      'vm3 from h1 to h2: not begun: it waited for an approval',
      'vm4 from h1 to h2: not begun: mode observe',
      'vm5 from h1 to h2: refused: cool-down (2 min ago)',
      'p1: 5 moves, by policy r1',
    ]);
    const result = aResult({ at: epochSeconds(30) });
    await ledger.closeMove(moveId('m1'), result, closingLine(aRecord('m1', 'vm1', 10), result));
    expect(await texts('p1')).toContain('name of vm1 moved from h1 to h2: h1 is overloaded');
    expect(await texts('p2')).toEqual([
      'name of vm2 is being moved from h1 to h2 (opened): h1 is overloaded',
    ]);
    expect(await texts('p3')).toBe('the ledger knows no plan "p3"');
    expect(await texts('no id\n')).toContain('knows no plan');
    await ledger.close();
  });
});

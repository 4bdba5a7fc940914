// Role: what every Ledger must do, whatever it is stored in. A store's test file calls this with
// a function that opens the store anew; `reopen` closes it and opens the same data again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../src/domain/ids.ts';
import type { HistoryEntry } from '../../src/domain/journal.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import type { Ledger, RuleMemory } from '../../src/ports/ledger.ts';
import { LedgerError } from '../../src/ports/ledger.ts';
import { aDecision, anOrder, aRecord, aResult, aStage } from '../support/ledger-records.ts';
import { appliedCases } from './ledger-applied.ts';
import { approvalCases } from './ledger-approvals.ts';
import { auditCases } from './ledger-audit.ts';
import { cancelCases } from './ledger-cancels.ts';
import { decisionCases } from './ledger-decisions.ts';
import { leaseCases } from './ledger-leases.ts';
import { observedCases } from './ledger-observed.ts';
import { orderCases } from './ledger-orders.ts';
import { placeCases } from './ledger-places.ts';
import { reservationCases } from './ledger-reservations.ts';
import { failedHostCases } from './ledger-failed-hosts.ts';
import { setbackCases } from './ledger-setbacks.ts';
import { textCases } from './ledger-texts.ts';

/** By the clock of who asks. */
const NOW = epochSeconds(2000);

export interface LedgerUnderTest {
  open(): Promise<Ledger>;
  /** Undoes what `open` made; called after the ledger was closed. */
  dispose(): Promise<void>;
}

export function ledgerContract(name: string, make: () => LedgerUnderTest): void {
  describe(`ledger contract: ${name}`, () => {
    let store: LedgerUnderTest;
    let ledger: Ledger;
    beforeEach(async () => {
      store = make();
      ledger = await store.open();
    });
    afterEach(async () => {
      await ledger.close();
      await store.dispose();
    });
    async function reopen(): Promise<void> {
      await ledger.close();
      ledger = await store.open();
    }

    describe('moves', () => {
      it('keeps a move with its stages in their order, over a restart', async () => {
        const record = aRecord('m1', 'vm1');
        expect(await ledger.openMove(record)).toBe('opened');
        const stages = [
          aStage('m1', 'pre-migration', 'before'),
          aStage('m1', 'pre-migration', 'after'),
          aStage('m1', 'reservation', 'before'),
          aStage('m1', 'reservation', 'undo'),
        ];
        for (const stage of stages) await ledger.addStages([stage]);
        await reopen();
        const expected = { ...record, stages, result: undefined };
        expect(await ledger.openMoves()).toEqual([expected]);
        expect(await ledger.move(moveId('m1'))).toEqual(expected);
        expect(await ledger.recentMoves(5)).toEqual([expected]);
      });

      it('keeps what ended without being begun, in one piece, unless its VM moves', async () => {
        const about = { vm: vmId('vm1'), host: undefined, from: undefined, move: undefined };
        const line = { at: NOW, kind: 'move', text: 'was skipped', ...about } as const;
        const skipped = aResult({ outcome: 'skipped' });
        const unbegun = (id: string) => ledger.addUnbegun(aRecord(id, 'vm1'), skipped, line);
        const both = Promise.all([unbegun('m1'), ledger.openMoves()]);
        expect(await both).toEqual([true, []]);
        await reopen();
        expect(await ledger.move(moveId('m1'))).toMatchObject({ result: { outcome: 'skipped' } });
        expect((await ledger.history({ limit: 9 })).map(({ text }) => text)).toEqual([line.text]);
        const kinds = (await ledger.audit(0, 9)).map(({ kind }) => kind);
        expect(kinds).toEqual(['move-opened', 'move-closed']);
        await ledger.openMove(aRecord('m2', 'vm1'));
        // Whatever else of its VM is open; but each one once.
        expect(await Promise.all([unbegun('m3'), unbegun('m4')])).toEqual([true, true]);
        expect(await unbegun('m3')).toBe(false);
        expect((await ledger.openMoves()).map(({ move }) => move.id)).toEqual(['m2']);
        expect(await ledger.history({ limit: 9 })).toHaveLength(3);
      });

      it('refuses a second open move of the same VM, also at the same moment', async () => {
        const answers = await Promise.all(
          ['m1', 'm2', 'm3'].map((id) => ledger.openMove(aRecord(id, 'vm1'))),
        );
        expect(answers).toEqual(['opened', 'in-flight', 'in-flight']);
        expect(await ledger.openMove(aRecord('m4', 'vm2'))).toBe('opened');
        await ledger.closeMove(moveId('m1'), aResult());
        expect(await ledger.openMove(aRecord('m5', 'vm1'))).toBe('opened');
      });

      it('answers false where the very move is open, and rejects where it was closed', async () => {
        await ledger.openMove(aRecord('m1', 'vm1'));
        expect(await ledger.openMove(aRecord('m1', 'vm1'))).toBe('in-flight');
        await ledger.closeMove(moveId('m1'), aResult());
        await expect(ledger.openMove(aRecord('m1', 'vm1'))).rejects.toMatchObject({
          name: 'LedgerError',
          code: 'conflict',
        });
      });

      it('keeps the first result: terminal is terminal', async () => {
        await ledger.openMove(aRecord('m1', 'vm1'));
        const first = aResult({ outcome: 'needs-human', detail: 'both ends unclear' });
        await ledger.closeMove(moveId('m1'), first);
        await ledger.closeMove(moveId('m1'), aResult({ outcome: 'succeeded' }));
        expect((await ledger.move(moveId('m1')))?.result).toEqual(first);
        expect(await ledger.openMoves()).toEqual([]);
      });

      it('keeps results in which figures are unknown', async () => {
        await ledger.openMove(aRecord('m1', 'vm1'));
        const result = aResult({
          seconds: undefined,
          downtimeSeconds: undefined,
          bytes: undefined,
        });
        await ledger.closeMove(moveId('m1'), result);
        expect((await ledger.move(moveId('m1')))?.result).toEqual(result);
      });

      it('rejects a stage of an unknown move, and the writes beside it go through', async () => {
        await ledger.openMove(aRecord('m1', 'vm1'));
        const results = await Promise.allSettled([
          ledger.addStages([aStage('m1', 'pre-migration', 'before')]),
          ledger.addStages([aStage('nobody', 'pre-migration', 'before')]),
          ledger.addStages([aStage('m1', 'pre-migration', 'after')]),
        ]);
        expect(results.map((result) => result.status)).toEqual([
          'fulfilled',
          'rejected',
          'fulfilled',
        ]);
        expect((await ledger.move(moveId('m1')))?.stages).toHaveLength(2);
      });

      it('lists the newest first, and no more than asked for', async () => {
        for (const [id, at] of [
          ['a', 1],
          ['b', 3],
          ['c', 2],
        ] as const) {
          await ledger.openMove(aRecord(id, `vm ${id}`, at));
        }
        const recent = await ledger.recentMoves(2);
        expect(recent.map((record) => record.move.id)).toEqual(['b', 'c']);
        expect(await ledger.recentMoves(0)).toEqual([]);
        expect(await ledger.recentMoves(Number.NaN)).toEqual([]);
        expect(await ledger.move(moveId('unknown'))).toBeUndefined();
      });

      it('counts what was opened since a moment, without what was skipped', async () => {
        for (const [id, vm, at] of [
          ['a', '1', 10],
          ['b', '2', 20],
          ['c', '1', 30],
        ] as const) {
          await ledger.openMove(aRecord(id, vm, at));
          await ledger.closeMove(moveId(id), aResult({ outcome: 'failed' }));
        }
        await ledger.openMove(aRecord('d', '1', 40));
        await ledger.openMove(aRecord('e', '3', 40));
        await ledger.closeMove(moveId('e'), aResult({ outcome: 'skipped' }));
        expect(await ledger.countMoves(epochSeconds(0), NOW)).toBe(4);
        expect(await ledger.countMoves(epochSeconds(20), NOW)).toBe(3);
        const counts = await ledger.moveCounts(epochSeconds(0), NOW);
        expect([counts.size, counts.get(vmId('1')), counts.get(vmId('2'))]).toEqual([2, 3, 1]);
        expect((await ledger.moveCounts(epochSeconds(31), NOW)).get(vmId('2'))).toBeUndefined();
      });

      it('counts how often in a row the moves of a VM came to nothing', async () => {
        const ends = [
          ['a', '1', 'failed', 10],
          ['b', '1', 'succeeded', 20],
          ['c', '1', 'failed', 30],
          ['d', '1', 'cancelled', 40],
          ['e', '2', 'skipped', 50],
          ['f', '3', 'skipped', 50],
          ['g', '4', 'needs-human', 5],
        ] as const;
        for (const [id, vm, outcome, at] of ends) {
          await ledger.openMove(aRecord(id, vm));
          if (id !== 'f') await ledger.addStages([aStage(id, 'pre-migration', 'before')]);
          await ledger.closeMove(moveId(id), aResult({ outcome, at: epochSeconds(at) }));
        }
        expect([...(await ledger.troubles(epochSeconds(8), NOW))]).toEqual([
          // By the ledger's clock: at whatever time it ended by that of its controller.
          ['1', { count: 2, lastAt: 40, cancelledSecondsAgo: expect.closeTo(0, -1) }],
          ['2', { count: 1, lastAt: 50 }],
        ]);
        expect((await ledger.troubles(epochSeconds(35), NOW)).get(vmId('1'))?.count).toBe(1);
      });

      it('knows when a VM was last moved, or may have been', async () => {
        const ends = [
          ['a', '1', 'succeeded', 10],
          ['b', '1', 'succeeded', 30],
          ['c', '1', 'failed', 50],
          ['d', '2', 'needs-human', 20],
          ['e', '3', 'skipped', 20],
        ] as const;
        for (const [id, vm, outcome, at] of ends) {
          await ledger.openMove(aRecord(id, vm));
          await ledger.closeMove(moveId(id), aResult({ outcome, at: epochSeconds(at) }));
        }
        expect([...(await ledger.lastMovedAt(NOW))]).toEqual([
          ['1', 30],
          ['2', 20],
        ]);
      });
    });

    describe('marks, memory', () => {
      it('keeps one mark per host', async () => {
        const mark = { host: hostId('h1'), since: epochSeconds(5), reason: 'ordered' };
        const about = { vm: undefined, host: mark.host, from: undefined, move: undefined };
        const line: HistoryEntry = { at: mark.since, kind: 'state', ...about, text: 'emptied' };
        await ledger.markHosts([{ mark: { ...mark, state: 'draining' } }]);
        await ledger.markHosts([
          { mark: { ...mark, state: 'maintenance' }, line },
          { mark: { ...mark, host: hostId('h0'), state: 'quarantined' } },
        ]);
        await reopen();
        expect(await ledger.history({ limit: 9 })).toEqual([line]);
        expect(await ledger.hostMarks()).toEqual([
          { ...mark, host: 'h0', state: 'quarantined' },
          { ...mark, state: 'maintenance' },
        ]);
      });

      it('keeps alerts that fire over a restart, and drops none that was repeated', async () => {
        const alert = { name: 'HostDown', labels: { host: 'h1' }, since: epochSeconds(4) };
        const kept = { host: hostId('h1'), alert, heardAt: epochSeconds(5.25) };
        await ledger.putAlert({ fingerprint: 'b', ...kept });
        await ledger.putAlert({ fingerprint: 'a', ...kept, endsAt: epochSeconds(9) });
        const repeated = { fingerprint: 'b', ...kept, heardAt: epochSeconds(6.5) };
        await ledger.putAlert(repeated);
        await reopen();
        const first = { fingerprint: 'a', ...kept, endsAt: epochSeconds(9) };
        expect(await ledger.keptAlerts()).toEqual([first, repeated]);
        await ledger.dropAlert('b', kept.heardAt);
        await ledger.dropAlert('a');
        expect(await ledger.keptAlerts()).toEqual([repeated]);
        await ledger.dropAlert('b', repeated.heardAt);
        expect(await ledger.keptAlerts()).toEqual([]);
      });

      it('replaces the memory of the rules, and drops what remembers nothing', async () => {
        const one = (rule: string, holding?: number, open?: number): RuleMemory => ({
          rule,
          host: hostId('h1'),
          holdingSince: holding === undefined ? undefined : epochSeconds(holding),
          openSince: open === undefined ? undefined : epochSeconds(open),
        });
        await ledger.saveRuleMemory([one('a', 1), one('b', 2, 3), one('c', 4)]);
        await ledger.saveRuleMemory([one('a', 1), one('b', undefined, 3), one('d', 5), one('e')]);
        await reopen();
        expect(await ledger.ruleMemory()).toEqual([
          one('a', 1),
          one('b', undefined, 3),
          one('d', 5),
        ]);
        const seen = { ...one('a', 1), lastTrueAt: epochSeconds(2) };
        await ledger.saveRuleMemory([seen]);
        expect(await ledger.ruleMemory()).toEqual([seen]);
        const seenAgain = { ...seen, lastTrueAt: epochSeconds(3) };
        await ledger.saveRuleMemory([seenAgain]);
        expect(await ledger.ruleMemory()).toEqual([seenAgain]);
        const other = { ...one('a', 9), host: hostId('h2') };
        await ledger.saveRuleMemory([one('z', 7), other], new Set([other.host]));
        expect((await ledger.ruleMemory()).filter(({ rule }) => rule === 'z')).toEqual([]);
        expect((await ledger.ruleMemory()).filter(({ host }) => host === 'h2')).toEqual([other]);
        await ledger.saveRuleMemory([]);
        expect(await ledger.ruleMemory()).toEqual([]);
      });

      it('remembers who paused it', async () => {
        expect(await ledger.paused()).toEqual({ paused: false, by: '' });
        await ledger.setPaused(true, 'ada', epochSeconds(1));
        await reopen();
        expect(await ledger.paused()).toEqual({ paused: true, by: 'ada' });
        await ledger.setPaused(false, 'bob', epochSeconds(2));
        expect(await ledger.paused()).toEqual({ paused: false, by: 'bob' });
      });
    });

    appliedCases({ ledger: () => ledger, reopen });
    observedCases({ ledger: () => ledger, reopen });
    approvalCases({ ledger: () => ledger, reopen });
    setbackCases({ ledger: () => ledger, reopen });
    failedHostCases({ ledger: () => ledger, reopen });
    reservationCases({ ledger: () => ledger, reopen });

    leaseCases({ ledger: () => ledger, reopen });

    auditCases({ ledger: () => ledger, reopen });

    describe('history', () => {
      const entry = (at: number, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
        at: epochSeconds(at),
        kind: 'move',
        vm: undefined,
        host: undefined,
        from: undefined,
        move: undefined,
        text: `at ${at}`,
        ...over,
      });

      it('is found by VM, by host and by time, newest first', async () => {
        const a = entry(1, { vm: vmId('vm1'), host: hostId('h1'), move: moveId('m1') });
        const b = entry(2, { vm: vmId('vm2'), host: hostId('h1'), kind: 'error' });
        const c = entry(2, { vm: vmId('vm1'), kind: 'state' });
        await ledger.addHistory([a, b]);
        await ledger.addHistory([c]);
        await ledger.addHistory([]);
        await reopen();
        expect(await ledger.history({ limit: 10 })).toEqual([c, b, a]);
        expect(await ledger.history({ limit: 1 })).toEqual([c]);
        expect(await ledger.history({ vm: vmId('vm1'), limit: 10 })).toEqual([c, a]);
        expect(await ledger.history({ host: hostId('h1'), limit: 10 })).toEqual([b, a]);
        expect(await ledger.history({ since: epochSeconds(2), limit: 10 })).toEqual([c, b]);
        expect(await ledger.history({ host: hostId('h9'), limit: 10 })).toEqual([]);
        const d = entry(1, { vm: vmId('vm1') });
        await ledger.addHistory([d]);
        const written = { vm: vmId('vm1'), newestBy: 'writing', limit: 2 } as const;
        expect(await ledger.history(written)).toEqual([d, c]);
      });

      it('takes one line with the first result of a move, and finds it by both hosts', async () => {
        const about = { vm: vmId('vm1'), host: hostId('h2'), from: hostId('h1') };
        const line = entry(7, { ...about, move: moveId('m1') });
        await ledger.openMove(aRecord('m1', 'vm1'));
        await ledger.closeMove(moveId('m1'), aResult(), line);
        await ledger.closeMove(moveId('m1'), aResult(), { ...line, text: 'again' });
        await ledger.closeMove(moveId('m9'), aResult(), { ...line, text: 'of nobody' });
        await reopen();
        for (const host of [undefined, hostId('h1'), hostId('h2')]) {
          expect(await ledger.history({ ...(host && { host }), limit: 9 })).toEqual([line]);
        }
        expect(await ledger.history({ host: hostId('h3'), limit: 9 })).toEqual([]);
      });

      it('takes many entries at once and answers at most 10,000', async () => {
        await ledger.addHistory(Array.from({ length: 10_001 }, (_, at) => entry(at)));
        const found = await ledger.history({ limit: Number.MAX_SAFE_INTEGER });
        expect(found).toHaveLength(10_000);
        expect(found[0]?.at).toBe(10_000);
      });
    });

    orderCases({ ledger: () => ledger, reopen });
    placeCases({ ledger: () => ledger, reopen });
    cancelCases({ ledger: () => ledger, reopen });
    decisionCases({ ledger: () => ledger, reopen });
    textCases(() => ledger);

    describe('housekeeping', () => {
      it('prunes what is closed and old, and nothing that is open', async () => {
        await ledger.openMove(aRecord('old', '1', 10));
        await ledger.addStages([aStage('old', 'pre-copy', 'before')]);
        await ledger.closeMove(moveId('old'), aResult({ at: epochSeconds(20) }));
        await ledger.openMove(aRecord('new', '2', 10));
        await ledger.closeMove(moveId('new'), aResult({ at: epochSeconds(200) }));
        await ledger.openMove(aRecord('open', '3', 10));
        await ledger.addStages([aStage('open', 'pre-copy', 'before')]);
        await ledger.recordDecision(aDecision('p1', 20));
        await ledger.recordDecision(aDecision('p2', 200));
        await ledger.putOrder(anOrder('o1', { createdAt: epochSeconds(20) }));
        const pruned = (removed: number) => ({ removed, auditFault: undefined });
        expect(await ledger.prune({ before: epochSeconds(100), keep: 0 })).toEqual(pruned(2));
        expect(await ledger.prune({ before: epochSeconds(100), keep: 0 })).toEqual(pruned(0));
        const left = await ledger.recentMoves(10);
        expect(left.map((record) => record.move.id)).toEqual(['open', 'new']);
        expect(left[0]?.stages).toHaveLength(1);
        expect(await ledger.decisions(10)).toHaveLength(1);
        expect(await ledger.orders(true)).toHaveLength(1);
      });

      it('rejects everything after close, and closes twice in peace', async () => {
        await ledger.close();
        await ledger.close();
        await expect(ledger.openMoves()).rejects.toBeInstanceOf(LedgerError);
        await expect(ledger.setPaused(true, 'ada', epochSeconds(1))).rejects.toMatchObject({
          code: 'closed',
        });
      });
    });
  });
}

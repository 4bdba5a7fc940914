// Role: what every ledger must do about failed hosts (ledger-contract.ts).
import { expect, describe, it } from 'vitest';

import { hostId } from '../../src/domain/ids.ts';
import type { HistoryEntry } from '../../src/domain/journal.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { aHostFailureRecord } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

export function failedHostCases({ ledger, reopen }: LedgerInHand): void {
  describe('failed hosts', () => {
    it('keeps what is known of failed hosts, with its line, over a restart', async () => {
      const dead = aHostFailureRecord('h2');
      const line: HistoryEntry = {
        at: epochSeconds(5),
        kind: 'error',
        vm: undefined,
        host: dead.host,
        from: undefined,
        move: undefined,
        text: 'h2: dead',
      };
      await ledger().putHostFailure({ ...dead, state: 'suspected-dead' });
      await ledger().putHostFailure(dead, { line });
      await ledger().putHostFailure(aHostFailureRecord('h1'));
      await reopen();
      expect(await ledger().hostFailures()).toEqual([aHostFailureRecord('h1'), dead]);
      await ledger().removeHostFailure(hostId('h1'), { ...line, text: 'h1: well again' });
      expect(await ledger().hostFailures()).toEqual([dead]);
      const told = await ledger().history({ limit: 5 });
      expect(told.map(({ text }) => text)).toEqual(['h1: well again', 'h2: dead']);
    });

    it('tells of a power that is being cut in the history and in the audit trail', async () => {
      const about = { vm: undefined, host: hostId('h1'), from: undefined, move: undefined };
      const line: HistoryEntry = { at: epochSeconds(5), kind: 'state', ...about, text: 'h1: cut' };
      await ledger().noteFencing(line);
      expect(await ledger().history({ limit: 5 })).toEqual([line]);
      const [entry] = await ledger().audit(0, 5);
      expect(entry).toMatchObject({ kind: 'fencing', body: '{"host":"h1","text":"h1: cut"}' });
    });

    it('removes a failed host only as it was read, but for its signs', async () => {
      const returned = aHostFailureRecord('h1', { state: 'returned', signs: [] });
      const about = { vm: undefined, host: returned.host, from: undefined, move: undefined };
      const line: HistoryEntry = { at: epochSeconds(5), kind: 'state', ...about, text: 'well' };
      const remove = () => ledger().removeHostFailure(returned.host, line, { read: returned });
      await ledger().putHostFailure(aHostFailureRecord('h1'));
      expect(await remove()).toBe(false);
      expect(await ledger().hostFailures()).toEqual([aHostFailureRecord('h1')]);
      await ledger().putHostFailure(aHostFailureRecord('h1', { state: 'returned' }));
      expect(await remove()).toBe(true);
      expect(await remove()).toBe(false);
      expect(await ledger().hostFailures()).toEqual([]);
      expect(await ledger().history({ limit: 5 })).toEqual([line]);
    });
  });
}

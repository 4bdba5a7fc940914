// Role: the part of the ledger's contract that is about cancels which wait for the controller that
// can carry them out (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import type { CancelWish, NewCancelWish } from '../../src/domain/cancel-wish.ts';
import { clusterId, hostId } from '../../src/domain/ids.ts';
import type { HistoryEntry } from '../../src/domain/journal.ts';
import type { LeaseProof } from '../../src/domain/lease.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

const C1 = clusterId('c1');
const LONG = seconds(600);
/** Over at the moment at which it is asked. */
const SHORT = seconds(0);

function wish(id: string, more: Partial<NewCancelWish> = {}): NewCancelWish {
  const about = { cluster: C1, name: 'h1', what: 'node-a', vm: undefined, host: hostId('h1') };
  const asked = { withdraw: false, by: 'anna', via: 'ben', at: epochSeconds(5) };
  return { id, ...about, ...asked, ...more };
}

function line(text: string): HistoryEntry {
  const about = { vm: undefined, host: hostId('h1'), from: undefined, move: undefined };
  return { at: epochSeconds(5), kind: 'order', ...about, text };
}

export function cancelCases({ ledger, reopen }: LedgerInHand): void {
  const lines = async () => (await ledger().history({ limit: 99 })).map(({ text }) => text);
  const ask = (id: string, more: Partial<NewCancelWish> = {}, within = LONG) =>
    ledger().askCancel(wish(id, more), within, line(`asked ${id}`));
  const expired = (one: CancelWish) => line(`expired ${one.id}`);

  async function proof(): Promise<LeaseProof> {
    const by = { id: 'a', name: 'ada' };
    const seen = (await ledger().leaseBoard()).leases.find(({ cluster }) => cluster === C1);
    const claim = { cluster: C1, by, seconds: seconds(30), seen, above: 0 };
    const held = await ledger().claimLease(claim);
    if (held === undefined) throw new Error('nobody else wants it');
    return { holder: by.id, leases: [held] };
  }

  describe('cancels for another controller', () => {
    it('are kept until they are carried out, over a restart, and told in the history', async () => {
      const leased = await proof();
      expect(await ask('w1')).toEqual({ ...wish('w1'), state: 'open' });
      await reopen();
      expect(await ledger().cancelWishes()).toEqual([{ ...wish('w1'), state: 'open' }]);
      expect(await ledger().beginCancel('w1', 'ada', leased)).toBe(true);
      expect(await ledger().cancelWishes()).toMatchObject([{ state: 'begun', takenBy: 'ada' }]);
      expect(await ledger().endCancel('w1', 'stopped', line('done'))).toBe(true);
      expect(await ledger().cancelWishes()).toEqual([]);
      expect(await lines()).toEqual(['done', 'asked w1']);
      const told = (await ledger().audit(0, 99)).filter(({ kind }) => kind === 'cancel');
      const states = told.map(({ body }) => (JSON.parse(body) as CancelWish).state);
      expect(states).toEqual(['open', 'begun', 'done']);
    });

    it('are one where the same is asked again, also at the same moment', async () => {
      const answers = await Promise.all([ask('w1'), ask('w2'), ask('w3', { withdraw: true })]);
      expect(answers.map(({ id }) => id)).toEqual(['w1', 'w1', 'w3']);
      expect(await lines()).toHaveLength(2);
      await ask('w4', { cluster: clusterId('c2') });
      expect((await ledger().cancelWishes()).map(({ id }) => id).toSorted()).toEqual([
        'w1',
        'w3',
        'w4',
      ]);
      const leased = await proof();
      await ledger().beginCancel('w1', 'ada', leased);
      expect((await ask('w5')).id).toBe('w1');
      await ledger().endCancel('w1', 'stopped', line('done'));
      expect((await ask('w6')).id).toBe('w6');
    });

    it('end once: what is over is neither begun nor ended nor expired again', async () => {
      const leased = await proof();
      await ask('w1');
      expect(await ledger().endCancel('w1', 'never begun', line('no'))).toBe(false);
      await ledger().beginCancel('w1', 'ada', leased);
      const both = await Promise.all([
        ledger().endCancel('w1', 'stopped', line('first')),
        ledger().endCancel('w1', 'again', line('second')),
      ]);
      expect(both).toEqual([true, false]);
      expect(await ledger().beginCancel('w1', 'ada', leased)).toBe(false);
      expect(await ledger().beginCancel('w9', 'ada', leased)).toBe(false);
      expect(await ledger().expireCancels(expired)).toEqual([]);
      expect(await lines()).toEqual(['first', 'asked w1']);
    });

    it('expire where nobody has begun them in time; what was begun does not', async () => {
      const leased = await proof();
      await ask('w1', {}, SHORT);
      await ask('w2', { name: 'h2' });
      await ask('w3', { name: 'h3' });
      await ledger().beginCancel('w3', 'ada', leased);
      expect(await ledger().beginCancel('w1', 'ada', leased)).toBe(false);
      const both = await Promise.all([
        ledger().expireCancels(expired),
        ledger().expireCancels(expired),
      ]);
      expect(both.flat().map(({ id, state }) => `${id} ${state}`)).toEqual(['w1 expired']);
      expect((await ledger().cancelWishes()).map(({ id }) => id)).toEqual(['w2', 'w3']);
      expect(await lines()).toContain('expired w1');
      expect((await ask('w4')).id).toBe('w4');
    });

    it('are begun under the lease of their cluster only', async () => {
      const leased = await proof();
      await ask('w1');
      await proof();
      await expect(ledger().beginCancel('w1', 'ada', leased)).rejects.toMatchObject({
        name: 'LedgerError',
        code: 'lost-lease',
      });
      expect(await ledger().cancelWishes()).toMatchObject([{ state: 'open' }]);
    });

    it('go with what is old, when they are over', async () => {
      const leased = await proof();
      for (const name of ['h1', 'h2']) await ask(`w ${name}`, { name });
      await ledger().beginCancel('w h1', 'ada', leased);
      await ledger().endCancel('w h1', 'stopped', line('done'));
      // The contract's clock stands at 5000.
      await ledger().prune({ before: epochSeconds(5001), keep: 0 });
      expect((await ledger().cancelWishes()).map(({ id }) => id)).toEqual(['w h2']);
    });
  });
}

// Role: the part of the ledger's contract that is about orders (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { hostId, moveId, orderId, vmId } from '../../src/domain/ids.ts';
import type { HistoryEntry } from '../../src/domain/journal.ts';
import type { Order } from '../../src/domain/order.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { anOrder, aRecord, aResult } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

export function orderCases({ ledger, reopen }: LedgerInHand): void {
  describe('orders', () => {
    it('keeps orders and their newest state', async () => {
      await ledger().putOrder(anOrder('o1', { createdAt: epochSeconds(2) }));
      const elsewhere = { createdAt: epochSeconds(1), host: hostId('h2') };
      await ledger().putOrder(anOrder('o2', elsewhere));
      await ledger().putOrder(anOrder('o1', { createdAt: epochSeconds(2), state: 'closed' }));
      await reopen();
      expect((await ledger().orders(false)).map((order) => order.id)).toEqual(['o2']);
      expect((await ledger().orders(true)).map((order) => order.id)).toEqual(['o2', 'o1']);
      expect((await ledger().order(orderId('o1')))?.state).toBe('closed');
      expect(await ledger().order(orderId('o9'))).toBeUndefined();
    });

    it('refuses a second open order of a host, with its line, also at once', async () => {
      const at = epochSeconds(7);
      const about = { vm: undefined, host: hostId('h1'), from: undefined, move: undefined };
      const line = (text: string): HistoryEntry => ({ at, kind: 'order', ...about, text });
      const answers = await Promise.allSettled([
        ledger().putOrder(anOrder('o1'), line('one')),
        ledger().putOrder(anOrder('o2'), line('two')),
        ledger().putOrder(anOrder('o3', { host: hostId('h2') })),
        ledger().putOrder(anOrder('o4', { state: 'waiting' })),
      ]);
      expect(answers.map(({ status }) => status === 'fulfilled')).toEqual([
        true,
        false,
        true,
        true,
      ]);
      expect(answers[1]).toMatchObject({ reason: { name: 'LedgerError', code: 'conflict' } });
      expect((await ledger().history({ limit: 9 })).map(({ text }) => text)).toEqual(['one']);
      await ledger().putOrder(anOrder('o1', { state: 'returning' }));
      await ledger().putOrder(anOrder('o2'));
      expect(await ledger().orders(false)).toHaveLength(4);
    });

    it('loses none of many changes at the same moment, and tells each with its line', async () => {
      await ledger().putOrder(anOrder('o1', { home: [] }));
      const at = epochSeconds(7);
      const about = { vm: undefined, host: hostId('h1'), from: undefined, move: undefined };
      const names = Array.from({ length: 20 }, (_none, index) => `vm${index}`);
      const add = (name: string) =>
        ledger().changeOrder(orderId('o1'), (now) => ({
          order: { ...now, home: [...now.home, name] },
          lines: [{ at, kind: 'order', ...about, text: name }],
        }));
      const written = await Promise.all(names.map(add));
      expect(written.map((one) => one?.home.length)).toEqual(names.map((_none, one) => one + 1));
      await reopen();
      const home = (await ledger().order(orderId('o1')))?.home ?? [];
      expect(home.toSorted()).toEqual(names.toSorted());
      expect(await ledger().history({ limit: 99 })).toHaveLength(names.length);
    });

    it('changes nothing where the change declines, or there is no such order', async () => {
      await ledger().putOrder(anOrder('o1'));
      const id = orderId('o1');
      expect(await ledger().changeOrder(id, () => undefined)).toBeUndefined();
      const close = (now: Order) => ({ order: { ...now, state: 'closed' } as const });
      expect(await ledger().changeOrder(orderId('o9'), close)).toBeUndefined();
      expect((await ledger().order(id))?.state).toBe('open');
      expect((await ledger().audit(0, 99)).map(({ kind }) => kind)).toEqual(['order']);
      await ledger().putOrder(anOrder('o2', { state: 'waiting' }));
      const open = (now: Order) => ({ order: { ...now, state: 'open' } as const });
      await expect(ledger().changeOrder(orderId('o2'), open)).rejects.toMatchObject({
        name: 'LedgerError',
        code: 'conflict',
      });
    });

    it('puts one in the place of another in one step, or leaves both as they are', async () => {
      const about = { vm: undefined, host: hostId('h1'), from: undefined, move: undefined };
      const line: HistoryEntry = { at: epochSeconds(7), kind: 'order', ...about, text: 'two' };
      await ledger().putOrder(anOrder('o1', { state: 'returning', home: ['v1'] }));
      const replace = (by: string) =>
        ledger().changeOrder(orderId('o1'), (now) =>
          now.state === 'closed'
            ? undefined
            : {
                order: { ...now, state: 'closed' },
                successor: { order: anOrder(by, { home: now.home }), line },
              },
        );
      // Another controller was first.
      await ledger().putOrder(anOrder('o2', { home: [] }));
      await expect(replace('o3')).rejects.toMatchObject({ code: 'conflict' });
      const states = async () =>
        (await ledger().orders(true)).map(({ id, state, home }) => `${id} ${state} ${home.join()}`);
      expect((await states()).toSorted()).toEqual(['o1 returning v1', 'o2 open ']);
      await ledger().putOrder(anOrder('o2', { state: 'closed', home: [] }));
      expect(await replace('o4')).toMatchObject({ id: 'o1', state: 'closed' });
      expect(await replace('o5')).toBeUndefined();
      await reopen();
      expect((await states()).toSorted()).toEqual(['o1 closed v1', 'o2 closed ', 'o4 open v1']);
      expect((await ledger().history({ limit: 9 })).map(({ text }) => text)).toEqual(['two']);
      expect((await ledger().audit(0, 99)).filter(({ kind }) => kind === 'order')).toHaveLength(5);
    });

    it('takes several at once, new ones and changed ones, or none of them', async () => {
      const about = { vm: undefined, host: hostId('h1'), from: undefined, move: undefined };
      const line: HistoryEntry = { at: epochSeconds(7), kind: 'order', ...about, text: 'one' };
      await ledger().putOrder(anOrder('o1'));
      await ledger().putOrders([
        { order: anOrder('o1', { state: 'returning' }), line },
        { order: anOrder('o2', { host: hostId('h2') }) },
      ]);
      const twice = [anOrder('o3', { host: hostId('h3') }), anOrder('o4', { host: hostId('h2') })];
      const refused = ledger().putOrders(twice.map((order) => ({ order, line })));
      await expect(refused).rejects.toMatchObject({ name: 'LedgerError', code: 'conflict' });
      await reopen();
      const left = (await ledger().orders(false)).map(({ id, state }) => [id, state]);
      expect(left).toEqual([
        ['o1', 'returning'],
        ['o2', 'open'],
      ]);
      expect(await ledger().history({ limit: 9 })).toEqual([line]);
      await ledger().putOrders([]);
    });

    it('goes when it is closed and old, but not while what it answered fires', async () => {
      const alert = { name: 'HostDown', labels: {}, since: epochSeconds(4) };
      const heard = { host: hostId('h1'), alert, heardAt: epochSeconds(5) };
      await ledger().putAlert({ fingerprint: 'f', ...heard });
      const asked = { dedupeKey: 'f since 4', returnedBy: 'ada' };
      const closed: Readonly<Record<string, Partial<Order>>> = {
        first: asked,
        later: { ...asked, dedupeKey: '', alsoAsked: ['e since 1', 'f since 4'] },
        byItself: { ...asked, returnedBy: undefined },
        other: { ...asked, dedupeKey: 'f since 3' },
      };
      for (const [id, order] of Object.entries(closed))
        await ledger().putOrder(anOrder(id, { ...order, state: 'closed' }));
      const many = Array.from({ length: 1200 }, (_none, index) => {
        return { order: anOrder(`many ${index}`, { state: 'closed' }) };
      });
      await ledger().putOrders(many);
      const left = async () => {
        // The contract's clock stands at 5000.
        await ledger().prune({ before: epochSeconds(5001), keep: 0 });
        return (await ledger().orders(true)).map(({ id }) => id);
      };
      expect(await left()).toEqual(['first', 'later']);
      await ledger().dropAlert('f');
      expect(await left()).toEqual([]);
    });

    it('keeps where the VMs of its host went until it is closed', async () => {
      const moved = async (id: string, vm: string, from: string): Promise<void> => {
        const record = aRecord(id, vm);
        const [at, to] = [epochSeconds(20), hostId('h9')];
        const about = { vm: vmId(vm), host: to, from: hostId(from), move: moveId(id) };
        await ledger().openMove({ ...record, move: { ...record.move, from: hostId(from), to } });
        const line = { at, kind: 'move', ...about, text: id } as const;
        await ledger().closeMove(moveId(id), aResult({ at }), line);
      };
      await ledger().putOrder(anOrder('o1'));
      await moved('of before', 'vm3', 'h1');
      await moved('left', 'vm1', 'h1');
      await moved('moved on', 'vm1', 'h2');
      await moved('of another', 'vm2', 'h2');
      await ledger().putOrder(anOrder('o1', { state: 'returning' }));
      const left = async () => {
        await ledger().prune({ before: epochSeconds(5001), keep: 0 });
        const lines = (await ledger().history({ limit: 9 })).map(({ text }) => text);
        const moves = (await ledger().recentMoves(9)).map(({ move }) => move.id);
        return { lines: lines.toSorted(), moves: moves.toSorted() };
      };
      const both = ['left', 'moved on'];
      expect(await left()).toEqual({ lines: both, moves: both });
      await ledger().putOrder(anOrder('o1', { state: 'closed' }));
      expect(await left()).toEqual({ lines: [], moves: [] });
    });
  });
}

// Role: a new order about a host whose VMs are on their way home: whose home it is stays known.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { OrderDesk } from '../../../src/app/order-desk.ts';
import type { NewOrder } from '../../../src/app/wanted-order.ts';
import { hostId } from '../../../src/domain/ids.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { type Ledger, LedgerError } from '../../../src/ports/ledger.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const NODE_1 = { id: hostId('h1'), name: 'h1' };
const WRITES: readonly (string | symbol)[] = ['putOrders', 'putOrder', 'changeOrder'];

let clock: ManualClock;
let ledger: Ledger;
let ids = 0;

beforeEach(async () => {
  clock = manualClock(5000);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
});
afterEach(() => ledger.close());

const deskOn = (store: Ledger): OrderDesk =>
  new OrderDesk({ ledger: store, clock, events: recordingEvents(), newId: () => `o${++ids}` });

/** v1 and v2 on the host. */
const world = (host: string) =>
  aSnapshot({
    hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })],
    vms: ['v1', 'v2'].map((id) => aVm({ id, host })),
  });

const wish = (host = 'h1'): NewOrder => ({
  kind: 'maintenance',
  host: hostId(host),
  by: { kind: 'operator', name: 'ada' },
  reason: 'kernel',
  dedupeKey: '',
  deadlineSeconds: null,
});

/** The ledger, of which the n-th write about orders, from 1, fails: nothing is written. */
function failingAt(n: number): { readonly store: Ledger; readonly writes: () => number } {
  let writes = 0;
  const store = new Proxy(ledger, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...parts: unknown[]): unknown => {
        if (WRITES.includes(name) && ++writes === n)
          return Promise.reject(new LedgerError('full', 'the disk is full'));
        return member.apply(target, parts) as unknown;
      };
    },
  });
  return { store, writes: () => writes };
}

describe('a new order in the place of a return', () => {
  beforeEach(async () => {
    const desk = deskOn(ledger);
    await desk.give(wish(), world('h1'));
    await desk.returnHost(NODE_1, 'ada');
  });

  it('knows whose home it is, whichever of its writes fails before it is given again', async () => {
    let isWhole = false;
    for (let n = 1; !isWhole; n += 1) {
      const { store, writes } = failingAt(n);
      const desk = deskOn(ledger);
      await deskOn(store)
        .give(wish(), world('h2'))
        .catch(() => undefined);
      isWhole = writes() < n;
      const { order } = await desk.give(wish(), world('h2'));
      expect(order.home.toSorted()).toEqual(['v1', 'v2']);
      expect((await ledger.orders(false)).map(({ state }) => state)).toEqual(['open']);
      await desk.returnHost(NODE_1, 'ada');
    }
  });

  it('does not take those as its own that came home, or went elsewhere, meanwhile', async () => {
    // Between what was read and what is written another controller settles the return.
    const store = new Proxy(ledger, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (name !== 'orders') return member.bind(target) as unknown;
        return async (closed: boolean) => {
          const found = await target.orders(closed);
          for (const { id, state } of found) {
            if (state !== 'returning') continue;
            await target.changeOrder(id, (now) => ({ order: { ...now, home: ['v2'] } }));
          }
          return found;
        };
      },
    });
    const { order } = await deskOn(store).give(wish(), world('h2'));
    expect(order.home).toEqual(['v2']);
  });

  it('is given together with those for other hosts', async () => {
    const given = await deskOn(ledger).giveAll([wish('h2'), wish()], world('h2'));
    expect(given.map(({ order, what }) => [order.host, what])).toEqual([
      ['h2', 'given'],
      ['h1', 'given'],
    ]);
    const open = (await ledger.orders(false)).filter(({ state }) => state === 'open');
    expect(open).toHaveLength(2);
  });
});

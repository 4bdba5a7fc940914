// Role: an order for a host that has an order: what the open one takes in, and what is refused.
import { describe, expect, it, onTestFinished } from 'vitest';

import { giveOrders } from '../../../src/app/give-orders.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import type { InForce } from '../../../src/app/order-text.ts';
import { type NewOrder, withWish } from '../../../src/app/wanted-order.ts';
import { hostId } from '../../../src/domain/ids.ts';
import type { HookProgress, Order } from '../../../src/domain/order.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { aHost, aSnapshot } from '../../support/fleet.ts';
import { anOrder } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const NOW = epochSeconds(1_000);
const ALERT = { kind: 'alert', name: 'Hot' } as const;
const ANNA = { kind: 'operator', name: 'anna' } as const;
const BERT = { kind: 'operator', name: 'bert' } as const;

function open(more: Partial<Order> = {}): Order {
  return anOrder('o1', { kind: 'evacuate', by: ANNA, reason: 'smoke', ...more });
}

function wanted(more: Partial<NewOrder> = {}): NewOrder {
  const about = { host: hostId('h1'), by: BERT, reason: 'firmware', dedupeKey: '' };
  return { kind: 'evacuate', deadlineSeconds: null, ...about, ...more };
}

describe('an order that takes in a wish', () => {
  it.each([
    ['none', undefined, 60, 1_060],
    ['a later one', 1_061, 60, 1_060],
    ['as early a one', 1_060, 60, undefined],
    ['an earlier one', 1_059, 60, undefined],
    ['an earlier one, and none is asked for', 1_059, null, undefined],
  ])('that had %s as its deadline has the earlier one', (_what, has, deadlineSeconds, taken) => {
    const deadline = has === undefined ? undefined : epochSeconds(has);
    const order = open({ deadline, deadlineTold: 'late' });
    const changed = withWish(order, wanted({ deadlineSeconds }), NOW);
    // Of the new one nothing was told yet.
    expect([changed?.deadline, changed?.deadlineTold]).toEqual([taken, undefined]);
    expect(changed?.reason ?? 'smoke').toBe('smoke');
  });

  it('tells the reason of the one who raises it', () => {
    const raised = withWish(open(), wanted({ kind: 'maintenance' }), NOW);
    expect(raised).toMatchObject({ kind: 'maintenance', by: BERT, reason: 'firmware' });
  });

  it('stays with the person who gave it where an alert raises it', () => {
    const raised = withWish(open(), wanted({ kind: 'maintenance', by: ALERT }), NOW);
    expect(raised).toMatchObject({ kind: 'maintenance', by: ANNA, reason: 'smoke' });
  });

  it('has the deadline of the person who takes it over from an alert', () => {
    const taken = withWish(open({ by: ALERT }), wanted({ deadlineSeconds: 60 }), NOW);
    expect(taken).toMatchObject({ by: BERT, reason: 'firmware', deadline: 1_060 });
  });
});

describe('an order with another hook than the open one', () => {
  const patch: HookProgress = {
    name: 'patch',
    state: 'waiting',
    attempts: 0,
    since: NOW,
    output: '',
  };
  const world = aSnapshot({ hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })], vms: [] });
  // What is told of orders that were given is not looked at.
  const inForce = {
    policies: { mode: { clusters: {}, default: 'observe' } },
  } as unknown as InForce;

  it.each([
    ['is refused while that waits', 'reboot', 'waiting', false],
    ['is refused while that runs', 'reboot', 'running', false],
    ['is refused when that is done', 'reboot', 'done', false],
    ['takes its place when that has failed', 'reboot', 'failed', true],
    ['or rather with the same one is no other order', 'patch', 'running', true],
  ] as const)('%s', async (_what, hook, state, isTaken) => {
    const clock = manualClock();
    const ledger = await openSqliteLedger({ file: ':memory:', clock });
    onTestFinished(() => ledger.close());
    await ledger.putOrder(open({ kind: 'maintenance', hook: { ...patch, state } }));
    const orders = new OrderDesk({ ledger, clock, events: recordingEvents(), newId: () => 'new' });
    const { host: _host, ...asked } = wanted({ kind: 'maintenance', hook });
    const answer = await giveOrders({ orders, inForce }, { ...asked, hosts: ['h2', 'h1'] }, world);
    const detail = `the order for h1 has the hook patch already (${state}); nothing was ordered`;
    const error = { status: 409, code: 'other-hook', detail };
    expect(answer).toMatchObject(isTaken ? { ok: true } : { ok: false, error });
    expect(await ledger.orders(false)).toHaveLength(isTaken ? 2 : 1);
  });
});

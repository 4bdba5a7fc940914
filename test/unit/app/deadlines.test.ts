// Role: a deadline that has passed, where the policy withdraws the order: told and done in one; and
// whether one that is to come will be missed.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Deadlines } from '../../../src/app/deadlines.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import type { Breaker } from '../../../src/domain/breaker.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import type { HookProgress, Order } from '../../../src/domain/order.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { type Ledger, LedgerError } from '../../../src/ports/ledger.ts';
import { planOf } from '../../support/execution-bench.ts';
import { aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const NOTHING = { plan: planOf([]), report: { unresolved: [] } } as never;
const occupied = aSnapshot({
  hosts: [aHost({ id: 'h1', state: 'maintenance' }), aHost({ id: 'h2' })],
  vms: [aVm({ id: 'v1', host: 'h1' })],
});

let clock: ManualClock;
let ledger: Ledger;
let events: RecordingEvents;

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  events = recordingEvents();
  ledger = await openSqliteLedger({ file: ':memory:', clock });
});

afterEach(() => ledger.close());

function deskOn(store: Ledger, id = 'o1'): OrderDesk {
  return new OrderDesk({ ledger: store, clock, events, newId: () => id });
}

/** Ten minutes for h1. */
async function give(desk: OrderDesk, hook?: string): Promise<void> {
  const by = { kind: 'operator', name: 'ada' } as const;
  const wanted = { kind: 'maintenance', host: hostId('h1'), by, reason: 'kernel' } as const;
  await desk.give({ ...wanted, dedupeKey: '', deadlineSeconds: 600, hook }, occupied);
}

/** Of which none is left. */
async function missed(hook?: string): Promise<OrderDesk> {
  const desk = deskOn(ledger);
  await give(desk, hook);
  await clock.pass(601);
  return desk;
}

/** @param seen the orders as the tick has read them; none: as they are. */
// oxlint-disable-next-line max-params -- the orders, what the policy says, and what is seen
async function judge(
  orders: OrderDesk,
  onDeadline: 'withdraw' | 'keep-on',
  seen?: readonly Order[],
  snapshot = occupied,
): Promise<void> {
  const policy = aPolicy();
  const policies = { policies: { ...policy, maintenance: { ...policy.maintenance, onDeadline } } };
  const deadlines = new Deadlines({ orders, policies, clock, events });
  const all = seen ?? (await ledger.orders(false));
  await deadlines.judge({ snapshot, orders: all, result: NOTHING });
}

async function theOrder(): Promise<Order | undefined> {
  return (await ledger.orders(true))[0];
}

/** Of the writes of an order the n-th finds no room on the disk. */
function fullAt(n: number): Ledger {
  let writes = 0;
  return new Proxy(ledger, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key === 'changeOrder' && ++writes === n) {
          return Promise.reject(new LedgerError('unreachable', 'the disk is full'));
        }
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

describe('a deadline that has passed', () => {
  it.each([1, 2])('withdraws the order also where a write has failed once (the %i.)', async (n) => {
    await missed();
    const desk = deskOn(fullAt(n));
    await judge(desk, 'withdraw').catch(() => undefined);
    await judge(desk, 'withdraw');
    expect(await theOrder()).toMatchObject({ state: 'returning', deadlineTold: 'missed' });
    const texts = (await ledger.history({ limit: 2 })).map(({ text }) => text).toSorted();
    expect(texts).toEqual([
      'h1 has missed its deadline: v1 still there; the order is withdrawn',
      'h1: returned to service by its deadline',
    ]);
    expect(events.of('warning').length).toBe(1);
  });

  it('withdraws no order that was given in the place of its own meanwhile', async () => {
    const desk = await missed();
    const seen = await ledger.orders(false);
    await desk.returnHost({ id: hostId('h1'), name: 'h1' }, 'bob');
    await give(deskOn(ledger, 'o2'));
    await judge(desk, 'withdraw', seen);
    expect(await ledger.orders(true)).toMatchObject([{ state: 'closed' }, { state: 'open' }]);
    expect(events.of('warning')).toEqual([]);
  });

  it('waits for a hook that is at work: a host that is written to is not returned', async () => {
    const desk = await missed('patch');
    const set = (state: HookProgress['state']): Promise<boolean> =>
      desk.note('o1' as Order['id'], ({ hook }) => hook && { hook: { ...hook, state } });
    await set('running');
    await judge(desk, 'withdraw');
    expect(await theOrder()).toMatchObject({ state: 'open', hook: { state: 'running' } });
    expect(events.of('warning')).toEqual([]);
    await set('failed');
    await judge(desk, 'withdraw');
    expect(await theOrder()).toMatchObject({ state: 'returning' });
  });

  it('is told once where the work goes on, with its line in the history', async () => {
    const desk = await missed();
    await judge(desk, 'keep-on');
    await judge(desk, 'keep-on');
    const text = 'h1 has missed its deadline: v1 still there; the work goes on';
    expect(events.of('warning').map((warning) => warning.text)).toEqual([text]);
    expect((await ledger.history({ limit: 1 })).map((line) => line.text)).toEqual([text]);
    expect(await theOrder()).toMatchObject({ state: 'open', deadlineTold: 'missed' });
  });
});

function restFor(duration: number): Breaker {
  const until = epochSeconds(TEST_NOW + duration);
  const times = { failures: 1, lastAt: TEST_NOW, until };
  return { subject: { kind: 'vm', vm: vmId('v1') }, state: 'open', ...times };
}

describe('a deadline to come', () => {
  it('is not missed by a VM that only rests after a failure', async () => {
    const desk = deskOn(ledger);
    await give(desk);
    await judge(desk, 'keep-on', undefined, { ...occupied, breakers: [restFor(20)] });
    expect(events.of('warning')).toEqual([]);
    await judge(desk, 'keep-on');
    const text = 'h1 will miss its deadline: the plan has no place for v1';
    expect(events.of('warning').map((warning) => warning.text)).toEqual([text]);
  });

  it('is missed by one that rests for longer than that, which is told before', async () => {
    const desk = deskOn(ledger);
    await give(desk);
    await judge(desk, 'keep-on', undefined, { ...occupied, breakers: [restFor(600)] });
    const text =
      'h1 will miss its deadline: after moves that failed nothing is tried with v1 before it';
    expect(events.of('warning').map((warning) => warning.text)).toEqual([text]);
  });
});

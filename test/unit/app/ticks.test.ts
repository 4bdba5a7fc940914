// Role: when ticks happen: one at a time, again where an order has overtaken one, and at once where
// an order is given.
import { beforeEach, expect, it } from 'vitest';

import { Ticks } from '../../../src/app/ticks.ts';
import type { Order } from '../../../src/domain/order.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { anOrder } from '../../support/ledger-records.ts';

let events: EventBus;
/** What was done, in this order. */
let done: string[];
/** What the next hurry and the next ticks answer; true where there is nothing any more. */
let isUrgent: boolean;
let through: boolean[];
let ticks: Ticks;

beforeEach(() => {
  events = new EventBus();
  done = [];
  isUrgent = true;
  through = [];
  ticks = new Ticks({
    events,
    run: async () => {
      done.push('tick');
      await turn();
      return through.shift() ?? true;
    },
    hurry: async () => {
      done.push('hurry');
      await turn();
      return isUrgent;
    },
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function give(what: 'given' | 'repeated', changes: Partial<Order> = {}): void {
  events.emit('order', { order: anOrder('order-1', changes), what });
}

it('acts on an order without being called, and ticks after that', async () => {
  ticks.listen();
  give('given');
  await turn();
  await ticks.stop();
  expect(done).toEqual(['hurry', 'tick']);
});

it('does not tick where nothing of the order cannot wait', async () => {
  isUrgent = false;
  ticks.listen();
  give('given');
  await ticks.stop();
  expect(done).toEqual(['hurry']);
});

it('acts once on the orders of one moment', async () => {
  ticks.listen();
  give('given');
  give('given');
  give('given');
  await ticks.stop();
  expect(done).toEqual(['hurry', 'tick']);
});

it('acts again on an order that comes while the one before is acted upon', async () => {
  ticks.listen();
  give('given');
  await turn();
  give('given');
  await ticks.stop();
  expect(done.filter((one) => one === 'hurry')).toHaveLength(2);
});

it.each([
  ['is repeated', () => give('repeated')],
  ['is over', () => give('given', { state: 'closed' })],
  ['goes home again', () => give('given', { state: 'returning' })],
])('leaves an order alone that %s', async (_how, tell) => {
  ticks.listen();
  tell();
  await turn();
  await ticks.stop();
  expect(done).toEqual([]);
});

it('hears nothing before it listens, nor after it was stopped', async () => {
  give('given');
  ticks.listen();
  await ticks.stop();
  give('given');
  await turn();
  expect(done).toEqual([]);
});

it('tells what failed, and acts on the next order', async () => {
  const failures: string[] = [];
  events.on('failure', ({ where, error }) => failures.push(`${where}: ${String(error)}`));
  const failing = new Ticks({
    events,
    run: () => Promise.resolve(true),
    hurry: () => Promise.reject(new Error('no')),
  });
  failing.listen();
  give('given');
  await turn();
  await turn();
  give('given');
  await failing.stop();
  expect(failures).toEqual(['orders: Error: no', 'orders: Error: no']);
});

it('makes up for a tick that an order has overtaken, and lets all wait for the one', async () => {
  through = [false, false, true];
  await Promise.all([ticks.run(), ticks.run()]);
  expect(done).toEqual(['tick', 'tick', 'tick']);
});

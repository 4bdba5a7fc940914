// Role: what is decided is heard at once by the moves that wait, and by those that were begun and
// are not started yet.
import { beforeEach, expect, it } from 'vitest';

import { dropOutdated } from '../../../src/app/drop-outdated.ts';
import type { Order } from '../../../src/domain/order.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { aPolicy } from '../../support/fleet.ts';
import { anOrder } from '../../support/ledger-records.ts';

let events: EventBus;
/** What the executor was told, in this order. */
let told: string[];
let stop: () => void;

beforeEach(() => {
  events = new EventBus();
  told = [];
  stop = dropOutdated(events, {
    dropOf: (finding) => told.push(`drop ${finding}`),
    dropWaiting: (which) => told.push(`drop ${which ?? 'planned'}`),
    reconsider: () => told.push('reconsider'),
  });
});

function tell(what: 'given' | 'changed' | 'repeated', state: Order['state']): void {
  events.emit('order', { order: anOrder('o1', { state }), what });
}

it.each(['returning', 'closed'] as const)('drops what an order asked for that is %s', (state) => {
  tell('changed', state);
  expect(told).toEqual(['drop order:o1', 'reconsider']);
});

it('has it asked again what a new order is against', () => {
  tell('given', 'open');
  tell('repeated', 'open');
  expect(told).toEqual(['reconsider']);
});

it('has it asked again when the kill switch is turned', () => {
  events.emit('paused', { paused: true, by: 'ada' });
  expect(told).toEqual(['reconsider']);
});

it('drops all that was judged under other policies', () => {
  events.emit('policies', { policies: aPolicy(), notes: [] } as never);
  expect(told).toEqual(['drop all', 'reconsider']);
});

it('hears nothing after it was stopped', () => {
  stop();
  tell('changed', 'closed');
  events.emit('paused', { paused: true, by: 'ada' });
  expect(told).toEqual([]);
});

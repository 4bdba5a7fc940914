// Role: a guest that cannot be read holds up the emptying of its host, and people are told which
// one, and what to do.
import { describe, expect, it } from 'vitest';

import { Deadlines } from '../../../src/app/deadlines.ts';
import { guardNotes } from '../../../src/app/guard-notes.ts';
import type { Order } from '../../../src/domain/order.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { planOf } from '../../support/execution-bench.ts';
import { RecordingSink } from '../collect/support.ts';

const UNREAD = 'guest 4f-uuid on host h1 cannot be read: shut it down or move it by hand';
const draining = (...unlistedGuests: string[]) =>
  aHost({ id: 'h1', state: 'draining', unlistedGuests });

describe('a host that is to be emptied', () => {
  const { limits } = aPolicy();
  const notes = (...hosts: ReturnType<typeof aHost>[]) =>
    guardNotes(aSnapshot({ hosts, vms: [aVm({ id: 'v1', host: 'h2' })] }), limits);

  it('has its guests that cannot be read among the notes, others do not', () => {
    expect(notes(draining('4f-uuid'))).toEqual([UNREAD]);
    expect(notes(draining('a', 'b'))).toEqual([
      'guests a, b on host h1 cannot be read: shut them down or move them by hand',
    ]);
    expect(notes(aHost({ id: 'h1' }), aHost({ id: 'h2', unlistedGuests: ['x'] }))).toEqual([]);
  });

  it('tells of a guest that runs elsewhere, too, as that', () => {
    const [first] = [aVm({ id: 'v1', host: 'h2' })];
    expect(notes(draining(first.name), aHost({ id: 'h2' }))).toEqual([
      `guest ${first.name} on host h1: on another, too; stop one of the two`,
    ]);
  });
});

describe('the deadline of its order', () => {
  it('says the same', async () => {
    const events = new RecordingSink();
    const parts = {
      orders: { note: async () => true },
      policies: { policies: aPolicy() },
      clock: manualClock(TEST_NOW),
      events,
    } as unknown as ConstructorParameters<typeof Deadlines>[0]; // no more of them is asked
    const host = draining('4f-uuid');
    const order = {
      id: 'o1',
      host: host.id,
      state: 'open',
      deadline: epochSeconds(TEST_NOW + 3600),
    } as unknown as Order;
    const snapshot = aSnapshot({ hosts: [host], vms: [aVm({ id: 'v1', host: 'h1' })] });
    const result = { plan: planOf([]) } as unknown as Parameters<Deadlines['judge']>[0]['result'];
    await new Deadlines(parts).judge({ snapshot, orders: [order], result });
    const [warning] = events.of('warning');
    const homeless = `the plan has no place for ${snapshot.vms[0]?.name}`;
    expect(warning?.text).toBe(`h1 will miss its deadline: ${homeless}; ${UNREAD}`);
  });
});

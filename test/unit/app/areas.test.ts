// Role: a whole site is returned to service: the hosts that were emptied for it, and no others.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { areaOrders, returnArea } from '../../../src/app/areas.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import type { NewOrder } from '../../../src/app/wanted-order.ts';
import { hostId } from '../../../src/domain/ids.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Area } from '../../../src/ports/api.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const EAST = { kind: 'site', name: 'east' } as const;
const HOSTS = ['h1', 'h2', 'h3'].map((id) => aHost({ id }));
const world = aSnapshot({ hosts: HOSTS, vms: [aVm({ id: 'v1', host: 'h1' })] });
const inForce = { policies: aPolicy(), paused: false };

let ledger: Ledger;
let orders: OrderDesk;

beforeEach(async () => {
  const clock = manualClock(5000);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  let id = 0;
  orders = new OrderDesk({ ledger, clock, events: recordingEvents(), newId: () => `o${++id}` });
});
afterEach(() => ledger.close());

const evacuate = (area: Area = EAST) => {
  const request = { area, reason: 'power works', by: 'ada', deadlineSeconds: null };
  return orders.giveAll(areaOrders(request, HOSTS), world);
};

const ofBob = (options: Partial<NewOrder> = {}): NewOrder => ({
  kind: 'maintenance',
  host: hostId('h1'),
  by: { kind: 'operator', name: 'bob' },
  reason: 'DIMM',
  dedupeKey: '',
  deadlineSeconds: null,
  ...options,
});

const back = (area: Area = EAST) =>
  returnArea({ orders, inForce }, area, { hosts: HOSTS, by: 'ada' });

async function states(): Promise<readonly string[]> {
  const all = await ledger.orders(false);
  return all.map(({ host, state }) => `${host} ${state}`).toSorted();
}

const OTHERS = ['h1 open', 'h2 returning', 'h3 returning'];

describe('the return of a site', () => {
  it('returns the hosts that were evacuated with it', async () => {
    await evacuate();
    expect(await back()).toMatchObject({ ok: true, value: [{}, {}, {}] });
    expect(await states()).toEqual(['h1 returning', 'h2 returning', 'h3 returning']);
  });

  it('leaves a host out that somebody else had emptied before, and names it', async () => {
    await orders.give(ofBob(), world);
    await evacuate();
    const answer = await back();
    expect(await states()).toEqual(OTHERS);
    const text =
      'h1 stays as it is, not ordered for site east alone: maintenance ordered by operator bob: ' +
      'DIMM; drover maintenance exit h1 returns it';
    expect(answer.ok && answer.value.map(({ what }) => what)).toEqual([
      'changed',
      'changed',
      'kept',
    ]);
    expect(answer).toMatchObject({ ok: true, value: [{}, {}, { what: 'kept', text }] });
  });

  it.each([
    ['an evacuation of somebody else', ofBob({ kind: 'evacuate' })],
    [
      'one by an alert',
      ofBob({ kind: 'evacuate', by: { kind: 'alert', name: 'Disk' }, dedupeKey: 'f1 since 1' }),
    ],
  ])('leaves a host out that was emptied by %s before', async (_what, order) => {
    await orders.give(order, world);
    await evacuate();
    await back();
    expect(await states()).toEqual(OTHERS);
  });

  it('leaves a host out that somebody has put into maintenance meanwhile', async () => {
    await evacuate();
    await orders.give(ofBob(), world);
    await back();
    expect(await states()).toEqual(OTHERS);
  });

  it('returns also those that were emptied for a part of it first', async () => {
    await evacuate({ kind: 'cluster', name: 'c1' });
    await evacuate();
    await back();
    expect(await states()).toEqual(['h1 returning', 'h2 returning', 'h3 returning']);
  });

  it('does nothing where all that is ordered is of others, and says by whom', async () => {
    await orders.give(ofBob(), world);
    const detail = expect.stringContaining('ordered by operator bob');
    expect(await back()).toMatchObject({ ok: false, error: { code: 'no-order', detail } });
    expect(await states()).toEqual(['h1 open']);
  });
});

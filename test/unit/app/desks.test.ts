import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { AlertDesk, findHost } from '../../../src/app/alert-desk.ts';
import { FiringAlerts, MOST_ALERTS } from '../../../src/app/firing-alerts.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import { hostId, orderId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import type { AlertInput } from '../../../src/ports/api.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const NODE_A = { id: H1, name: 'node-a.example' };

const world = aSnapshot({
  hosts: [aHost({ id: 'h1', name: 'node-a.example' }), aHost({ id: 'h2', name: 'node-b' })],
  vms: [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h2' })],
});

let clock: ManualClock;
let ledger: Ledger;
let orders: OrderDesk;
let events: RecordingEvents;

beforeEach(async () => {
  clock = manualClock();
  events = recordingEvents();
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  let id = 0;
  orders = new OrderDesk({ ledger, clock, events: new EventBus(), newId: () => `order-${++id}` });
});

afterEach(() => ledger.close());

function wanted(kind: 'evacuate' | 'maintenance') {
  return {
    kind,
    host: H1,
    by: { kind: 'operator', name: 'olga' },
    reason: 'smoke',
    dedupeKey: '',
    deadlineSeconds: null,
  } as const;
}

describe('the order desk', () => {
  it('remembers who was at home when the order was given', async () => {
    const { order } = await orders.give(wanted('maintenance'), world);
    expect(order.home).toEqual(['v1']);
  });

  it('answers a repeated order with the open one, also when both come at once', async () => {
    const [first, second] = await Promise.all([
      orders.give(wanted('evacuate'), world),
      orders.give(wanted('evacuate'), world),
    ]);
    expect([first.what, second.what]).toEqual(['given', 'repeated']);
    expect(await ledger.orders(false)).toHaveLength(1);
  });

  it('raises an evacuation to maintenance, and never lowers one', async () => {
    await orders.give(wanted('evacuate'), world);
    expect((await orders.give(wanted('maintenance'), world)).what).toBe('changed');
    expect((await orders.give(wanted('evacuate'), world)).order.kind).toBe('maintenance');
  });

  it('adds a hook to an order without one, or in place of one that has failed', async () => {
    const patch = { ...wanted('maintenance'), hook: 'patch' };
    const reboot = { ...patch, hook: 'reboot' };
    await orders.give(wanted('maintenance'), world);
    const { order } = await orders.give(patch, world);
    expect(order.hook).toMatchObject({ name: 'patch', state: 'waiting', attempts: 0 });
    expect((await orders.give(reboot, world)).order.hook?.name).toBe('patch');
    if (order.hook === undefined) throw new Error('no hook');
    const failed = { ...order.hook, state: 'failed' } as const;
    expect(await orders.note(order.id, () => ({ hook: failed }))).toBe(true);
    expect(await orders.note(order.id, () => undefined)).toBe(false);
    expect((await orders.give(wanted('maintenance'), world)).order.hook?.state).toBe('failed');
    expect((await orders.give(reboot, world)).order.hook).toMatchObject({ name: 'reboot' });
  });

  it('returns a host only when something was ordered', async () => {
    expect(await orders.returnHost(NODE_A, 'anna')).toBeUndefined();
    await orders.give(wanted('maintenance'), world);
    expect((await orders.returnHost(NODE_A, 'anna'))?.state).toBe('returning');
    await orders.closeReturned(await ledger.orders(false));
    expect(await ledger.orders(false)).toEqual([]);
  });

  it('does not close a return that was ordered after the tick had looked', async () => {
    await orders.give(wanted('maintenance'), world);
    const seen = await ledger.orders(false);
    await orders.returnHost(NODE_A, 'anna');
    await orders.closeReturned(seen);
    expect((await ledger.orders(false)).map(({ state }) => state)).toEqual(['returning']);
  });

  it('at two controllers opens one order for a host, and the later one is told of it', async () => {
    // Each reads that there is none, then both write.
    let reads = 0;
    let bothHaveRead = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      bothHaveRead = resolve;
    });
    const slow = (own: string): OrderDesk => {
      const racing = Object.create(ledger) as Ledger;
      racing.orders = async (closed) => {
        const found = await ledger.orders(closed);
        reads += 1;
        if (reads === 2) bothHaveRead();
        if (reads <= 2) await gate;
        return found;
      };
      racing.putOrder = (order, line) => ledger.putOrder(order, line);
      racing.putOrders = (orders) => ledger.putOrders(orders);
      racing.changeOrder = (id, change) => ledger.changeOrder(id, change);
      racing.addHistory = (lines) => ledger.addHistory(lines);
      racing.order = (id) => ledger.order(id);
      return new OrderDesk({ ledger: racing, clock, events: new EventBus(), newId: () => own });
    };
    const answers = await Promise.all([
      slow('order-a').give(wanted('evacuate'), world),
      slow('order-b').giveAll([wanted('maintenance')], world),
    ]);
    const whats = answers.flat().map(({ what }) => what);
    expect(whats).toEqual(['given', 'changed']);
    const open = await ledger.orders(false);
    expect(open).toMatchObject([{ id: 'order-a', kind: 'maintenance', state: 'open' }]);
    const lines = await ledger.history({ host: H1, limit: 9 });
    expect(lines.map(({ text }) => text)).toEqual([
      'node-a.example: maintenance ordered by operator olga: smoke',
      'node-a.example: evacuate ordered by operator olga: smoke',
    ]);
  });

  it('remembers who was still on the way home when the host was ordered empty again', async () => {
    await orders.give(wanted('maintenance'), world);
    await orders.returnHost(NODE_A, 'anna');
    const away = aSnapshot({ ...world, vms: [aVm({ id: 'v1', host: 'h2' })] });
    expect((await orders.give(wanted('maintenance'), away)).order.home).toEqual(['v1']);
  });

  it('makes an order of an alert the own one of a person who repeats it', async () => {
    const by = { kind: 'alert', name: 'Overheated' } as const;
    await orders.give({ ...wanted('evacuate'), by }, world);
    const { order, what } = await orders.give(wanted('evacuate'), world);
    expect([order.by.name, order.reason, what]).toEqual(['olga', 'smoke', 'changed']);
    expect(await ledger.orders(false)).toHaveLength(1);
  });

  it('takes a new order in place of a return that is still going on', async () => {
    await orders.give(wanted('maintenance'), world);
    await orders.returnHost(NODE_A, 'anna');
    await orders.give(wanted('evacuate'), world);
    expect((await ledger.orders(false)).map(({ state }) => state)).toEqual(['open']);
  });
});

function alert(overrides: Partial<AlertInput> = {}): AlertInput {
  return {
    fingerprint: 'f1',
    name: 'HostMemoryErrors',
    status: 'firing',
    labels: { instance: 'h1:9100', severity: 'critical' },
    annotations: { summary: 'uncorrected memory errors' },
    startsAt: '2026-11-21T20:00:00Z',
    // As Alertmanager sends it while an alert fires.
    endsAt: '0001-01-01T00:00:00Z',
    ...overrides,
  };
}

const HOUR = 3600;

function alertDesk(): AlertDesk {
  const expireAfterSeconds = seconds(9 * HOUR);
  const firing = new FiringAlerts({ ledger, clock, events, expireAfterSeconds });
  return new AlertDesk({ orders, firing, events });
}

async function namesOf(desk: AlertDesk): Promise<readonly string[]> {
  const alerts = (await desk.byHost()).get(H1) ?? [];
  return alerts.map(({ name }) => name);
}

describe('the history of orders', () => {
  it('says who ordered what, and who returned the host', async () => {
    const by = { kind: 'alert', name: 'Overheated' } as const;
    await orders.give({ ...wanted('evacuate'), by, reason: '90 degrees' }, world);
    await orders.give({ ...wanted('evacuate'), by, reason: '90 degrees' }, world);
    await orders.give(wanted('maintenance'), world);
    await orders.returnHost(NODE_A, 'anna');
    await orders.closeReturned(await ledger.orders(false));
    const lines = await ledger.history({ host: H1, limit: 9 });
    expect(lines.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      'order: node-a.example: returned to service by anna',
      'order: node-a.example: maintenance ordered by operator olga: smoke',
      'order: node-a.example: evacuate ordered by alert Overheated: 90 degrees',
    ]);
  });
});

describe('the alert desk', () => {
  it('orders the evacuation of the host that a firing alert names, once', async () => {
    const desk = alertDesk();
    const first = await desk.take([alert()], world);
    const again = await desk.take([alert()], world);
    expect([first[0]?.outcome, again[0]?.outcome]).toEqual(['ordered', 'repeated']);
    expect(await ledger.orders(false)).toMatchObject([
      { host: 'h1', kind: 'evacuate', reason: 'uncorrected memory errors' },
    ]);
    expect(await namesOf(desk)).toEqual(['HostMemoryErrors']);
  });

  it.each([
    ['a warning', { severity: 'warning' }, 'noted', []],
    ['a note', { severity: 'critical', drover: 'note' }, 'noted', []],
    ['maintenance', { drover: 'maintenance', severity: 'warning' }, 'ordered', ['maintenance']],
    ['capitals', { drover: 'Note', severity: 'critical' }, 'noted', []],
  ] as const)('takes %s as what its labels say', async (_what, labels, outcome, kinds) => {
    const desk = alertDesk();
    const [taken] = await desk.take([alert({ labels: { host: 'h1', ...labels } })], world);
    expect(taken?.outcome).toBe(outcome);
    expect((await ledger.orders(false)).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('takes its words without escapes, and no more of them than of a person', async () => {
    const summary = `\u001b[2Jall quiet\n${'a'.repeat(60_000)}`;
    await alertDesk().take([alert({ annotations: { summary } })], world);
    const [order] = await ledger.orders(false);
    expect(order?.reason).toHaveLength(1024);
    expect(order?.reason).toMatch(/^\\u001b\[2Jall quiet\\u000aaaa/);
  });

  it('moves nothing for a wish that it does not know, and says so', async () => {
    const labels = { host: 'h1', severity: 'critical', drover: 'notte' };
    const [taken] = await alertDesk().take([alert({ labels })], world);
    const detail = expect.stringMatching(/label drover is none of evacuate, maintenance, note/);
    expect(taken).toMatchObject({ outcome: 'noted', host: 'node-a.example', detail });
    expect(await ledger.orders(false)).toEqual([]);
    expect(events.of('warning')).toMatchObject([{ key: 'alert f1', text: detail }]);
  });

  it('moves nothing where the label that is meant for it names no host, and says so', async () => {
    const labels = { drover_host: 'h99', instance: 'h1:9100', severity: 'critical' };
    const [taken] = await alertDesk().take([alert({ labels })], world);
    const detail = 'its label drover_host ("h99") names no host that is known';
    expect(taken).toEqual({ fingerprint: 'f1', outcome: 'ignored', host: null, detail });
    const text = `alert HostMemoryErrors: nothing is ordered: ${detail}`;
    expect(events.of('warning')).toEqual([{ key: 'alert f1', text }]);
    const mild = { ...labels, severity: 'info' };
    await alertDesk().take([alert({ labels: mild })], world);
    expect(events.of('warning')).toHaveLength(1);
  });

  it('does not undo a return by a person until the alert fires anew', async () => {
    const desk = alertDesk();
    const later = alert({ fingerprint: 'f2', startsAt: '2026-11-21T20:05:00Z' });
    await desk.take([alert(), later], world);
    await orders.returnHost(NODE_A, 'anna');
    const detail = expect.stringMatching(/^order order-1 was ended by anna: nothing more until/);
    const repeated = { outcome: 'repeated', host: 'node-a.example', detail };
    expect(await desk.take([alert(), later], world)).toMatchObject([repeated, repeated]);
    expect((await ledger.orders(false)).map(({ state }) => state)).toEqual(['returning']);
    await orders.closeReturned(await ledger.orders(false));
    // As after a restart of Drover.
    expect(await alertDesk().take([alert(), later], world)).toMatchObject([repeated, repeated]);
    expect(await ledger.orders(false)).toEqual([]);
    const anew = alert({ startsAt: '2026-11-21T23:00:00Z' });
    expect(await desk.take([anew], world)).toMatchObject([{ outcome: 'ordered' }]);
  });

  it.each([
    ['another alert that the person cannot have seen', { fingerprint: 'f3' }],
    ['an alert that does not say since when it fires', { startsAt: '' }],
  ])('empties a host that was returned for %s', async (_what, overrides) => {
    const desk = alertDesk();
    await desk.take([alert({ ...overrides, fingerprint: 'f1' })], world);
    await orders.returnHost(NODE_A, 'anna');
    expect(await desk.take([alert(overrides)], world)).toMatchObject([{ outcome: 'ordered' }]);
  });

  it('empties a host again that was given back without a person', async () => {
    const desk = alertDesk();
    await desk.take([alert()], world);
    await orders.giveBack({ order: orderId('order-1'), name: NODE_A.name }, 'its deadline');
    expect(await desk.take([alert()], world)).toMatchObject([{ outcome: 'ordered' }]);
  });

  it('ends the fact when the alert resolves, and leaves the order to people', async () => {
    const desk = alertDesk();
    await desk.take([alert()], world);
    const [resolved] = await desk.take([alert({ status: 'resolved' })], world);
    expect([resolved?.outcome, (await desk.byHost()).size]).toEqual(['resolved', 0]);
    expect(await ledger.orders(false)).toHaveLength(1);
  });

  it('ends a fact that nobody repeats any more, and says so', async () => {
    const desk = alertDesk();
    await desk.take([alert()], world);
    await clock.pass(8 * HOUR);
    await desk.take([alert()], world);
    await clock.pass(8 * HOUR);
    expect((await desk.byHost()).size).toBe(1);
    await clock.pass(HOUR);
    expect((await desk.byHost()).size).toBe(0);
    await desk.byHost();
    expect(events.of('warning').map(({ text }) => text)).toEqual([
      expect.stringMatching(/HostMemoryErrors of h1 was neither resolved nor repeated/),
    ]);
  });

  it('does not end facts because somebody sets the clock', async () => {
    const desk = alertDesk();
    await desk.take([alert()], world);
    clock.jump(1_000 * HOUR);
    expect((await desk.byHost()).size).toBe(1);
  });

  it.each([
    ['at the end that it names', 60, 61],
    ['as if it had named none, when its end is past although it fires', -60, 9 * HOUR],
  ])('ends a fact %s', async (_what, ahead, lasts) => {
    const desk = alertDesk();
    const endsAt = new Date((clock.now() + ahead) * 1000).toISOString();
    await desk.take([alert({ endsAt })], world);
    await clock.pass(lasts - 2);
    expect((await desk.byHost()).size).toBe(1);
    await clock.pass(2);
    expect((await desk.byHost()).size).toBe(0);
  });

  it('says that there are too many alerts, and carries their orders out all the same', async () => {
    const desk = alertDesk();
    const labels = { host: 'h2', severity: 'warning' };
    const flood = Array.from({ length: MOST_ALERTS + 2 }, (_one, i) =>
      alert({ fingerprint: `n${i}`, labels }),
    );
    const outcomes = (await desk.take(flood, world)).map(({ outcome }) => outcome);
    expect(outcomes.slice(-3)).toEqual(['noted', 'dropped', 'dropped']);
    expect(events.of('warning').map(({ key }) => key)).toEqual(['too many alerts']);
    const [late] = await desk.take([alert()], world);
    expect(late).toMatchObject({ outcome: 'ordered', detail: expect.stringMatching(/no fact/) });
    await desk.take([alert({ fingerprint: 'n0', status: 'resolved' })], world);
    const [next] = await desk.take([alert({ fingerprint: 'new', labels })], world);
    expect(next?.outcome).toBe('noted');
  });

  it('ignores an alert about a machine that is no host, and says why', async () => {
    const desk = alertDesk();
    const [taken] = await desk.take([alert({ labels: { instance: 'db7:9100' } })], world);
    expect(taken).toMatchObject({ outcome: 'ignored', host: null });
    expect(await ledger.orders(false)).toEqual([]);
  });
});

describe('finding the host of an alert', () => {
  it.each([
    [{ instance: 'h1' }, 'h1'],
    [{ instance: 'node-a.example:9100' }, 'h1'],
    [{ host: 'node-b', instance: 'h1' }, 'h2'],
    [{ pod: 'h1' }, undefined],
    [{ instance: 'h' }, undefined],
    [{ node: '', instance: 'h1' }, 'h1'],
    [{ node: 'k8s-worker-3', instance: 'h1' }, undefined],
  ])('%j is %s', (labels, host) => {
    const found = findHost(labels, world.hosts);
    expect(found.ok ? found.value.id : undefined).toBe(host);
  });

  it('is nobody when two hosts have the name, also where a later label names one', () => {
    const twins = [aHost({ id: 'a', name: 'twin' }), aHost({ id: 'b', name: 'twin' })];
    const error = 'its label host ("twin") names several hosts';
    expect(findHost({ host: 'twin', instance: 'a' }, twins)).toEqual({ ok: false, error });
  });
});

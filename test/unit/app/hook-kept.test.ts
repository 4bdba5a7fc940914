// Role: a hook that is kept from beginning: for how long, and what is left of it afterwards.
import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { HookRuns } from '../../../src/app/hook-runs.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import { hostId } from '../../../src/domain/ids.ts';
import type { HookProgress, Order } from '../../../src/domain/order.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { seconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Hook, HookAnswer } from '../../../src/ports/hooks.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { orderFindings } from '../../../src/rules/order-findings.ts';
import { aHost, aPolicy, aSnapshot, TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const PATIENCE = 600;
const KEPT = 'hook patch does not begin on h1: it does not answer';

let clock: ManualClock;
let ledger: Ledger;
let events: RecordingEvents;
let runs: HookRuns;
/** As another process would, which knows only what is on record. */
let startAnew: () => HookRuns;
/** Each attempt that is at work, as it is ended. */
let attempts: ((answer: HookAnswer) => void)[];
/** What the source says, and what the ticks see. */
let now: Snapshot;
let isHeld: boolean;
let timeout: number;

const world = (options: Parameters<typeof aHost>[0] = {}): Snapshot =>
  aSnapshot({
    hosts: [aHost({ id: 'h1', state: 'maintenance', ...options }), aHost({ id: 'h2' })],
  });
const hung = (): Snapshot => world({ connection: 'disconnected' });

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  events = recordingEvents();
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  const orders = new OrderDesk({ ledger, clock, events, newId: () => 'o1' });
  now = world();
  isHeld = true;
  timeout = PATIENCE;
  attempts = [];
  const patch: Hook = {
    name: 'patch',
    attempts: 3,
    wellSeconds: seconds(60),
    patienceSeconds: seconds(PATIENCE),
    timeoutSeconds: seconds(timeout),
    run: () => new Promise((resolve) => attempts.push(resolve)),
  };
  const { source } = aHost({ id: 'h1' });
  const inventory = async () => ({ ...now, storages: [], networks: [], problems: [] });
  startAnew = () =>
    new HookRuns({
      ledger,
      orders,
      hypervisors: new Map([[source, { source, inventory }]]),
      inFlight: () => [],
      holds: () => isHeld,
      policies: { policies: aPolicy() },
      clock,
      events,
      hooks: [{ ...patch, timeoutSeconds: seconds(timeout) }],
    });
  runs = startAnew();
  const by = { kind: 'operator', name: 'ada' } as const;
  const rest = { reason: 'kernel', dedupeKey: '', deadlineSeconds: null, hook: 'patch' } as const;
  await orders.give({ kind: 'maintenance', host: hostId('h1'), by, ...rest }, now);
});

afterEach(() => ledger.close());

/** A tick, which knows of these orders. */
async function look(known?: readonly Order[]): Promise<void> {
  const orders = known ?? (await ledger.orders(false));
  const { findings } = orderFindings(now, orders);
  await runs.update({ snapshot: now, orders, findings });
  await clock.pass(0);
}

/** Minute by minute. */
async function lookFor(duration: number): Promise<void> {
  for (let left = duration; left > 0; left -= 60) {
    await clock.pass(60);
    await look();
  }
}

async function failFirst(): Promise<void> {
  await look();
  attempts[0]?.({ isDone: false, detail: 'no answer within 600 s' });
  await clock.pass(0);
}

const progress = async (): Promise<HookProgress | undefined> =>
  (await ledger.orders(true))[0]?.hook;
const warnings = (): readonly string[] => events.of('warning').map(({ text }) => text);

describe('a hook whose host hangs', () => {
  it('after an attempt that has failed is failed in the end, and a person told', async () => {
    await failFirst();
    now = hung();
    await lookFor(PATIENCE);
    expect(await progress()).toMatchObject({ state: 'waiting', attempts: 1 });
    await lookFor(120);
    const output = 'attempt 2 cannot begin: it does not answer';
    expect(await progress()).toMatchObject({ state: 'failed', attempts: 1, output });
    expect(warnings().slice(1)).toEqual([
      KEPT,
      `hook patch has failed on h1 (attempt 1), it stays in maintenance: ${output}`,
    ]);
    expect(attempts).toHaveLength(1);
  });

  it('and answers again in time is tried again', async () => {
    await failFirst();
    now = hung();
    await lookFor(PATIENCE);
    now = world();
    await lookFor(60);
    expect(await progress()).toMatchObject({ state: 'running', attempts: 2 });
  });

  it('before its first attempt waits: nothing was done to it', async () => {
    now = hung();
    await lookFor(3 * PATIENCE);
    expect(await progress()).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(warnings()).toEqual([KEPT]);
  });
});

describe('a hook that was cut off, and its host is not empty any more', () => {
  beforeEach(async () => {
    await look();
    runs = startAnew();
    now = world({ state: 'evacuating' });
  });

  // Else nobody could ever return the host: its hook would be at work on record for good.
  it('counts as at work no longer than the host may take to become well', async () => {
    await lookFor(PATIENCE - 60);
    expect(await progress()).toMatchObject({ state: 'running', attempts: 1 });
    await lookFor(120);
    expect(await progress()).toMatchObject({ state: 'waiting', attempts: 1 });
  });

  it('counts as at work for as long as an attempt may take, where that is longer', async () => {
    timeout = 3 * PATIENCE;
    runs = startAnew();
    await lookFor(3 * PATIENCE - 60);
    expect(await progress()).toMatchObject({ state: 'running' });
    await lookFor(120);
    expect(await progress()).toMatchObject({ state: 'waiting' });
  });

  it('is not failed at the first question without an answer after that', async () => {
    await lookFor(PATIENCE + 60);
    now = hung();
    await lookFor(PATIENCE - 120);
    expect(await progress()).toMatchObject({ state: 'waiting', attempts: 1 });
    await lookFor(240);
    expect(await progress()).toMatchObject({ state: 'failed', attempts: 1 });
  });

  it('is tried again when the host is empty', async () => {
    await lookFor(2 * PATIENCE);
    now = world();
    await lookFor(60);
    expect(await progress()).toMatchObject({ state: 'running', attempts: 2 });
    expect(attempts).toHaveLength(2);
  });
});

describe('of a hook that was kept', () => {
  it('nothing is left on the signal that ends all hooks', async () => {
    const listen = vi.spyOn(EventTarget.prototype, 'addEventListener');
    now = hung();
    await lookFor(3 * PATIENCE);
    const targets = listen.mock.contexts.filter((one) => one instanceof AbortSignal);
    listen.mockRestore();
    expect(targets).not.toEqual([]);
    for (const signal of targets) expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('nothing is known any more when its order is not', async () => {
    now = hung();
    await lookFor(120);
    expect(warnings()).toEqual([KEPT]);
    await look([]);
    await look();
    expect(warnings()).toEqual([KEPT, KEPT]);
  });
});

describe('a hook whose cluster another controller got while its start was written down', () => {
  it('does not begin: whoever has the cluster takes it up', async () => {
    const change = ledger.changeOrder.bind(ledger);
    vi.spyOn(ledger, 'changeOrder').mockImplementationOnce(async (...how) => {
      const order = await change(...how);
      isHeld = false;
      return order;
    });
    await look();
    expect(attempts).toEqual([]);
    expect(await progress()).toMatchObject({ state: 'waiting', attempts: 0 });
    isHeld = true;
    await look();
    expect(attempts).toHaveLength(1);
    expect(await progress()).toMatchObject({ state: 'running', attempts: 1 });
  });
});

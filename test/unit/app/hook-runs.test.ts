// Role: when a hook begins, and what becomes of what it has answered.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { AlertDesk } from '../../../src/app/alert-desk.ts';
import { FiringAlerts } from '../../../src/app/firing-alerts.ts';
import { HookRuns } from '../../../src/app/hook-runs.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import type { NewOrder } from '../../../src/app/wanted-order.ts';
import { clusterId, hostId } from '../../../src/domain/ids.ts';
import type { Order } from '../../../src/domain/order.ts';
import type { InFlightMove, Snapshot } from '../../../src/domain/snapshot.ts';
import { seconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { AlertInput } from '../../../src/ports/api.ts';
import type { Hook, HookAnswer } from '../../../src/ports/hooks.ts';
import type { Inventory } from '../../../src/ports/hypervisor.ts';
import { type Ledger, LedgerError } from '../../../src/ports/ledger.ts';
import { orderFindings } from '../../../src/rules/order-findings.ts';
import { aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const policies = { policies: aPolicy() };

let clock: ManualClock;
let ledger: Ledger;
let events: RecordingEvents;
let orders: OrderDesk;
/** What the source says when it is asked anew, how often it was, and what moves. */
let now: Snapshot;
let asked: number;
let inFlight: readonly InFlightMove[];

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  events = recordingEvents();
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  orders = deskOn(ledger);
  now = world();
  asked = 0;
  inFlight = [];
});

afterEach(() => ledger.close());

function deskOn(store: Ledger): OrderDesk {
  let id = 0;
  return new OrderDesk({ ledger: store, clock, events, newId: () => `o${++id}` });
}

/** h1 in maintenance, h2 too; with these VMs on h1. */
function world(here: readonly string[] = []): Snapshot {
  const state = 'maintenance';
  return aSnapshot({
    hosts: [aHost({ id: 'h1', state }), aHost({ id: 'h2', state }), aHost({ id: 'h3' })],
    vms: here.map((id) => aVm({ id, host: 'h1' })),
  });
}

function wish(options: Partial<NewOrder> = {}): NewOrder {
  const by = { kind: 'operator', name: 'ada' } as const;
  const rest = { reason: 'kernel', dedupeKey: '', deadlineSeconds: null, hook: 'patch' } as const;
  return { kind: 'maintenance', host: H1, by, ...rest, ...options };
}

/** A hook that ends when it is told to. */
class Patch implements Hook {
  readonly name = 'patch';
  readonly attempts: number;
  readonly wellSeconds = seconds(60);
  readonly timeoutSeconds = seconds(600);
  readonly patienceSeconds = seconds(600);
  readonly runs: ((answer: HookAnswer) => void)[] = [];

  constructor(attempts = 1) {
    this.attempts = attempts;
  }

  run(): Promise<HookAnswer> {
    return new Promise((resolve) => this.runs.push(resolve));
  }
}

function inventory(): Promise<Inventory> {
  asked += 1;
  return Promise.resolve({ ...now, storages: [], networks: [], problems: [] });
}

interface Options {
  readonly store?: Ledger;
  readonly ask?: () => Promise<Inventory>;
  readonly holds?: () => boolean;
}

function hookRuns(
  hook: Hook,
  { store = ledger, ask = inventory, holds = () => true }: Options = {},
): HookRuns {
  const { source } = aHost({ id: 'h1' });
  return new HookRuns({
    ledger: store,
    orders: store === ledger ? orders : deskOn(store),
    hypervisors: new Map([[source, { source, inventory: ask }]]),
    inFlight: () => inFlight,
    holds,
    policies,
    clock,
    events,
    hooks: [hook],
  });
}

/** A tick, by what was seen before. */
async function look(runs: HookRuns, seen = world()): Promise<void> {
  const all = await ledger.orders(false);
  const { findings } = orderFindings(seen, all);
  await runs.update({ snapshot: seen, orders: all, findings });
  await clock.pass(0);
}

async function theOrder(): Promise<Order> {
  const order = (await ledger.orders(true)).find(({ host }) => host === H1);
  if (order === undefined) throw new Error('no order');
  return order;
}

const warnings = (): readonly string[] => events.of('warning').map(({ text }) => text);

describe('before it begins, a hook', () => {
  it('asks anew whether the host is empty, and does not begin on one with a guest', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    const runs = hookRuns(patch);
    now = world(['stray']);
    await look(runs);
    await look(runs);
    expect(patch.runs).toEqual([]);
    expect(warnings()).toEqual(['hook patch does not begin on h1: stray on it']);
    expect((await theOrder()).hook).toMatchObject({ state: 'waiting', attempts: 0 });
    now = world();
    await look(runs);
    expect(patch.runs).toHaveLength(1);
  });

  it('does not take a guest that is powered off, or on another host, for one', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    const off = aVm({ id: 'off', host: 'h1', powerState: 'off' });
    now = { ...world(), vms: [off, aVm({ id: 'else', host: 'h3' })] };
    await look(hookRuns(patch));
    expect(patch.runs).toHaveLength(1);
  });

  it.each([
    ['has a guest that cannot be read', { unlistedGuests: ['4f-uuid'] }, '4f-uuid on it'],
    ['does not answer', { connection: 'disconnected' }, 'it does not answer'],
    ['is not reported any more', { id: hostId('h9') }, 'its source does not report it any more'],
  ] as const)('does not begin on a host that %s', async (_how, change, text) => {
    await orders.give(wish(), world());
    const patch = new Patch();
    now = { ...now, hosts: now.hosts.map((host) => ({ ...host, ...change })) };
    await look(hookRuns(patch));
    expect(patch.runs).toEqual([]);
    expect(warnings()).toEqual([`hook patch does not begin on h1: ${text}`]);
  });

  it('does not begin where a move was under way when the source was asked', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    inFlight = [{ from: H1, to: hostId('h3') } as unknown as InFlightMove]; // no more is asked
    const ask = async (): Promise<Inventory> => {
      const told = await inventory();
      inFlight = [];
      return told;
    };
    const runs = hookRuns(patch, { ask });
    await look(runs);
    expect(patch.runs).toEqual([]);
    await look(runs);
    expect(patch.runs).toHaveLength(1);
  });

  it('does not begin where its source gives no answer, and holds no tick up', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    const runs = hookRuns(patch, { ask: () => new Promise(() => undefined) });
    await look(runs);
    expect(warnings()).toEqual([]);
    await clock.pass(30);
    const why = 'its source cannot be asked whether it is empty: no answer within 30 s';
    expect(warnings()).toEqual([expect.stringContaining(why)]);
    expect(patch.runs).toEqual([]);
    await look(runs);
    await runs.stop();
  });

  it('shares one question with the hooks of other hosts of the same source', async () => {
    await orders.give(wish(), world());
    await orders.give(wish({ host: hostId('h2') }), world());
    const patch = new Patch();
    await look(hookRuns(patch));
    expect(patch.runs).toHaveLength(2);
    expect(asked).toBe(1);
  });

  it('does not begin where somebody pauses everything while the source is asked', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    const ask = async (): Promise<Inventory> => {
      await ledger.setPaused(true, 'bob', clock.now());
      return inventory();
    };
    await look(hookRuns(patch, { ask }));
    expect(patch.runs).toEqual([]);
    expect((await theOrder()).hook).toMatchObject({ state: 'waiting', attempts: 0 });
  });
});

describe('while the source is only asked, a hook', () => {
  it('keeps its cluster from nobody, and does not begin where another got it', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    const cluster = world().hosts[0]?.cluster ?? clusterId('');
    let answer: ((told: Inventory) => void) | undefined;
    let isHeld = true;
    const runs = hookRuns(patch, {
      ask: () => new Promise((resolve) => (answer = resolve)),
      holds: () => isHeld,
    });
    await look(runs);
    expect(runs.isIdle(cluster)).toBe(true);
    isHeld = false;
    answer?.(await inventory());
    await clock.pass(0);
    expect(patch.runs).toEqual([]);
    isHeld = true;
    await look(runs);
    answer?.(await inventory());
    await clock.pass(0);
    expect(patch.runs).toHaveLength(1);
    expect(runs.isIdle(cluster)).toBe(false);
  });
});

describe('a hook that a crash of Drover cut off', () => {
  it.each([
    ['does not answer again', world()],
    ['has left the fleet', { ...world(), hosts: [aHost({ id: 'h3' })] }],
  ])('is not taken for one at work for ever where its host %s', async (_how, seen) => {
    await orders.give(wish(), world());
    await look(hookRuns(new Patch(2)));
    const runs = hookRuns(new Patch(2));
    now = { ...now, hosts: [] };
    await look(runs, seen);
    expect((await theOrder()).hook).toMatchObject({ state: 'running', attempts: 1 });
    await clock.pass(600);
    await look(runs, seen);
    expect((await theOrder()).hook).toMatchObject({ state: 'waiting', attempts: 1 });
    // So a person can return the host, or end the order.
    expect(await orders.returnHost({ id: H1, name: 'h1' }, 'bob')).toBeDefined();
  });
});

/** The n-th call of the method fails, and writes nothing. */
function failing(method: keyof Ledger, n: number): Ledger {
  let calls = 0;
  return new Proxy(ledger, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key === method && ++calls === n) {
          return Promise.reject(new LedgerError('unreachable', 'the disk is full'));
        }
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

describe('where the ledger fails once, a hook', () => {
  it('whose answer could not be written is not run again, nor called failed', async () => {
    await orders.give(wish(), world());
    const patch = new Patch(2);
    // The first notes its start, the second its end.
    const runs = hookRuns(patch, { store: failing('changeOrder', 2) });
    await look(runs);
    patch.runs[0]?.({ isDone: true, detail: 'patched' });
    await clock.pass(0);
    const cluster = world().hosts[0]?.cluster ?? clusterId('');
    expect(runs.isIdle(cluster)).toBe(false);
    await look(runs);
    await look(runs);
    expect(patch.runs).toHaveLength(1);
    expect((await theOrder()).hook).toMatchObject({ state: 'done', output: 'patched' });
    expect(runs.isIdle(cluster)).toBe(true);
    expect(events.of('hook').map(({ text }) => text)).toEqual([
      'h1 is empty: hook patch runs (attempt 1)',
      'hook patch is done on h1',
    ]);
  });

  it('has its answer written at the latest when Drover stops', async () => {
    await orders.give(wish(), world());
    const patch = new Patch();
    const runs = hookRuns(patch, { store: failing('changeOrder', 2) });
    await look(runs);
    patch.runs[0]?.({ isDone: true, detail: '' });
    await clock.pass(0);
    await runs.stop();
    expect((await theOrder()).hook?.state).toBe('done');
  });

  it.each(['changeOrder', 'addHistory'] as const)(
    'that could not be begun for it (%s) has used up no attempt',
    async (method) => {
      await orders.give(wish(), world());
      const patch = new Patch();
      const runs = hookRuns(patch, { store: failing(method, 1) });
      await look(runs);
      await look(runs);
      expect(patch.runs).toHaveLength(1);
      expect((await theOrder()).hook).toMatchObject({ state: 'running', attempts: 1 });
    },
  );
});

describe('a cluster that is renamed while a hook is at work there', () => {
  it('is not idle by either of its names', async () => {
    const named = (cluster: string): Snapshot => ({
      ...world(),
      hosts: [aHost({ id: 'h1', state: 'maintenance', cluster: clusterId(cluster) })],
    });
    await orders.give(wish(), named('old'));
    const patch = new Patch();
    const runs = hookRuns(patch);
    await look(runs, named('old'));
    await look(runs, named('new'));
    expect(['old', 'new'].map((name) => runs.isIdle(clusterId(name)))).toEqual([false, false]);
    expect(runs.isIdle(clusterId('other'))).toBe(true);
    patch.runs[0]?.({ isDone: true, detail: '' });
    await clock.pass(0);
    expect(['old', 'new'].map((name) => runs.isIdle(clusterId(name)))).toEqual([true, true]);
  });
});

const DISK: AlertInput = {
  fingerprint: 'f1',
  name: 'DiskFailing',
  status: 'firing',
  startsAt: new Date((TEST_NOW + 100) * 1000).toISOString(),
  endsAt: '0001-01-01T00:00:00Z',
  labels: { host: 'h1', severity: 'critical' },
  annotations: {},
};

describe('a hook that is done', () => {
  /** DiskFailing fires while it is at work. */
  async function doneUnder(status: AlertInput['status']): Promise<void> {
    await orders.give(wish(), world());
    const patch = new Patch();
    const runs = hookRuns(patch);
    await look(runs);
    await clock.pass(120);
    const firing = new FiringAlerts({ ledger, clock, events, expireAfterSeconds: seconds(18_000) });
    const desk = new AlertDesk({ orders, firing, events });
    expect(await desk.take([DISK], world())).toMatchObject([{ outcome: 'repeated' }]);
    patch.runs[0]?.({ isDone: true, detail: '' });
    await clock.pass(0);
    await desk.take([{ ...DISK, status }], world());
    for (let minute = 0; minute < 12; minute += 1) {
      await look(runs);
      await clock.pass(60);
    }
  }

  it('returns no host whose evacuating alert fires: that is for a person', async () => {
    await doneUnder('firing');
    const output = 'done, and the host is not well since: the alert DiskFailing fires';
    expect(await theOrder()).toMatchObject({ state: 'open', hook: { state: 'failed', output } });
    expect(await orders.returnHost({ id: H1, name: 'h1' }, 'bob')).toBeDefined();
  });

  it('returns the host where the alert has resolved, as after a reboot', async () => {
    await doneUnder('resolved');
    expect(await theOrder()).toMatchObject({ state: 'returning' });
  });
});

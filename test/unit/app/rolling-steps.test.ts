// Role: what a rolling maintenance that is under way begins next, and what makes it stop or wait.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { OrderDesk } from '../../../src/app/order-desk.ts';
import { Rolling } from '../../../src/app/rolling.ts';
import { RollingDesk } from '../../../src/app/rolling-desk.ts';
import type { TickState } from '../../../src/app/tick.ts';
import type { NewOrder } from '../../../src/app/wanted-order.ts';
import { hostId } from '../../../src/domain/ids.ts';
import type { Host } from '../../../src/domain/host.ts';
import type { Order } from '../../../src/domain/order.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { EstimateView, RollingView } from '../../../src/ports/api.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { orderFindings } from '../../../src/rules/order-findings.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const NODE_1 = { id: hostId('h1'), name: 'h1' };
const ADA = { kind: 'operator', name: 'ada' } as const;
const ALERT = { by: { kind: 'alert', name: 'DiskFailing' }, dedupeKey: 'f1 since 1' } as const;
/** The parts that are looked at. */
const FITS = { stays: [], breaks: [], held: [], hosts: [] } as unknown as EstimateView;

let clock: ManualClock;
let ledger: Ledger;
let events: RecordingEvents;
let orders: OrderDesk;

beforeEach(async () => {
  clock = manualClock(5000);
  events = recordingEvents();
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  let id = 0;
  orders = new OrderDesk({ ledger, clock, events, newId: () => `o${++id}` });
});
afterEach(() => ledger.close());

const wish = (options: Partial<NewOrder> = {}): NewOrder => ({
  kind: 'maintenance',
  host: NODE_1.id,
  by: ADA,
  reason: 'kernel',
  dedupeKey: '',
  deadlineSeconds: null,
  ...options,
});

/** A guest of h1 is away: of what comes home, somebody is still to come. */
function fleet(...ids: string[]): Snapshot {
  const all = ids.length === 0 ? ['h1', 'h2', 'h3'] : ids;
  return aSnapshot({ hosts: all.map((id) => aHost({ id })), vms: [aVm({ id: 'v1', host: 'h1' })] });
}

async function enrol(...hosts: string[]): Promise<void> {
  const wanted = hosts.map((host) => wish({ host: hostId(host) }));
  await orders.rolling.enrol(wanted, { id: 'r', batch: 1 }, fleet());
}

const rolling = (
  estimate: () => Promise<EstimateView> = async () => FITS,
  holds: (host: Host) => boolean = () => true,
): Rolling => new Rolling({ ledger, orders, events, estimator: { estimate }, holds });

async function tick(roll: Rolling, snapshot = fleet()): Promise<void> {
  const { findings } = orderFindings(snapshot, await ledger.orders(false));
  await roll.update({ snapshot, findings } as unknown as TickState);
}

async function hostsThatAre(state: Order['state']): Promise<readonly string[]> {
  return (await ledger.orders(false)).filter((one) => one.state === state).map(({ host }) => host);
}

async function view(snapshot = fleet()): Promise<RollingView | undefined> {
  const estimator = { estimate: async () => FITS };
  const desk = new RollingDesk({ ledger, orders, estimator, newId: () => 'r' });
  return (await desk.list(snapshot))[0];
}

/** h1 has had its turn, and its guests are on their way home. */
async function returning(roll: Rolling): Promise<void> {
  await enrol('h1', 'h2');
  await tick(roll);
  await orders.returnHost(NODE_1, 'ada');
}

/** All are home. */
async function home(): Promise<void> {
  for (const order of await ledger.orders(false)) {
    if (order.state === 'returning') await orders.update(order, { ...order, home: [] });
  }
  await orders.closeReturned(await ledger.orders(false));
}

describe('while the next group is figured out', () => {
  it('a rolling maintenance that is paused meanwhile begins nothing', async () => {
    await enrol('h1', 'h2');
    const heldBy = 'paused by bob';
    await tick(
      rolling(async () => {
        expect(await orders.rolling.steer('r', { heldBy })).toBe(2);
        return FITS;
      }),
    );
    expect(await hostsThatAre('waiting')).toEqual(['h1', 'h2']);
  });

  it('one whose cluster is given to another controller begins nothing', async () => {
    await enrol('h1', 'h2');
    let isHeld = true;
    const handedOver = async (): Promise<EstimateView> => {
      isHeld = false;
      return FITS;
    };
    await tick(rolling(handedOver, () => isHeld));
    expect(await hostsThatAre('waiting')).toEqual(['h1', 'h2']);
  });

  it('one of which another controller has begun a host waits for that', async () => {
    await enrol('h1', 'h2');
    const begunElsewhere = async (): Promise<EstimateView> => {
      const second = (await ledger.orders(false)).find(({ host }) => host === 'h2');
      if (second === undefined) throw new Error('no order');
      await ledger.changeOrder(second.id, (now) => ({ order: { ...now, state: 'open' } }));
      return FITS;
    };
    await tick(rolling(begunElsewhere));
    expect(await hostsThatAre('open')).toEqual(['h2']);
  });

  it('begins all of a group together', async () => {
    const wanted = ['h1', 'h2', 'h3'].map((host) => wish({ host: hostId(host) }));
    await orders.rolling.enrol(wanted, { id: 'r', batch: 2 }, fleet());
    await tick(rolling());
    expect(await hostsThatAre('open')).toEqual(['h1', 'h2']);
  });
});

describe('a host that is not in the fleet any more', () => {
  const LEFT = fleet('h2', 'h3');
  const waits =
    'rolling maintenance r waits: h1 is not in the fleet any more; ' +
    'drover maintenance exit h1 ends its order';
  const warnings = (): readonly string[] => events.of('warning').map(({ text }) => text);
  const ended = async (): Promise<void> => {
    const gone = (await ledger.orders(false)).find(({ host }) => host === 'h1');
    if (gone !== undefined) await orders.endGone(gone, 'ada');
  };

  it('lets the others wait where it was in maintenance, until its order is ended', async () => {
    await enrol('h1', 'h2');
    const roll = rolling();
    await tick(roll);
    await tick(roll, LEFT);
    expect(warnings()).toEqual([waits]);
    const active = [{ host: 'h1', state: 'open, not in the fleet any more' }];
    expect(await view(LEFT)).toMatchObject({ active, waiting: ['h2'], heldBy: null });
    await ended();
    await tick(roll, LEFT);
    expect(await hostsThatAre('open')).toEqual(['h2']);
    expect(warnings()).toEqual([waits]);
  });

  it.each([
    ['alone', () => true],
    ['beside another controller', ({ id }: { readonly id: string }) => id === 'h2'],
  ])('is not begun, and the others wait for it: %s', async (_what, holds) => {
    await enrol('h1', 'h2');
    const roll = rolling(undefined, holds);
    await tick(roll, LEFT);
    expect(await hostsThatAre('waiting')).toEqual(['h1', 'h2']);
    expect(warnings()).toEqual([waits]);
    await ended();
    await tick(roll, LEFT);
    expect(await hostsThatAre('open')).toEqual(['h2']);
  });

  it('is not begun together with those before it', async () => {
    const wanted = ['h2', 'h1', 'h3'].map((host) => wish({ host: hostId(host) }));
    await orders.rolling.enrol(wanted, { id: 'r', batch: 3 }, fleet());
    await tick(rolling(), LEFT);
    expect(await hostsThatAre('open')).toEqual(['h2']);
  });
});

describe('an order about a host that has had its turn', () => {
  it('stops the others where it is an alert that has the host evacuated', async () => {
    const roll = rolling();
    await returning(roll);
    await orders.give(wish({ kind: 'evacuate', ...ALERT, reason: 'SMART' }), fleet());
    await tick(roll);
    expect(await hostsThatAre('open')).toEqual(['h1']);
    const heldBy = 'h1: evacuate ordered by alert DiskFailing: SMART';
    const active = [{ host: 'h1', state: 'evacuate ordered by alert DiskFailing: SMART' }];
    expect(await view()).toMatchObject({ heldBy, done: [], active, waiting: ['h2'] });
  });

  it('stops them also where all were home already, until a person has returned it', async () => {
    const roll = rolling();
    await returning(roll);
    await home();
    await orders.give(wish({ kind: 'evacuate', ...ALERT }), fleet());
    await tick(roll);
    expect(await hostsThatAre('waiting')).toEqual(['h2']);
    await orders.rolling.steer('r', { heldBy: undefined });
    await orders.returnHost(NODE_1, 'ada');
    await home();
    await tick(roll);
    expect(await hostsThatAre('open')).toEqual(['h2']);
  });

  it('lets them wait where a person has cut its return off, until that is over', async () => {
    const roll = rolling();
    await returning(roll);
    await orders.give(wish({ by: { kind: 'operator', name: 'bob' }, reason: 'DIMM' }), fleet());
    await tick(roll);
    expect(await hostsThatAre('waiting')).toEqual(['h2']);
    expect(await view()).toMatchObject({ heldBy: null, done: [], active: [{ host: 'h1' }] });
    await orders.returnHost(NODE_1, 'bob');
    await tick(roll);
    expect(await hostsThatAre('waiting')).toEqual(['h2']);
    await home();
    await tick(roll);
    expect(await hostsThatAre('open')).toEqual(['h2']);
    expect(await view()).toBeDefined();
  });

  it('keeps nobody waiting where a person gave it after all were home', async () => {
    const roll = rolling();
    await returning(roll);
    await home();
    await orders.give(wish({ by: { kind: 'operator', name: 'bob' } }), fleet());
    await tick(roll);
    expect(await hostsThatAre('open')).toEqual(expect.arrayContaining(['h1', 'h2']));
  });
});

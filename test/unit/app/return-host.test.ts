// Role: a person returns a host to service: by which name, and while the hook of its order begins.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { OrderDesk } from '../../../src/app/order-desk.ts';
import { returnHost } from '../../../src/app/return-host.ts';
import { findNamed } from '../../../src/app/views.ts';
import { hostId, orderId } from '../../../src/domain/ids.ts';
import type { Host } from '../../../src/domain/host.ts';
import type { HookProgress } from '../../../src/domain/order.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const clock = manualClock();
let ledger: Ledger;
let orders: OrderDesk;

beforeEach(async () => {
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  orders = new OrderDesk({ ledger, clock, events: recordingEvents(), newId: () => 'o1' });
  const by = { kind: 'operator', name: 'ada' } as const;
  const wanted = { kind: 'maintenance', host: hostId('h1'), by, reason: 'kernel' } as const;
  const world = aSnapshot({ hosts: [aHost({ id: 'h1' })] });
  await orders.give({ ...wanted, dedupeKey: '', deadlineSeconds: null, hook: 'patch' }, world);
});

afterEach(() => ledger.close());

async function noted(state: HookProgress['state']): Promise<void> {
  await orders.note(orderId('o1'), ({ hook }) => hook && { hook: { ...hook, state } });
}

/** @param meanwhile what goes on while the exit waits for its turn */
function exit(
  meanwhile: () => Promise<void>,
  name = 'h1',
  fleet: readonly Host[] = [aHost({ id: 'h1' })],
): ReturnType<typeof returnHost> {
  const readmit = async () => {
    await meanwhile();
    return { kind: 'well' } as const;
  };
  const parts = {
    ledger,
    orders,
    failures: { readmit },
    findHost: (one: string) => findNamed(fleet, one),
    inForce: () => ({ policies: aPolicy(), paused: false }),
  };
  return returnHost(parts, name, 'bob');
}

describe('an exit of a host from maintenance', () => {
  it('is refused where the hook has begun while it waited for its turn', async () => {
    const answer = await exit(() => noted('running'));
    expect(answer).toMatchObject({ ok: false, error: { status: 409, code: 'hook-runs' } });
    expect(await ledger.orders(true)).toMatchObject([{ state: 'open' }]);
  });

  it('is carried out where the hook has ended, however that was', async () => {
    await noted('failed');
    expect(await exit(async () => undefined)).toMatchObject({ ok: true });
    expect(await ledger.orders(true)).toMatchObject([{ state: 'returning' }]);
  });
});

describe('an exit by the name that a host had when its order was given', () => {
  const nothing = async (): Promise<void> => undefined;
  /** It was given as node-a. */
  async function exitAmong(...fleet: readonly Host[]) {
    await ledger.changeOrder(orderId('o1'), (now) => ({ order: { ...now, hostName: 'node-a' } }));
    const answer = await exit(nothing, 'node-a', fleet);
    return { answer, orders: await ledger.orders(true) };
  }

  it('returns the host where it bears another by now', async () => {
    const after = await exitAmong(aHost({ id: 'h1', name: 'node-b' }), aHost({ id: 'h2' }));
    const text = expect.stringContaining('node-b');
    expect(after.answer).toMatchObject({ ok: true, value: { text } });
    expect(after.orders).toMatchObject([{ state: 'returning', returnedBy: 'bob' }]);
  });

  it('ends the order where it has left the fleet, whoever is named as its id is', async () => {
    const after = await exitAmong(aHost({ id: 'h2', name: 'h1' }));
    expect(after.answer).toMatchObject({ ok: true });
    expect(after.orders).toMatchObject([{ state: 'closed' }]);
  });

  it('is refused where another host bears it too, and the order stays', async () => {
    const two = ['h1', 'h2'].map((id) => aHost({ id, name: 'node-a' }));
    const after = await exitAmong(...two);
    expect(after.answer).toMatchObject({ ok: false, error: { status: 404 } });
    expect(after.orders).toMatchObject([{ state: 'open' }]);
  });
});

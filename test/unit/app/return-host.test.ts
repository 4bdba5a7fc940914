// Role: a person returns a host to service while the hook of its order begins.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { OrderDesk } from '../../../src/app/order-desk.ts';
import { returnHost } from '../../../src/app/return-host.ts';
import { hostId, orderId } from '../../../src/domain/ids.ts';
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
function exit(meanwhile: () => Promise<void>): ReturnType<typeof returnHost> {
  const readmit = async () => {
    await meanwhile();
    return { kind: 'well' } as const;
  };
  const parts = {
    ledger,
    orders,
    failures: { readmit },
    findHost: () => aHost({ id: 'h1' }),
    inForce: () => ({ policies: aPolicy(), paused: false }),
  };
  return returnHost(parts, 'h1', 'bob');
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

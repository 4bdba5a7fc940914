// Role: a host that has left the fleet while there is an order about it: a person ends that.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cancelMoves, type CancelParts } from '../../../src/app/cancel-moves.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import { returnHost } from '../../../src/app/return-host.ts';
import type { NewOrder } from '../../../src/app/wanted-order.ts';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { HostFailures } from '../../../src/execute/host-failures.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { aHostFailureRecord } from '../../support/ledger-records.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const world = aSnapshot({
  hosts: [aHost({ id: 'h1', name: 'node-a' }), aHost({ id: 'h2' })],
  vms: [aVm({ id: 'v1', host: 'h1' })],
});
/** h1 was scrapped. */
const LEFT = world.hosts.filter(({ id }) => id !== 'h1');

let clock: ManualClock;
let ledger: Ledger;
let orders: OrderDesk;

beforeEach(async () => {
  clock = manualClock(5000);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  let id = 0;
  orders = new OrderDesk({ ledger, clock, events: recordingEvents(), newId: () => `o${++id}` });
});
afterEach(() => ledger.close());

const wish = (options: Partial<NewOrder> = {}): NewOrder => ({
  kind: 'maintenance',
  host: hostId('h1'),
  by: { kind: 'operator', name: 'bob' },
  reason: 'kernel',
  dedupeKey: '',
  deadlineSeconds: null,
  ...options,
});

const findHost = (name: string) => LEFT.find((host) => host.id === name || host.name === name);

const exit = (name: string, sources: Snapshot['sources'] = [], gone?: HostFailures) =>
  returnHost(
    {
      ledger,
      orders,
      failures: { readmit: async () => ({ kind: 'well' }) as const },
      findHost,
      sources: () => sources,
      gone,
      inForce: () => ({ policies: aPolicy(), paused: false }),
    },
    name,
    'ada',
  );

function cancel(name: string, withdraw: boolean): ReturnType<typeof cancelMoves> {
  const parts = {
    executor: { open: [], openOf: () => [], cancel: async () => 'unknown' },
    ledger,
    clock,
    limits: () => aPolicy().limits,
    applying: { cancel: async () => false, isNewest: () => false, takeUp: async () => undefined },
    newest: () => undefined,
    findVm: () => undefined,
    findHost,
    withdraw: (host: string) => exit(host),
  } as unknown as CancelParts;
  return cancelMoves(parts, { name, by: 'ada', withdraw });
}

const states = async (): Promise<readonly string[]> =>
  (await ledger.orders(true)).map(({ state }) => state);

describe('the order for a host that has left the fleet', () => {
  it.each(['h1', 'node-a'])('is ended by the return of %s, and its VMs stay', async (name) => {
    await orders.give(wish(), world);
    const text = 'node-a is not in the fleet any more: its order is ended, its 1 VM stays away';
    expect(await exit(name)).toMatchObject({ ok: true, value: { what: 'changed', text } });
    expect(await states()).toEqual(['closed']);
    const [line] = await ledger.history({ host: hostId('h1'), limit: 1 });
    expect(line?.text).toBe('node-a: not in the fleet any more, its order ended by ada');
    expect(await exit(name)).toMatchObject({ ok: false, error: { status: 404 } });
  });

  it('is ended also where its VMs were coming home, or its turn has not come', async () => {
    await orders.give(wish(), world);
    await orders.returnHost({ id: hostId('h1'), name: 'node-a' }, 'bob');
    expect((await exit('h1')).ok).toBe(true);
    await orders.rolling.enrol([wish()], { id: 'r', batch: 1 }, world);
    expect((await exit('node-a')).ok).toBe(true);
    expect(await states()).toEqual(['closed', 'closed']);
  });

  it('stays while its hook is at work, which may bring the host back', async () => {
    const { order } = await orders.give(wish({ hook: 'patch' }), world);
    const { hook } = order;
    if (hook === undefined) throw new Error('no hook');
    await orders.note(order.id, () => ({ hook: { ...hook, state: 'running' } }));
    expect(await exit('h1')).toMatchObject({ ok: false, error: { code: 'hook-runs' } });
    expect(await states()).toEqual(['open']);
  });

  it('stays while a source that may have the host has not answered since the start', async () => {
    await orders.give(wish(), world);
    const silent = { source: sourceId('s2'), lastAnswerAt: undefined, detail: 'refused' } as const;
    const down = { ...silent, state: 'down', consecutiveFailures: 3 } as const;
    expect(await exit('h1', [down])).toMatchObject({ ok: false, error: { status: 503 } });
    expect(await states()).toEqual(['open']);
    expect((await exit('h1', [{ ...down, lastAnswerAt: clock.now() }])).ok).toBe(true);
  });

  it('is withdrawn by a cancel of itself, or of the host where that is asked for', async () => {
    const { order } = await orders.give(wish(), world);
    const kept = await cancel('node-a', false);
    const hint = expect.stringContaining('drover maintenance exit node-a');
    expect(kept).toMatchObject({ ok: false, error: { code: 'nothing-to-cancel', hint } });
    expect(await cancel(order.id, false)).toMatchObject({ ok: true, value: { moves: [] } });
    expect(await states()).toEqual(['closed']);
    await orders.give(wish(), world);
    expect((await cancel('node-a', true)).ok).toBe(true);
    expect(await states()).toEqual(['closed', 'closed']);
  });

  it('is not ended by the name of somebody else', async () => {
    await orders.give(wish(), world);
    expect(await exit('h3')).toMatchObject({ ok: false, error: { status: 404 } });
    expect(await exit('h2')).toMatchObject({ ok: false, error: { code: 'no-order' } });
    expect(await states()).toEqual(['open']);
  });
});

describe('a dead host that was scrapped', () => {
  /** What a controller knows that was started before the host left the fleet, or after that. */
  async function failuresOf({ wasSeen }: { readonly wasSeen: boolean }): Promise<HostFailures> {
    await ledger.putHostFailure(aHostFailureRecord('h1'));
    const failures = new HostFailures({
      ledger,
      clock,
      events: recordingEvents(),
      hypervisors: new Map(),
      settings: () => aPolicy(),
      fencing: undefined,
      probe: undefined,
      holds: () => true,
    });
    await failures.load();
    if (wasSeen) await failures.update(world, new Set());
    await failures.update({ ...world, hosts: LEFT }, new Set());
    return failures;
  }

  const objections = (failures: HostFailures) =>
    Promise.all(failures.leftOn(vmId('vm1')).map((host) => failures.objection(host)));

  it.each([
    ['node-a', 'no fencing device', true],
    ['h1', 'h1 is dead', false],
  ])('keeps its VMs from no restart once %s is said to be gone', async (name, why, wasSeen) => {
    const failures = await failuresOf({ wasSeen });
    const [before] = await objections(failures);
    expect(before).toContain(why);
    expect(before).toContain('drover maintenance exit h1 if it is gone for good');
    const text = expect.stringContaining('is not in the fleet any more: its failure is forgotten');
    expect(await exit(name, [], failures)).toMatchObject({ ok: true, value: { text } });
    expect(await objections(failures)).toEqual([]);
    expect(await ledger.hostFailures()).toEqual([]);
    const [line] = await ledger.history({ host: hostId('h1'), limit: 1 });
    expect(line?.text).toContain('gone for good, says ada; it was dead; it may still have defined');
    expect(await exit(name, [], failures)).toMatchObject({ ok: false, error: { status: 404 } });
  });

  it('is forgotten together with the order about it', async () => {
    await orders.give(wish(), world);
    const failures = await failuresOf({ wasSeen: true });
    const text = expect.stringMatching(/its order is ended.*its failure is forgotten/u);
    expect(await exit('node-a', [], failures)).toMatchObject({ ok: true, value: { text } });
    expect(await states()).toEqual(['closed']);
    expect(await ledger.hostFailures()).toEqual([]);
  });

  it('is not forgotten while it may be in the fleet, nor by a cancel of its order', async () => {
    const failures = await failuresOf({ wasSeen: true });
    const silent = { source: sourceId('s2'), lastAnswerAt: undefined, detail: 'refused' } as const;
    const down = { ...silent, state: 'down', consecutiveFailures: 3 } as const;
    expect(await exit('h1', [down], failures)).toMatchObject({ error: { status: 503 } });
    await orders.give(wish(), world);
    expect((await cancel('node-a', true)).ok).toBe(true);
    await failures.update(world, new Set());
    expect(await exit('node-a', [], failures)).toMatchObject({ error: { status: 404 } });
    expect(await ledger.hostFailures()).toHaveLength(1);
  });
});

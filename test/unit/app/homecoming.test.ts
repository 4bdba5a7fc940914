// Role: when VMs of a returned host are no more on their way home, and what is said about it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Homecoming } from '../../../src/app/homecoming.ts';
import { Reach } from '../../../src/app/reach.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import { findingId, hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { GateVerdict, Outcome } from '../../../src/domain/journal.ts';
import type { Order } from '../../../src/domain/order.ts';
import type { PlanResult } from '../../../src/domain/plan.ts';
import type { RefusalCode } from '../../../src/domain/refusal.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { aMove, aRecord, aResult } from '../../support/ledger-records.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const HOUR = 3600;

const policies = { policies: aPolicy() };

let clock: ManualClock;
let ledger: Ledger;
let events: RecordingEvents;
let orders: OrderDesk;
let homecoming: Homecoming;

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  events = recordingEvents();
  ledger = await openSqliteLedger({ file: ':memory:', clock });
  orders = new OrderDesk({ ledger, clock, events, newId: () => 'o1' });
  homecoming = new Homecoming({ ledger, orders, clock, events, policies });
});

afterEach(() => ledger.close());

function world(vms: Readonly<Record<string, string>>, hosts = ['h1', 'h2', 'h3']): Snapshot {
  return aSnapshot({
    hosts: hosts.map((id) => aHost({ id })),
    vms: Object.entries(vms).map(([id, host]) => aVm({ id, host })),
  });
}

async function returned(...home: string[]): Promise<void> {
  const by = { kind: 'operator', name: 'ada' } as const;
  const before = world(Object.fromEntries(home.map((vm) => [vm, 'h1'])));
  const wanted = { kind: 'maintenance', reason: '', dedupeKey: '', deadlineSeconds: null } as const;
  await orders.give({ ...wanted, host: H1, by }, before);
  await orders.returnHost(aHost({ id: 'h1' }), 'ada');
  await ledger.addHistory(home.map((vm) => moved(vm, 'h1', 'h2')));
}

function moved(vm: string, from: string, to: string) {
  const about = { vm: vmId(vm), host: hostId(to), from: hostId(from), move: moveId(`m-${vm}`) };
  return { at: clock.now(), kind: 'move', ...about, text: '' } as const;
}

interface Said {
  /** The planner left it open, for this reason. */
  readonly open?: RefusalCode;
  /** The plan has its move home, and the gate said so. */
  readonly gate?: GateVerdict['verdict'] | RefusalCode;
  /** The move is to another host: where it is it has to leave. */
  readonly to?: string;
}

/** One tick: who is where, and what planner and gate say about each VM that is away. */
async function tick(
  snapshot: Snapshot,
  said: Readonly<Record<string, Said>> = {},
  elsewhere: readonly string[] = [],
): Promise<Order> {
  const settled = await homecoming.settle(await ledger.orders(false), snapshot);
  await homecoming.close(settled);
  const findings: Finding[] = [];
  const result: PlanResult = {
    plan: { id: 'p', snapshotAt: TEST_NOW, moves: [], objective: {} },
    report: { unresolved: [] },
  } as unknown as PlanResult; // only moves and unresolved are looked at
  const verdicts: GateVerdict[] = [];
  for (const [vm, { open, gate, to = H1 }] of Object.entries(said)) {
    const id = findingId(`f-${vm}`);
    const home = { fact: 'vm.home', operator: 'notEqual', threshold: '', value: H1 };
    const subject = { kind: 'vm', vm: vmId(vm) } as const;
    findings.push({
      ...aFinding('return', { id }),
      kind: 'return-home',
      subject,
      evidence: [home],
    });
    if (open !== undefined) {
      const pair = { code: open, vm: vmId(vm), host: H1, detail: 'as figured out' };
      const left = { subject, finding: id, code: open, detail: '', pairs: [pair] };
      (result.report.unresolved as unknown[]).push(left); // made above
    }
    if (gate === undefined) continue;
    const move = aMove({ id: moveId(`m-${vm}`), vm: vmId(vm), from: hostId('h2'), to: hostId(to) });
    (result.plan.moves as unknown[]).push(move); // made above
    const isVerdict = gate === 'execute' || gate === 'needs-approval' || gate === 'would-execute';
    const about = { move: move.id, mode: 'automatic' } as const;
    verdicts.push(
      isVerdict
        ? { ...about, verdict: gate, refusals: [] }
        : {
            ...about,
            verdict: 'refused',
            refusals: [{ code: gate as RefusalCode, vm: vmId(vm), host: H1, detail: 'so it is' }],
          },
    );
  }
  const reach = new Reach(snapshot, ({ id }) => !elsewhere.includes(id));
  await homecoming.judge({ snapshot, orders: settled, findings, result, verdicts, reach });
  const [order] = await ledger.orders(true);
  if (order === undefined) throw new Error('the order is gone');
  return order;
}

/** What becomes of a VM on its way home that is on this host now. */
async function homeOf(vm: string, host: string): Promise<Order | undefined> {
  const [order] = await ledger.orders(false);
  if (order === undefined) throw new Error('the order is gone');
  await orders.update(order, { ...order, home: [vm], stays: [] });
  const hosts = ['h1', 'h2', 'h3', 'h4'];
  return (await homecoming.settle(await ledger.orders(false), world({ [vm]: host }, hosts)))[0];
}

const warnings = (): string[] => events.of('warning').map(({ text }) => text);

describe('a return', () => {
  it('is over when all are home, and fetches nobody twice', async () => {
    await returned('v1', 'v2');
    const first = await tick(world({ v1: 'h1', v2: 'h2' }), { v2: { gate: 'execute' } });
    expect(first).toMatchObject({ state: 'returning', home: ['v2'] });
    // v1 was relieved away again meanwhile: it has been home.
    expect(await tick(world({ v1: 'h3', v2: 'h1' }))).toMatchObject({ state: 'closed', home: [] });
    expect(warnings()).toEqual([]);
  });

  it('is given up after an hour without progress, and says who stays where and why', async () => {
    await returned('v1', 'gone');
    const full = world({ v1: 'h2' });
    const stuck = { v1: { open: 'memory' } } as const;
    await tick(full, stuck);
    await clock.pass(HOUR - 1);
    expect(await tick(full, stuck)).toMatchObject({ state: 'returning' });
    await clock.pass(1);
    const order = await tick(full, stuck);
    expect(order.state).toBe('closed');
    expect(order.stays).toEqual([
      { vm: 'gone', reason: 'no source reports it any more' },
      { vm: 'v1', host: 'h2', reason: 'memory: as figured out' },
    ]);
    const told = [
      'gone does not come home to h1: no source reports it any more',
      'v1 does not come home to h1: it stays on h2: memory: as figured out',
    ];
    expect(warnings()).toEqual(told);
    const history = await ledger.history({ host: H1, limit: 9 });
    expect(history.map(({ text }) => text)).toEqual(expect.arrayContaining(told));
    await clock.pass(HOUR);
    await tick(full);
    expect(warnings()).toEqual(told);
  });

  it('is given up after the same hour also where the clock is set', async () => {
    await returned('v1');
    const full = world({ v1: 'h2' });
    const stuck = { v1: { open: 'memory' } } as const;
    await tick(full, stuck);
    for (const jump of [2 * HOUR, -5 * HOUR]) {
      clock.jump(jump);
      await clock.pass(HOUR / 2 - 1);
      expect(await tick(full, stuck)).toMatchObject({ state: 'returning' });
    }
    // After a restart the moment on record lies ahead: the hour begins anew.
    homecoming = new Homecoming({ ledger, orders, clock, events, policies });
    await tick(full, stuck);
    await clock.pass(HOUR - 1);
    expect(await tick(full, stuck)).toMatchObject({ state: 'returning' });
    await clock.pass(1);
    expect(await tick(full, stuck)).toMatchObject({ state: 'closed' });
  });

  it('is given up when its moves come to nothing, or its home is gone', async () => {
    await returned('v1');
    const away = world({ v1: 'h2' });
    await tick(away, { v1: { gate: 'cool-down' } });
    await clock.pass(HOUR - 60);
    await tick(away, { v1: { gate: 'execute' } });
    await clock.pass(60);
    const noHome = world({ v1: 'h2' }, ['h2']);
    expect((await tick(noHome)).stays).toEqual([
      { vm: 'v1', host: 'h2', reason: 'no source reports its home any more' },
    ]);
  });

  it('is given up when a VM has to leave where it is, and that comes to nothing', async () => {
    await returned('v1');
    const away = world({ v1: 'h2' });
    await tick(away, { v1: { gate: 'cool-down', to: 'h3' } });
    await clock.pass(HOUR);
    const order = await tick(away, { v1: { gate: 'cool-down', to: 'h3' } });
    expect(order.stays).toEqual([{ vm: 'v1', host: 'h2', reason: 'so it is' }]);
  });

  it('is given up when another controller acts where the VM is', async () => {
    await returned('v1');
    const away = world({ v1: 'h2' });
    await tick(away, {}, ['h2']);
    await clock.pass(HOUR);
    expect((await tick(away, {}, ['h2'])).stays).toEqual([
      { vm: 'v1', host: 'h2', reason: 'another controller acts where it is' },
    ]);
  });

  it('is not given up while one gets on, or waits for Drover itself', async () => {
    await returned('v1', 'v2');
    const away = world({ v1: 'h2', v2: 'h2' });
    await tick(away, { v1: { open: 'memory' }, v2: { gate: 'execute' } });
    await clock.pass(HOUR);
    // v2 came home: the hour of v1 begins anew.
    const one = world({ v1: 'h2', v2: 'h1' });
    expect((await tick(one, { v1: { open: 'memory' } })).state).toBe('returning');
    for (const gate of ['window', 'budget', 'paused', 'needs-approval', 'would-execute'] as const) {
      await clock.pass(HOUR);
      expect((await tick(one, { v1: { gate } })).state).toBe('returning');
    }
    await tick(one, { v1: { open: 'memory' } });
    await clock.pass(HOUR);
    expect((await tick(one, { v1: { open: 'memory' } })).state).toBe('closed');
  });

  it('lets a VM stay where somebody has moved it, and says so', async () => {
    await returned('v1', 'v2');
    await ledger.addHistory([moved('v2', 'h2', 'h3')]);
    // Drover itself moved v2 on to h3.
    const order = await tick(world({ v1: 'h3', v2: 'h3' }), { v2: { gate: 'execute' } });
    expect(order).toMatchObject({ home: ['v2'], stays: [{ vm: 'v1', host: 'h3' }] });
    expect(warnings()).toEqual([
      'v1 does not come home to h1: it stays on h3: somebody has moved it there',
    ]);
  });

  /** A move of Drover's that has ended so; in the history, and on record. */
  async function drove(vm: string, from: string, to: string, outcome: Outcome): Promise<void> {
    const id = `${from}-${to}`;
    const record = aRecord(id, vm);
    const [source, target] = [hostId(from), hostId(to)];
    await ledger.openMove({ ...record, move: { ...record.move, from: source, to: target } });
    const line = { ...moved(vm, from, to), move: moveId(id) };
    await ledger.closeMove(moveId(id), aResult({ outcome, at: clock.now() }), line);
  }

  it('lets a VM stay where somebody has moved it, also where Drover once fetched it', async () => {
    await returned();
    await drove('v1', 'h2', 'h1', 'succeeded');
    const order = await homeOf('v1', 'h2');
    expect(order).toMatchObject({ home: [], stays: [{ vm: 'v1', host: 'h2' }] });
  });

  it('fetches a VM that Drover has left at either end of a move that came to nothing', async () => {
    await returned();
    await drove('v1', 'h1', 'h2', 'succeeded');
    await clock.pass(1);
    await drove('v1', 'h2', 'h3', 'failed');
    expect(await homeOf('v1', 'h2')).toMatchObject({ home: ['v1'] });
    expect(await homeOf('v1', 'h3')).toMatchObject({ home: ['v1'] });
    expect(await homeOf('v1', 'h4')).toMatchObject({ home: [] });
  });

  it('fetches a VM of which much else was told since Drover has moved it', async () => {
    await returned();
    await drove('v1', 'h1', 'h2', 'succeeded');
    const other = { ...moved('v1', 'h2', 'h3'), kind: 'decision', move: undefined } as const;
    await ledger.addHistory(Array.from({ length: 30 }, () => other));
    expect(await homeOf('v1', 'h2')).toMatchObject({ home: ['v1'] });
  });

  it('fetches a VM that Drover has moved on since the clock was set back', async () => {
    await returned();
    await drove('v1', 'h1', 'h2', 'succeeded');
    const ahead = clock.now();
    clock.jump(-HOUR);
    await drove('v1', 'h2', 'h3', 'succeeded');
    expect(clock.now()).toBeLessThan(ahead);
    expect(await homeOf('v1', 'h3')).toMatchObject({ home: ['v1'], stays: [] });
  });

  it('does not change an order that was given again meanwhile', async () => {
    await returned('v1');
    const [stale] = await ledger.orders(false);
    const by = { kind: 'operator', name: 'bob' } as const;
    const again = { kind: 'evacuate', reason: '', dedupeKey: '', deadlineSeconds: null } as const;
    orders = new OrderDesk({ ledger, clock, events, newId: () => 'o2' });
    await orders.give({ ...again, host: H1, by }, world({ v1: 'h2' }));
    await homecoming.settle(stale === undefined ? [] : [stale], world({ v1: 'h3' }));
    expect(await ledger.orders(false)).toMatchObject([{ id: 'o2', state: 'open', home: ['v1'] }]);
  });
});

// Role: rolling maintenance before it begins: which hosts go together, and what is refused.
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { estimateView } from '../../../src/app/estimate.ts';
import { OrderDesk } from '../../../src/app/order-desk.ts';
import { planAndCheck } from '../../../src/app/plan-job.ts';
import { Rolling } from '../../../src/app/rolling.ts';
import { allGroups } from '../../../src/app/rolling-groups.ts';
import type { TickState } from '../../../src/app/tick.ts';
import { hostId } from '../../../src/domain/ids.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { EstimateView, RollingRequest } from '../../../src/ports/api.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';
import {
  aFinding,
  aHost,
  anAntiAffinity,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';
import { aFailoverReserve } from '../../support/rule-kinds.ts';

const NAMES = ['h1', 'h2', 'h3', 'h4'];

/** Four hosts of 32 GiB, a guest of 8 GiB on each; the sizes of the groups. */
async function sizes(batch: number, placement: readonly PlacementRule[]): Promise<number[]> {
  const snapshot = aSnapshot({
    hosts: NAMES.map((id) => aHost({ id, memoryGib: 32 })),
    vms: NAMES.map((host) => aVm({ id: `v-${host}`, host, memoryGib: 8, cpuUsed: 0.1 })),
    placement,
  });
  const limits = someLimits();
  const groups = await allGroups(NAMES.map(hostId), batch, async (hosts) => {
    const findings = hosts.map((host) => aFinding('evacuate', { host }));
    const rest = { limits, migration: someMigration(), weights: someWeights(), seed: 1 };
    const { result } = planAndCheck({ snapshot, findings, ...rest });
    return estimateView({ snapshot, hosts, result, verdicts: [], deadlineSeconds: null, limits });
  });
  expect(groups.flatMap(({ hosts }) => hosts)).toEqual(NAMES);
  return groups.map(({ hosts, fits }) => (fits ? hosts.length : -hosts.length));
}

describe('the groups', () => {
  it('are as large as the batch and the room allow', async () => {
    expect(await sizes(1, [])).toEqual([1, 1, 1, 1]);
    expect(await sizes(2, [])).toEqual([2, 2]);
    expect(await sizes(4, [])).toEqual([3, 1]);
  });

  it('leave the reserve for the loss of a host alone', async () => {
    expect(await sizes(4, [aFailoverReserve('n+1', NAMES)])).toEqual([2, 2]);
  });

  it('keep apart who is to be apart', async () => {
    expect(await sizes(4, [anAntiAffinity('apart', ['v-h1', 'v-h2', 'v-h3'])])).toEqual([
      1, 1, 1, 1,
    ]);
    const all = NAMES.map((host) => `v-${host}`);
    expect(await sizes(2, [anAntiAffinity('apart', all)])).toEqual([-1, -1, -1, -1]);
  });
});

describe('an order for rolling maintenance', () => {
  let bench: VirtualDaemon;

  beforeEach(async () => {
    bench = await daemonOnVirtualTime('50-maintenance-and-home');
  });

  afterEach(() => bench.stop());

  const start = (names: string[], options: Partial<RollingRequest> = {}) =>
    bench.daemon.api.startRolling({
      names,
      batch: 1,
      reason: 'kernel',
      by: 'ada',
      dryRun: false,
      ...options,
    });

  it('tells the groups and orders nothing on a dry run', async () => {
    const answer = await start(['h2', 'h1'], { dryRun: true, batch: 3 });
    // Two of three would be too large a share of the cluster.
    const groups = [
      { hosts: ['h2'], fits: true },
      { hosts: ['h1'], fits: true },
    ];
    expect(answer).toMatchObject({ ok: true, value: { id: null, groups } });
    expect(await bench.daemon.api.orders()).toEqual([]);
  });

  it('is refused for unknown names, unknown hooks, and hosts that have an order', async () => {
    expect(await start(['h1', 'h9'])).toMatchObject({ ok: false, error: { status: 404 } });
    const hook = await start(['h1'], { hook: 'patch' });
    expect(hook).toMatchObject({ ok: false, error: { code: 'unknown-hook' } });
    expect(await start(['h1', 'h3'])).toMatchObject({ ok: true });
    expect(await start(['h2', 'h3'])).toMatchObject({ ok: false, error: { code: 'under-order' } });
  });

  it('is taken once where it is sent twice at the same time', async () => {
    const answers = await Promise.all([start(['h1', 'h3']), start(['h1', 'h3'])]);
    const [first] = answers.flatMap((answer) => (answer.ok ? [answer.value.id] : []));
    expect(answers.map(({ ok }) => ok)).toEqual([true, false]);
    const detail = `there is an order for the host h1 already (rolling maintenance ${first})`;
    expect(answers[1]).toMatchObject({ error: { status: 409, code: 'under-order', detail } });
    const orders = await bench.daemon.api.orders();
    expect(orders.map(({ host, rolling }) => [host, rolling?.id])).toEqual([
      ['h1', first],
      ['h3', first],
    ]);
  });

  it('does not begin beside another one that begins in the same tick', async () => {
    // Each alone fits: the other of the two hosts left would be the refuge.
    await start(['h1']);
    await start(['h3']);
    await bench.pass(60);
    const open = (await bench.daemon.api.orders()).filter(({ state }) => state === 'open');
    expect(open.map(({ host }) => host)).toEqual(['h1']);
  });

  it('is held, let go and cancelled by its id', async () => {
    const begun = await start(['h1', 'h3']);
    const id = begun.ok ? (begun.value.id ?? '') : '';
    const { api } = bench.daemon;
    await api.steerRolling(id, 'pause', 'bob');
    await bench.pass(120);
    expect(await api.rollings()).toMatchObject([
      { id, active: [], waiting: ['h1', 'h3'], heldBy: 'paused by bob' },
    ]);
    await api.steerRolling(id, 'resume', 'bob');
    await bench.pass(120);
    expect(await api.rollings()).toMatchObject([{ waiting: ['h3'], heldBy: null }]);
    const cancelled = await api.steerRolling(id, 'cancel', 'bob');
    expect(cancelled).toMatchObject({ ok: true, value: { done: [], waiting: [] } });
    expect(await api.orders()).toMatchObject([{ host: 'h1', state: 'open' }]);
    expect(await api.steerRolling('nobody', 'cancel', 'bob')).toMatchObject({ ok: false });
  });
});

describe('rolling maintenance over the clusters of several controllers', () => {
  it('begins the turns of its own hosts, and waits for those of others', async () => {
    const clock = manualClock();
    const events = recordingEvents();
    const ledger = await openSqliteLedger({ file: ':memory:', clock });
    onTestFinished(() => ledger.close());
    let id = 0;
    const orders = new OrderDesk({ ledger, clock, events, newId: () => `o${++id}` });
    const snapshot = aSnapshot({ hosts: NAMES.map((name) => aHost({ id: name })), vms: [] });
    const by = { kind: 'operator', name: 'ada' } as const;
    const rest = { by, reason: '', dedupeKey: '', deadlineSeconds: null };
    const wanted = NAMES.map((name) => {
      return { kind: 'maintenance', host: hostId(name), ...rest } as const;
    });
    await orders.rolling.enrol(wanted, { id: 'r', batch: 3 }, snapshot);
    // The parts that are looked at.
    const fits = { stays: [], breaks: [], held: [] } as unknown as EstimateView;
    const holding = (...held: string[]) =>
      new Rolling({
        ledger,
        orders,
        events,
        estimator: { estimate: async () => fits },
        holds: (host) => held.includes(host.id),
      });
    const state = { snapshot, findings: [] } as unknown as TickState;
    const open = async () =>
      (await ledger.orders(false)).flatMap(({ state: at, host }) => (at === 'open' ? [host] : []));
    await holding('h3', 'h4').update(state);
    expect(await open()).toEqual([]);
    await holding('h1', 'h2', 'h4').update(state);
    expect(await open()).toEqual(['h1', 'h2']);
  });
});

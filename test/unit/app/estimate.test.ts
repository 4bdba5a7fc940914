// Role: what an order would take, told before it is given; nothing is ordered by asking.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { estimateText, summaryLines } from '../../../src/cli/estimate-text.ts';
import { vmId } from '../../../src/domain/ids.ts';
import type { EstimateView } from '../../../src/ports/api.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon | undefined;

afterEach(async () => {
  await bench?.stop();
});

async function estimate(hosts: string[], deadlineSeconds: number | null): Promise<EstimateView> {
  const answer = await bench?.daemon.api.estimate({ kind: 'maintenance', hosts, deadlineSeconds });
  if (answer?.ok !== true) throw new Error(answer?.error.detail ?? 'no daemon');
  return answer.value;
}

describe('the estimate of a drain', () => {
  beforeEach(async () => {
    bench = await daemonOnVirtualTime('50-maintenance-and-home');
  });

  it('says who goes where, the most important first, and when the host is empty', async () => {
    const view = await estimate(['h1'], null);
    expect(view).toMatchObject({ fits: true, meetsDeadline: null, stays: [], held: [] });
    expect(view.hosts).toEqual([{ id: 'h1', name: 'h1', vms: 4 }]);
    expect(view.moves.map(({ name }) => name)).toEqual(['db', 'shop', 'wiki', 'ci']);
    const ends = view.moves.map((move) => move.startSeconds + move.seconds);
    expect(view.seconds).toBe(Math.max(...ends));
    expect(view.seconds).toBeGreaterThan(5);
    expect(estimateText(view)).toMatch(/h1: 4 VMs leave in about \d+ s, and all have a place/);
  });

  it('orders and moves nothing', async () => {
    await estimate(['h1'], null);
    await bench?.pass(300);
    expect(await bench?.daemon.api.orders()).toEqual([]);
    expect(await bench?.daemon.api.migrations(9)).toEqual([]);
  });

  it('says whether a deadline can be met', async () => {
    const { seconds } = await estimate(['h1'], 3600);
    const needed = seconds ?? 0;
    expect((await estimate(['h1'], needed)).meetsDeadline).toBe(true);
    const late = await estimate(['h1'], needed - 0.1);
    expect(late.meetsDeadline).toBe(false);
    expect(summaryLines(late)).toContain(`not by the deadline in ${Math.round(needed - 0.1)} s`);
  });

  it('names those that have nowhere to go, with the proof', async () => {
    const view = await estimate(['h1', 'h2', 'h3'], 60);
    expect(view).toMatchObject({ fits: false, seconds: null, meetsDeadline: false });
    const names = view.stays.map(({ name }) => name).sort();
    expect(names).toEqual(['ci', 'db', 'dns', 'mail', 'shop', 'wiki']);
    expect(view.stays[0]?.proof).toMatch(/h/);
    expect(estimateText(view)).toContain('h1, h2, h3: 6 of 6 VMs cannot leave');
  });

  it('says what would hold the moves back', async () => {
    await bench?.daemon.api.setPaused(true, 'ada');
    const view = await estimate(['h1'], null);
    expect(view.held).toEqual([{ code: 'paused', detail: '', moves: 4 }]);
    expect(summaryLines(view)).toContain('held back now: 4 moves (paused): Drover is paused');
    await bench?.daemon.api.setPaused(false, 'ada');
    const two = await estimate(['h1', 'h2'], null);
    expect(two.held.map(({ code }) => code)).toEqual(['evacuated-share']);
  });

  it('refuses a host that nobody knows', async () => {
    const request = { kind: 'evacuate', hosts: ['h1', 'h9'], deadlineSeconds: null } as const;
    const answer = await bench?.daemon.api.estimate(request);
    expect(answer).toMatchObject({ ok: false, error: { status: 404 } });
  });
});

describe('the estimate of a drain while a VM rests after a failure', () => {
  beforeEach(async () => {
    bench = await daemonOnVirtualTime('50-maintenance-and-home', { between: troubledDb });
  });

  it('has a place for it, and says that it is held back now', async () => {
    await bench?.pass(60);
    const view = await estimate(['h1'], null);
    expect(view).toMatchObject({ fits: true, stays: [], held: [{ code: 'cool-down', moves: 1 }] });
    expect(view.moves.map(({ name }) => name)).toContain('db');
  });
});

/** The last moves of db came to nothing, just now. */
function troubledDb(ledger: Ledger): Ledger {
  const troubles: Ledger['troubles'] = async (_since, lastAt) => {
    return new Map([[vmId('db'), { count: 8, lastAt }]]);
  };
  return new Proxy(ledger, {
    get: (target, key) => {
      const value: unknown = key === 'troubles' ? troubles : Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

describe('the estimate where the moves of a cluster are capped', () => {
  beforeEach(async () => {
    bench = await daemonOnVirtualTime('64b-capped-per-cluster');
  });

  it('reckons with one after the other in each cluster', async () => {
    const { seconds, moves } = await estimate(['h1', 'h3'], null);
    const [one = 0] = moves.map((move) => move.seconds);
    const starts = (from: string) =>
      moves.filter((move) => move.from === from).map((move) => move.startSeconds);
    const turns = (from: string) => starts(from).map((start) => Math.round(start / one));
    expect(turns('h1')).toEqual([0, 1, 2]);
    expect(turns('h3')).toEqual([0, 1]);
    expect(seconds).toBeCloseTo(3 * one, 3);
  });
});

// Role: cancels that are asked of a controller which does not act where they are about: they reach
// the one that does, once and whole, or are over with a word to whoever asked.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { WISH_SECONDS } from '../../../src/domain/cancel-wish.ts';
import { clusterId, vmId } from '../../../src/domain/ids.ts';
import { bytes, bytesPerSecond, GIB } from '../../../src/domain/units.ts';
import type { MoveRecord } from '../../../src/domain/journal.ts';
import type { CancelView } from '../../../src/ports/api.ts';
import { type Controller, type Controllers, startControllers } from '../../support/controllers.ts';
import { simHost, simVm } from '../../support/datacenter.ts';

const GUESTS = ['a', 'b', 'c'];
/** Its leases, the longest call, and a beat. */
const TAKE_OVER_SECONDS = 120;
const BEAT_SECONDS = 10;

/** Of large guests and narrow links: three minutes each, one after the other. */
const FLEET = {
  seed: 1,
  hosts: ['h1', 'h2', 'h3'].map((name) =>
    simHost(name, undefined, { migrationBandwidth: bytesPerSecond(1e8) }),
  ),
  vms: GUESTS.map((name) =>
    simVm(name, 'h1', undefined, {
      touchedShare: 1,
      dirtyRateBusy: 0,
      facts: { memoryBytes: bytes(16 * GIB) },
    }),
  ),
  groups: [],
};
const POLICY = `
apiVersion: drover/v1
kind: Policy
mode: automatic
limits:
  concurrency: { total: 1, perHostIn: 1, perHostOut: 1 }
`;

let run: Controllers;
let holder: Controller;
let other: Controller;

async function begin(clusters?: readonly string[]): Promise<void> {
  run = await startControllers({
    fleet: FLEET,
    policy: POLICY,
    names: ['ada', 'ben'],
    ...(clusters === undefined ? {} : { clusters: clusters.map(clusterId) }),
  });
  await run.pass(60);
}
afterEach(() => run.stop());

/** h1 is to be emptied; the first of its guests moves. */
async function order(): Promise<string> {
  const by = { kind: 'operator', name: 'olga' } as const;
  const about = { reason: 'fans', dedupeKey: '', deadlineSeconds: null, by };
  const answer = await holder.api.giveOrder({ kind: 'maintenance', host: 'h1', ...about });
  expect(answer.ok).toBe(true);
  await run.pass(10);
  expect(await run.ledger.openMoves()).toHaveLength(1);
  const [given] = await run.ledger.orders(false);
  return given?.id ?? '';
}

async function cancel(at: Controller, name: string, withdraw = false): Promise<CancelView> {
  const answer = await at.api.cancel({ name, by: 'anna', withdraw });
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

async function texts(name?: string): Promise<readonly string[]> {
  const lines = await other.api.history({ about: name, plan: undefined, limit: 99 });
  return lines.ok ? lines.value.map(({ text }) => text) : [];
}

/** Of the moves away from h1. */
function begun(records: readonly MoveRecord[]): readonly string[] {
  const away = records.filter(({ move }) => move.from === 'h1');
  const own = away.filter(({ stages }) => stages.some(({ stage }) => stage === 'pre-copy'));
  return own.map(({ vmName, result }) => `${vmName} ${result?.outcome ?? 'open'}`);
}

describe('a cancel asked of a controller that stands by', () => {
  beforeEach(async () => {
    await begin();
    ({ holder, other } = await run.roles());
  });

  it('stops a VM that moves, at the one that acts, and history tells who did what', async () => {
    await order();
    const [open] = await run.ledger.openMoves();
    const view = await cancel(other, open?.vmName ?? '');
    expect(view).toMatchObject({ moves: [], passedOn: [{ to: holder.name }] });
    // To ask twice is to ask once.
    expect((await cancel(other, open?.vmName ?? '')).passedOn).toEqual(view.passedOn);
    await run.pass(2 * BEAT_SECONDS);
    const record = await run.ledger.move(open?.move.id ?? ('' as never));
    expect(record?.result).toMatchObject({ outcome: 'cancelled' });
    expect(record?.result?.detail).toContain(`cancelled by anna at ${other.name}`);
    expect(run.datacenter.locate(open?.move.vm ?? vmId('a')).sightings).toMatchObject([
      { host: 'h1', state: 'running' },
    ]);
    const told = await texts(open?.vmName);
    const name = open?.vmName;
    expect(told.filter((text) => text.startsWith(`${name}: cancel asked for`))).toEqual([
      `${name}: cancel asked for by anna at ${other.name}, for simulated`,
    ]);
    const done = `${name}: the cancel that anna asked for at ${other.name} was carried out by `;
    expect(told.join('\n')).toContain(`${done}${holder.name}: `);
    expect(await run.ledger.cancelWishes()).toEqual([]);
  });

  it.each(['the host', 'the plan', 'the order'])('stops all of %s', async (what) => {
    const ordered = await order();
    const [open] = await run.ledger.openMoves();
    const names = { 'the host': 'h1', 'the plan': open?.plan ?? '', 'the order': ordered };
    await cancel(other, names[what as keyof typeof names], what === 'the host');
    await run.pass(120);
    const ends = begun(await run.ledger.recentMoves(9));
    expect(ends).toContain(`${open?.vmName} cancelled`);
    // A newer plan has the others by then: they are its own.
    expect(what === 'the plan' || ends.length === 1).toBe(true);
    const states = (await run.ledger.orders(true)).map(({ state }) => state);
    // The plan's end leaves the order: its moves rest, and come back.
    expect(states).toEqual([what === 'the plan' ? 'open' : 'closed']);
    expect(await run.ledger.cancelWishes()).toEqual([]);
  });

  it('stops a move that waits, by its id', async () => {
    await order();
    const [decision] = await run.ledger.decisions(1);
    const waiting = decision?.result.plan.moves.at(-1);
    const view = await cancel(other, waiting?.id ?? '');
    expect(view.passedOn).toHaveLength(1);
    await run.pass(2 * BEAT_SECONDS);
    // Its id may be another one by then: it is known by its VM.
    const own = (await run.ledger.recentMoves(9)).filter(({ move }) => move.vm === waiting?.vm);
    expect(own.map(({ result }) => result?.outcome)).toEqual(['cancelled']);
    expect(begun(await run.ledger.recentMoves(9))).toHaveLength(1);
  });

  it('says so where there is nothing to stop', async () => {
    await cancel(other, 'a');
    await run.pass(2 * BEAT_SECONDS);
    expect((await texts('a')).join()).toContain('no move of VM a waits or is under way');
    const answer = await other.api.cancel({ name: 'nobody', by: 'anna', withdraw: false });
    expect(answer).toMatchObject({ ok: false, error: { status: 404 } });
  });

  it('is carried out by whoever takes over from one that has died', async () => {
    await order();
    const [open] = await run.ledger.openMoves();
    holder.kill();
    await cancel(other, 'h1', true);
    await run.pass(TAKE_OVER_SECONDS);
    expect(await run.ledger.cancelWishes()).toEqual([]);
    expect(begun(await run.ledger.recentMoves(9))).toEqual([`${open?.vmName} cancelled`]);
    expect((await texts('h1')).join('\n')).toContain(`was carried out by ${other.name}`);
  });

  it.each(['beginCancel', 'addStages', 'endCancel'] as const)(
    'is done whole where its controller dies at %s',
    async (call) => {
      await order();
      await cancel(other, 'h1', true);
      holder.kill(call);
      // Longer than anything may wait to be begun: what was begun does not expire.
      await run.pass(WISH_SECONDS + TAKE_OVER_SECONDS);
      expect(await run.ledger.openMoves()).toEqual([]);
      expect(await run.ledger.cancelWishes()).toEqual([]);
      expect((await run.ledger.orders(true)).map(({ state }) => state)).toEqual(['closed']);
      expect(begun(await run.ledger.recentMoves(9))).toHaveLength(1);
      const done = (await texts('h1')).filter((text) => text.includes('was carried out by'));
      expect(done).toHaveLength(1);
    },
  );
});

describe('a cancel about a cluster where nobody acts', () => {
  it('is over after a while: nothing was cancelled, and that is told once', async () => {
    await begin(['elsewhere']);
    const [ada, ben] = run.all as readonly [Controller, Controller];
    other = ben;
    expect(await cancel(ada, 'a')).toMatchObject({ passedOn: [{ to: null }] });
    await run.pass(WISH_SECONDS - BEAT_SECONDS);
    expect(await run.ledger.cancelWishes()).toHaveLength(1);
    await run.pass(3 * BEAT_SECONDS);
    expect(await run.ledger.cancelWishes()).toEqual([]);
    const told = [...ada.warnings, ...ben.warnings].filter((text) => text.includes('is over'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('a: the cancel that anna asked for at ada is over');
    expect(told[0]).toContain('nothing was cancelled');
    expect(await texts('a')).toContain(told[0]);
  });
});

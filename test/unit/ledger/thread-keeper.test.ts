// Role: the thread of the embedded ledger dies: what it had not committed is not in the file, what
// it had is, nobody waits for ever, and the next one takes its place.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ledgerReasons, LedgerWatch } from '../../../src/app/ledger-watch.ts';
import { moveId, orderId } from '../../../src/domain/ids.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { SqliteThread } from '../../../src/ledger/thread-client.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { anOrder, aRecord, aResult, aStage } from '../../support/ledger-records.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

let folder: string;
let clock: ManualClock;
/** Every thread that was begun, the newest last. */
let threads: Worker[];
const note = (worker: Worker): unknown => threads.push(worker);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-thread-'));
  clock = manualClock(5000);
  threads = [];
  process.on('worker', note);
});
afterEach(() => {
  process.off('worker', note);
  rmSync(folder, { recursive: true });
});

const open = (): Promise<Ledger> =>
  openSqliteLedger({ file: join(folder, 'ledger.db'), clock, inThread: true });

async function kill(): Promise<void> {
  await threads.at(-1)?.terminate();
}

describe('a thread of the ledger that dies', () => {
  it('is followed by another, and nothing that was promised is lost', async () => {
    const ledger = await open();
    await ledger.openMove(aRecord('m1', 'vm1'));
    for (let round = 0; round < 3; round += 1) {
      await kill();
      await ledger.addStages([aStage('m1', 'pre-copy', 'before')]);
      await clock.pass(2);
    }
    expect((await ledger.move(moveId('m1')))?.stages).toHaveLength(3);
    expect(threads).toHaveLength(4);
    await ledger.close();
  });

  it('takes with it what is under way, and no part of a transaction stays', async () => {
    const ledger = await open();
    await ledger.openMove(aRecord('m1', 'vm1'));
    const writes = Array.from({ length: 30 }, (_none, index) =>
      ledger.putOrder(anOrder(`o${index}`, { state: 'waiting' })),
    );
    const closing = ledger.closeMove(moveId('m1'), aResult());
    const dying = kill();
    const ends = await Promise.allSettled([...writes, closing, ledger.openMoves()]);
    await dying;
    const failed = ends.filter((end) => end.status === 'rejected');
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: 'io' });
    await clock.pass(2);
    const trail = await ledger.audit(0, 999);
    const orders = await ledger.orders(true);
    // Each has its entry in the trail, which is written in its transaction; and what was promised
    // is there.
    expect(trail.filter(({ kind }) => kind === 'order')).toHaveLength(orders.length);
    for (const [index, end] of ends.slice(0, writes.length).entries()) {
      const kept = await ledger.order(orderId(`o${index}`));
      expect(end.status === 'rejected' || kept !== undefined).toBe(true);
    }
    const isClosed = (await ledger.openMoves()).length === 0;
    expect(trail.some(({ kind }) => kind === 'move-closed')).toBe(isClosed);
    await ledger.close();
  });

  it('is not begun again all the time where it cannot be: each call fails at once', async () => {
    const ledger = await open();
    await kill();
    rmSync(join(folder, 'ledger.db'));
    rmSync(folder, { recursive: true });
    for (let call = 0; call < 20; call += 1) {
      await expect(ledger.openMoves()).rejects.toMatchObject({ name: 'LedgerError' });
    }
    expect(threads.length).toBeLessThanOrEqual(2);
    await clock.pass(5);
    await expect(ledger.openMoves()).rejects.toMatchObject({ code: 'io' });
    expect(threads.length).toBeLessThanOrEqual(3);
    await ledger.close();
    folder = mkdtempSync(join(tmpdir(), 'drover-thread-'));
  });

  it('rejects what is asked of it afterwards', async () => {
    const thread = await SqliteThread.open({ file: join(folder, 'x.db'), maxBytes: undefined });
    await kill();
    expect(thread.isLost).toBe(true);
    await expect(thread.do({ kind: 'rollback' })).rejects.toThrow(/has ended/);
    await thread.close();
  });
});

describe('the watch over a ledger that loses its thread', () => {
  it('stops what would begin, says so, and is over when a whole tick went well', async () => {
    const events = recordingEvents();
    const watch = new LedgerWatch(events);
    const ledger = watch.over(await open());
    // It dies with a call under way.
    const [asked] = await Promise.allSettled([ledger.openMoves(), kill()]);
    expect(asked.status).toBe('rejected');
    expect(watch.trouble).toMatchObject({ code: 'io' });
    expect(ledgerReasons(watch).join()).toContain('the thread of the ledger has ended');
    await clock.pass(2);
    const { failures } = watch;
    expect(await ledger.openMove(aRecord('m1', 'vm1'))).toBe('opened');
    expect(watch.settle(failures)).toBe(true);
    expect(watch.trouble).toBeUndefined();
    expect(events.of('ledger').map(({ code }) => code)).toEqual(['io', 'writable']);
    await ledger.close();
  });
});

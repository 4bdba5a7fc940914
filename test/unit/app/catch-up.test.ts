// Role: what was open under leases that were taken is taken up, once, and again where that failed;
// nobody goes on before it is known what is open.
import { beforeEach, expect, it } from 'vitest';

import { CatchUp } from '../../../src/app/catch-up.ts';
import type { RecoveryReport } from '../../../src/execute/answers.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const NOTHING: RecoveryReport = { moves: [] };

let clock: ManualClock;
let calls: string[];
let recover: (read: () => void) => Promise<RecoveryReport>;
let catchUp: CatchUp;

beforeEach(() => {
  clock = manualClock();
  calls = [];
  recover = async () => NOTHING;
  const load = (what: string) => async () => void calls.push(what);
  const executor = {
    hasUnfollowed: false,
    recover: (read: () => void = () => undefined) => {
      calls.push('recover');
      return recover(read);
    },
  };
  const records = { ladder: { load: load('ladder') }, failures: { load: load('failures') } };
  catchUp = new CatchUp({ executor, ...records, clock });
});

it('reads the records first, and does so once for each time that leases were taken', async () => {
  await catchUp.begin();
  expect(calls).toEqual([]);
  catchUp.note();
  await catchUp.begin();
  await catchUp.begin();
  expect(calls).toEqual(['ladder', 'failures', 'recover']);
});

it('is not done before the open moves are read, for another one either', async () => {
  const reads: (() => void)[] = [];
  recover = (read) => {
    reads.push(read);
    return new Promise(() => undefined);
  };
  catchUp.note();
  const done: string[] = [];
  const both = ['first', 'second'].map((name) => catchUp.begin().then(() => done.push(name)));
  await clock.pass(60);
  expect(done).toEqual([]);
  expect(reads).toHaveLength(2);
  for (const read of reads) read();
  await Promise.all(both);
  await catchUp.begin();
  expect(reads).toHaveLength(2);
});

it('rejects where the ledger does not answer, and begins anew the next time', async () => {
  recover = () => Promise.reject(new LedgerError('unreachable', 'cut off'));
  catchUp.note();
  await expect(catchUp.begin()).rejects.toThrow('cut off');
  await catchUp.over();
  recover = async () => NOTHING;
  await catchUp.begin();
  await catchUp.begin();
  expect(calls.filter((call) => call === 'recover')).toHaveLength(2);
});

it('waits no longer than a while for a hypervisor that hangs', async () => {
  recover = (read) => {
    read();
    return new Promise(() => undefined);
  };
  catchUp.note();
  await catchUp.begin();
  let isOver = false;
  void catchUp.over().then(() => (isOver = true));
  await clock.pass(9);
  expect(isOver).toBe(false);
  await clock.pass(1);
  expect(isOver).toBe(true);
});

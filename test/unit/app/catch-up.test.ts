// Role: what was open under leases that were taken is taken up, once, and again where that failed.
import { beforeEach, expect, it } from 'vitest';

import { CatchUp } from '../../../src/app/catch-up.ts';
import type { RecoveryReport } from '../../../src/execute/answers.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

const NOTHING: RecoveryReport = { moves: [] };

let clock: ManualClock;
let events: RecordingEvents;
let calls: string[];
let recover: () => Promise<RecoveryReport>;
let catchUp: CatchUp;

beforeEach(() => {
  clock = manualClock();
  events = recordingEvents();
  calls = [];
  recover = async () => NOTHING;
  const load = (what: string) => async () => void calls.push(what);
  const executor = {
    hasUnfollowed: false,
    recover: () => {
      calls.push('recover');
      return recover();
    },
  };
  const records = { ladder: { load: load('ladder') }, failures: { load: load('failures') } };
  catchUp = new CatchUp({ executor, ...records, clock, events });
});

it('reads the records first, and does so once for each time that leases were taken', async () => {
  await catchUp.begin();
  expect(calls).toEqual([]);
  catchUp.note();
  await catchUp.begin();
  await catchUp.begin();
  expect(calls).toEqual(['ladder', 'failures', 'recover']);
});

it('begins anew where the ledger did not answer, and tells it', async () => {
  recover = () => Promise.reject(new LedgerError('unreachable', 'cut off'));
  catchUp.note();
  await catchUp.begin();
  await expect(catchUp.over()).rejects.toThrow('cut off');
  expect(events.of('failure')).toMatchObject([{ where: 'taking up moves' }]);
  recover = async () => NOTHING;
  await catchUp.begin();
  await catchUp.over();
  await catchUp.begin();
  expect(calls.filter((call) => call === 'recover')).toHaveLength(2);
});

it('waits no longer than a while for a hypervisor that hangs', async () => {
  recover = () => new Promise(() => undefined);
  catchUp.note();
  await catchUp.begin();
  let isOver = false;
  void catchUp.over().then(() => (isOver = true));
  await clock.pass(9);
  expect(isOver).toBe(false);
  await clock.pass(1);
  expect(isOver).toBe(true);
});

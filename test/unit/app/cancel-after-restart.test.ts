// Role: the cancel of a plan that an earlier life of this very controller was applying, before its
// first tick, with other controllers beside it: it is its own, and nobody else's.
import { expect, it } from 'vitest';

import { CancelDesk } from '../../../src/app/cancel-desk.ts';
import { clusterId, planId } from '../../../src/domain/ids.ts';
import { Turns } from '../../../src/domain/turns.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { move, planOf } from '../../support/execution-bench.ts';
import { aHost, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aDecision } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const C1 = clusterId('c1');
const PLAN = planId('apply-1a2b3c4d5e6f7a8b-x');

it('is carried out here, and passed on to nobody', async () => {
  const clock = manualClock(TEST_NOW);
  const ledger = await openSqliteLedger({ file: ':memory:', clock });
  const decision = aDecision(PLAN, TEST_NOW);
  const plan = planOf([move('1', 'h1', 'h2')], PLAN);
  await ledger.recordDecision({ ...decision, result: { ...decision.result, plan } });
  let isTakenUp = false;
  const cancelled: string[] = [];
  const desk = new CancelDesk({
    ledger,
    clock,
    events: recordingEvents(),
    newId: () => 'wish',
    turns: new Turns(),
    limits: () => someLimits(),
    executor: { open: [], openOf: () => [] } as never,
    applying: {
      takeUp: async () => void (isTakenUp = true),
      isNewest: () => isTakenUp,
      cancel: async (id) => cancelled.push(id) > 0,
    },
    newest: () => undefined,
    findVm: () => undefined,
    findHost: (name) => (name === 'h1' ? aHost({ id: name, cluster: C1 }) : undefined),
    withdraw: () => Promise.reject(new Error('nobody asked for that')),
    keeper: { isShared: true, name: 'ada', mayAct: () => undefined, states: () => [] },
    leases: { clustersOf: () => [], onCluster: () => ({ holder: 'ada', leases: [] }) },
  });
  const asked = desk.cancel({ name: PLAN, by: 'anna', withdraw: false });
  expect(await asked).toMatchObject({ ok: true, value: { moves: [] } });
  expect(cancelled).toEqual([PLAN]);
  expect(await ledger.cancelWishes()).toEqual([]);
  await ledger.close();
});

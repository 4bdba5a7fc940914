// Role: what cannot wait begins before the whole plan is there, once for an order; where the
// checker finds a fault in it, nothing does.
import { afterEach, beforeEach, expect, it } from 'vitest';

import { type CheckedPlan, planAndCheck } from '../../../src/app/plan-job.ts';
import type { Violation } from '../../../src/domain/violation.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

const FAULT: Violation = {
  code: 'memory',
  index: undefined,
  move: undefined,
  vm: undefined,
  host: undefined,
  rule: undefined,
  detail: 'h3 would hold 70 GiB',
};

let bench: VirtualDaemon;
/** Moves in flight when the whole plan was there, per tick in which an early one was asked for. */
let begun: number[];

function planEarly(faults: readonly Violation[]): void {
  bench.planning = async (job, early) => {
    const whole = planAndCheck(job);
    if (early === undefined) return whole;
    const first: CheckedPlan = { ...whole, violations: faults };
    early(first);
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
    await new Promise(setImmediate);
    begun.push(bench.daemon.api.status().movesInFlight);
    return whole;
  };
}

beforeEach(async () => {
  bench = await daemonOnVirtualTime('64-shared-uplink');
  begun = [];
  await bench.pass(60);
  const by = { kind: 'operator', name: 'anna' } as const;
  const order = { kind: 'evacuate', host: 'h1', by, reason: 'test' } as const;
  await bench.daemon.api.giveOrder({ ...order, dedupeKey: '', deadlineSeconds: null });
});
afterEach(() => bench.stop());

it('begins what cannot wait before the whole plan is there, and asks for that once', async () => {
  planEarly([]);
  await bench.pass(60);
  expect(begun).toEqual([3]);
  await bench.pass(120);
  expect(begun).toHaveLength(1);
  expect(bench.daemon.api.status().movesInFlight).toBe(0);
});

it('begins nothing of an early plan with a fault', async () => {
  planEarly([FAULT]);
  await bench.pass(60);
  expect(begun).toEqual([0]);
});

// Role: an order is acted upon at once, on what the newest tick saw; a tick that is under way then
// does nothing more.
import { afterEach, beforeEach, expect, it } from 'vitest';

import { planAndCheck } from '../../../src/app/plan-job.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

let bench: VirtualDaemon;
/** Whether each plan was one for the first answer. */
let planned: boolean[];

beforeEach(async () => {
  bench = await daemonOnVirtualTime('64-shared-uplink');
  planned = [];
  bench.planning = async (job) => {
    planned.push(job.isFirst === true);
    return planAndCheck(job);
  };
  await bench.pass(60);
  planned.length = 0;
});
afterEach(() => bench.stop());

function order(...hosts: string[]) {
  const by = { kind: 'operator', name: 'anna' } as const;
  const wanted = { kind: 'evacuate', hosts, by, reason: 'test' } as const;
  return bench.daemon.api.giveOrders({ ...wanted, dedupeKey: '', deadlineSeconds: null });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

it('begins what was ordered before the next tick, which plans for everybody', async () => {
  await order('h1');
  expect(bench.daemon.api.status().movesInFlight).toBe(0);
  const hurried = bench.daemon.hurry();
  await settle();
  expect(bench.daemon.api.status().movesInFlight).toBeGreaterThan(0);
  await hurried;
  expect(planned).toEqual([true, false]);
});

it('does so by itself from the start on', async () => {
  bench.daemon.listen();
  await order('h1');
  await settle();
  expect(bench.daemon.api.status().movesInFlight).toBeGreaterThan(0);
  expect(planned).toEqual([true, false]);
});

it('gives all of the orders, one per host, or none', async () => {
  const none = await order('h1', 'h2', 'nowhere');
  expect(none).toMatchObject({ ok: false, error: { code: 'not-found' } });
  expect(await bench.daemon.api.orders()).toEqual([]);
  const all = await order('h1', 'h2', 'h1');
  const given = await bench.daemon.api.orders();
  expect(all.ok && all.value.map((one) => one.order?.host)).toEqual(['h1', 'h2']);
  expect(given.map(({ host }) => host).toSorted()).toEqual(['h1', 'h2']);
});

it('does nothing where nothing new cannot wait', async () => {
  await bench.daemon.hurry();
  expect(planned).toEqual([]);
});

it('overtakes a tick: the plan that knows nothing of the order is not carried out', async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const seen: (number | undefined)[] = [];
  bench.planning = async (job) => {
    planned.push(job.isFirst === true);
    seen.push(job.findings.length);
    if (planned.length === 1) await held;
    return planAndCheck(job);
  };
  const tick = bench.daemon.tick();
  await settle();
  await order('h1');
  const hurried = bench.daemon.hurry();
  await settle();
  const begun = bench.daemon.api.status().movesInFlight;
  expect(begun).toBeGreaterThan(0);
  release?.();
  await Promise.all([tick, hurried]);
  // The tick's plan, the first answer, and the tick again: with the order in it.
  expect(planned).toEqual([false, true, false]);
  expect(seen.at(-1)).toBeGreaterThan(seen[0] ?? 0);
  expect(bench.daemon.api.status().movesInFlight).toBeGreaterThanOrEqual(begun);
});

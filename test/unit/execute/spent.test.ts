// Role: budgets asked once more right before a start: what was judged apart is spent together.
import { expect, it } from 'vitest';

import { moveId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aPolicy, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aRecord, aResult } from '../../support/ledger-records.ts';

const optional = { tier: 'optional' } as const;
const mandatory = { tier: 'mandatory' } as const;

/** Hands in two plans that the gate has let through, and lets all of it come to its end. */
async function both(bench: Bench, planned: readonly Move[], ordered: readonly Move[]) {
  const executor = bench.executor();
  const runs = [
    executor.submit(planOf(planned, 'p1'), yes(planned)),
    executor.submit(planOf(ordered, 'p2'), yes(ordered), 'ordered'),
  ];
  await bench.clock.until(Promise.all(runs));
  return bench.events.of('move-ended').flatMap(({ move: { id }, result }) => {
    return result.outcome === 'succeeded' ? [] : [`${id} ${result.outcome}: ${result.detail}`];
  });
}

function budgets(values: Partial<ReturnType<typeof someLimits>['budgets']>) {
  const all = { movesPerHour: 9, movesPerVmPerDay: 9, ...values };
  return aPolicy({ limits: someLimits({ budgets: all }) });
}

/** Two at a time, so that what the others wait for is not opened first. */
function hurried(values: Parameters<typeof budgets>[0]) {
  const { limits, ...policy } = budgets(values);
  const concurrency = { total: 2, perHostIn: 9, perHostOut: 9, perLink: 9 };
  return { ...policy, limits: { ...limits, concurrency } };
}

it('holds back what is one too many, and that only', async () => {
  const bench = await makeBench(['h1', 'h1', 'h1', 'h1']);
  bench.policies = budgets({ movesPerHour: 3 });
  const wrong = await both(
    bench,
    [move('1', 'h1', 'h2', optional), move('2', 'h1', 'h2', optional)],
    [move('3', 'h1', 'h3', optional), move('4', 'h1', 'h3', optional)],
  );
  expect(bench.hypervisor.started.toSorted()).toEqual(['m1', 'm2', 'm3']);
  expect(wrong).toEqual(['m4 skipped: budget: 3 moves an hour']);
  // It was not begun: nothing rests for it.
  expect((await bench.ledger.troubles(epochSeconds(0), bench.clock.now())).size).toBe(0);
});

it('knows the budgets of hosts, too', async () => {
  const bench = await makeBench(['h1', 'h1']);
  bench.policies = budgets({ movesPerHostPerHour: 1 });
  const [first, second] = [move('1', 'h1', 'h2', optional), move('2', 'h1', 'h3', optional)];
  expect(await both(bench, [first], [second])).toEqual([
    'm2 skipped: budget: 1 moves an hour away from this host',
  ]);
});

it('knows how often a VM was moved within the day', async () => {
  const bench = await makeBench(['h1']);
  bench.policies = budgets({ movesPerVmPerDay: 1 });
  const at = epochSeconds(TEST_NOW - 7200);
  await bench.ledger.openMove(aRecord('before', 'v1', at));
  await bench.ledger.closeMove(moveId('before'), aResult({ at }));
  expect(await both(bench, [move('1', 'h1', 'h2', optional)], [])).toEqual([
    'm1 skipped: budget: 1 moves of this VM a day',
  ]);
});

it('does not ask the ledger for what is mandatory, and holds none of it', async () => {
  const bench = await makeBench(['h1', 'h1']);
  bench.policies = budgets({ movesPerHour: 0, movesPerVmPerDay: 0 });
  bench.ledger.movesSince = () => Promise.reject(new Error('not asked'));
  const moves = ['1', '2'].map((id) => move(id, 'h1', 'h2', { tier: 'mandatory' }));
  expect(await both(bench, moves, [])).toEqual([]);
});

it('asks none for what follows a move that came to nothing: that has been paid for', async () => {
  const bench = await makeBench(['h1']);
  bench.policies = budgets({ movesPerHour: 0 });
  const cold = move('1', 'h1', 'h2', { ...optional, insteadOf: moveId('m0') });
  expect(await both(bench, [cold], [])).toEqual([]);
});

it('counts none of what is mandatory in the same plan, as the gate does', async () => {
  const bench = await makeBench(['h1', 'h1', 'h1', 'h3']);
  bench.policies = hurried({ movesPerHour: 2 });
  const drain = [
    move('1', 'h1', 'h2', mandatory),
    move('2', 'h1', 'h2', mandatory),
    move('3', 'h1', 'h3', { ...mandatory, dependsOn: [moveId('m4')] }),
    move('4', 'h3', 'h4', optional),
  ];
  expect(await both(bench, drain, [])).toEqual([]);
  expect(bench.hypervisor.started.toSorted()).toEqual(['m1', 'm2', 'm3', 'm4']);
});

it('counts what is mandatory in another plan', async () => {
  const bench = await makeBench(['h1', 'h1']);
  bench.policies = budgets({ movesPerHour: 1 });
  const [first, second] = [move('1', 'h1', 'h2', mandatory), move('2', 'h1', 'h3', optional)];
  expect(await both(bench, [first], [second])).toEqual(['m2 skipped: budget: 1 moves an hour']);
});

it('does not hold back what a mandatory move waits for, however it does', async () => {
  const bench = await makeBench(['h1', 'h1', 'h3', 'h2', 'h1']);
  bench.policies = budgets({ movesPerHour: 1 });
  const drain = [
    move('2', 'h1', 'h3', { ...mandatory, dependsOn: [moveId('m3')] }),
    move('3', 'h3', 'h2', { ...optional, dependsOn: [moveId('m4')] }),
    move('4', 'h2', 'h4', optional),
    move('5', 'h1', 'h4', optional),
  ];
  const wrong = await both(bench, drain, [move('1', 'h1', 'h2', optional)]);
  expect(wrong).toEqual(['m5 skipped: budget: 1 moves an hour']);
});

it('is asked by a clock that stands at its beginning, too', async () => {
  const bench = await makeBench(['h1']);
  bench.clock.now = () => epochSeconds(1000);
  expect(await both(bench, [move('1', 'h1', 'h2', optional)], [])).toEqual([]);
  expect(bench.hypervisor.started).toEqual(['m1']);
  expect(bench.events.of('failure')).toEqual([]);
});

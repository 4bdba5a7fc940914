// Role: what is believed after a move has ended: the executor, or what the hosts answer since.
import { expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aHost } from '../../support/fleet.ts';

it.each([
  ['answers from what it keeps', true, 'h2'],
  ['answers what is so', false, 'h1'],
])('a hypervisor that %s', async (_how, answersFromCache, host) => {
  const bench = await makeBench(['h1'], { capabilities: { answersFromCache } });
  const executor = bench.executor();
  const moves = [move('1', 'h1', 'h2')];
  await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
  // Somebody takes it back at once, and the hosts are asked.
  await bench.clock.pass(1);
  const asked = seconds(bench.clock.monotonic());
  const seen = { ...bench.world, askedAt: new Map([[aHost().source, asked]]) };
  expect(executor.corrected(seen, 0).vms).toMatchObject([{ id: 'v1', host }]);
});

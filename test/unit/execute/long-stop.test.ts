// Role: a VM that is held for its switchover, and stays so: an outage that somebody is told of.
import { expect, it } from 'vitest';

import type { MoveProgress } from '../../../src/domain/events.ts';
import { bytes } from '../../../src/domain/units.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aProgress } from '../../support/sample-events.ts';

async function heldFor(duration: number, phase: MoveProgress['phase']) {
  const bench = await makeBench(['h1']);
  const moves = [move('1', 'h1', 'h2')];
  void bench.executor().submit(planOf(moves), yes(moves));
  await bench.clock.pass(5);
  // Something is sent with every second: one that stands still is told of (stalled-post-copy.ts).
  bench.hypervisor.job = () => {
    const bytesRemaining = bytes(1e12 - 1e6 * bench.clock.monotonic());
    return Promise.resolve({ kind: 'running', progress: aProgress(0, { phase, bytesRemaining }) });
  };
  await bench.clock.pass(duration);
  const keys = new Set(bench.events.of('warning').map(({ key }) => key));
  return { bench, warned: [...keys], texts: bench.events.of('warning').map(({ text }) => text) };
}

it('a VM that is stopped for its switchover for long is told, and waited for', async () => {
  const { bench, warned, texts } = await heldFor(3600, 'stop-and-copy');
  expect(warned).toEqual(['stopped m1']);
  expect(texts[0]).toContain('v1 has been held');
  expect((await bench.ledger.openMoves()).length).toBe(1);
});

it.each([
  ['a short stop', 20, 'stop-and-copy'],
  ['a copy in the background', 3600, 'post-copy'],
] as const)('%s is nothing to be told', async (_what, duration, phase) => {
  const { bench, warned } = await heldFor(duration, phase);
  expect(warned).toEqual([]);
  expect((await bench.ledger.openMoves()).length).toBe(1);
});

// Role: a cancel that comes while what a move has left on its target is taken back: it is obeyed,
// nothing follows, and the VM rests as was promised.
import { describe, expect, it } from 'vitest';

import { moveId } from '../../../src/domain/ids.ts';
import type { LadderStep } from '../../../src/domain/policy.ts';
import type { Executor } from '../../../src/execute/executor.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';
import { aPolicy, aVm, someMigration, TEST_NOW } from '../../support/fleet.ts';

const M1 = moveId('m1');
const COLD = moveId('m1-cold');

/** A live move that does not converge, and may be followed by a cold one. */
async function aBench(steps: readonly LadderStep[]): Promise<Bench> {
  const ladder = { 'mission-critical': steps, business: steps, standard: steps };
  const bench = await makeBench(['h1'], { seconds: Number.POSITIVE_INFINITY });
  bench.world = { ...bench.world, vms: [aVm({ id: 'v1', permission: 'cold' })] };
  const migration = someMigration({ ladder: { ...ladder, 'best-effort': steps } });
  bench.policies = aPolicy({ migration });
  return bench;
}

async function toTheEnd(bench: Bench, executor: Executor): Promise<void> {
  const moves = [move('1', 'h1', 'h2')];
  await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
  for (let round = 0; round < 10; round += 1) await bench.clock.pass(10);
}

async function cancelledSecondsAgo({ clock, ledger }: Bench): Promise<number | undefined> {
  const troubles = await ledger.troubles(TEST_NOW, clock.now());
  return [...troubles.values()][0]?.cancelledSecondsAgo;
}

describe('a cancel while what a live move has left is taken back', () => {
  it('keeps the cold one from following', async () => {
    const bench = await aBench(['pre-copy', 'cold']);
    const executor = bench.executor();
    let answer = '';
    const cleanUp = bench.hypervisor.cleanUp.bind(bench.hypervisor);
    bench.hypervisor.cleanUp = async (order, ...rest) => {
      answer = await executor.cancel(M1, 'ada');
      return cleanUp(order, ...rest);
    };
    await toTheEnd(bench, executor);
    expect(answer).toBe('cancelling');
    expect(bench.hypervisor.started).toEqual(['m1']);
    const result = (await bench.ledger.move(M1))?.result;
    expect(result).toMatchObject({ outcome: 'cancelled' });
    expect(result?.detail).toMatch(/^cancelled by ada; .*it does not converge/);
    expect(result?.detail).not.toContain('instead');
    expect(await cancelledSecondsAgo(bench)).toBeDefined();
    expect(await wrongs(bench, [move('1', 'h1', 'h2')])).toEqual([]);
  });

  it.each(['before', 'after'])('and comes %s its end is written down', async (when) => {
    const bench = await aBench(['pre-copy', 'cold']);
    const executor = bench.executor();
    let asked: Promise<string> | undefined;
    const closeMove = bench.ledger.closeMove.bind(bench.ledger);
    bench.ledger.closeMove = async (id, ...rest) => {
      if (id === M1 && when === 'before') asked ??= executor.cancel(M1, 'ada');
      const closing = closeMove(id, ...rest);
      if (id === M1) asked ??= executor.cancel(M1, 'ada');
      return closing;
    };
    await toTheEnd(bench, executor);
    expect(['cancelled', 'cancelling']).toContain(await asked);
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect((await bench.ledger.move(M1))?.result?.outcome).toBe('failed');
    expect((await bench.ledger.move(COLD))?.result).toMatchObject({
      outcome: 'cancelled',
      detail: 'cancelled by ada',
    });
    expect(await cancelledSecondsAgo(bench)).toBeDefined();
    expect(executor.open).toEqual([]);
  });

  it('is obeyed where nothing would follow', async () => {
    const bench = await aBench(['pre-copy']);
    bench.hypervisor.duration = 20;
    bench.hypervisor.breaks = true;
    const executor = bench.executor();
    const cleanUp = bench.hypervisor.cleanUp.bind(bench.hypervisor);
    bench.hypervisor.cleanUp = async (order, ...rest) => {
      await executor.cancel(M1, 'ada');
      return cleanUp(order, ...rest);
    };
    await toTheEnd(bench, executor);
    expect((await bench.ledger.move(M1))?.result?.outcome).toBe('cancelled');
    expect(await cancelledSecondsAgo(bench)).toBeDefined();
  });
});

// Role: a guest that has arrived and does not answer at its address is told of, and left there.
import { describe, expect, it } from 'vitest';

import { moveId, type VmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { GuestProbe } from '../../../src/ports/guest-probe.ts';
import type { ProbeAnswer } from '../../../src/ports/host-probe.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';
import { someMigration } from '../../support/fleet.ts';

/** @param answers at one question after the other; then none. */
function guestsThat(...answers: readonly ProbeAnswer[]) {
  const left = [...answers];
  const asked: VmId[] = [];
  const probe: GuestProbe = {
    covers: ({ id }) => id === 'v1',
    ask: async ({ id }) => {
      asked.push(id);
      return left.shift() ?? 'silent';
    },
  };
  return { probe, asked };
}

async function carriedOut(bench: Bench, probe: GuestProbe, moves: readonly Move[]) {
  const executor = bench.executor({ guests: probe });
  await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
  const results = await Promise.all(moves.map(({ id }) => bench.ledger.move(id)));
  const warnings = bench.events.of('warning').map(({ text }) => text);
  return { ends: results.map((record) => record?.result), warnings };
}

describe('a guest that has arrived', () => {
  it('is not told of where it answers, at once or after a moment', async () => {
    const bench = await makeBench();
    const { probe, asked } = guestsThat('silent', 'refuses');
    const { ends, warnings } = await carriedOut(bench, probe, [move('1', 'h1', 'h2')]);
    expect(ends).toMatchObject([{ outcome: 'succeeded', detail: '' }]);
    expect(warnings).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it('has moved all the same where it stays silent, and that is said', async () => {
    const bench = await makeBench();
    const { probe, asked } = guestsThat();
    const moves = [move('1', 'h1', 'h2')];
    const { ends, warnings } = await carriedOut(bench, probe, moves);
    expect(ends).toMatchObject([
      { outcome: 'succeeded', detail: 'its guest does not answer there' },
    ]);
    expect(warnings).toEqual([
      expect.stringContaining('runs on h2, and its guest does not answer since it arrived'),
    ]);
    expect(asked).toHaveLength(3);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it.each(['pre-copy', 'post-copy', 'storage'] as const)('is asked: %s', async (method) => {
    const methods = ['pre-copy', 'post-copy', 'storage'] as const;
    const bench = await makeBench(['h1'], { capabilities: { methods } });
    bench.policies = { ...bench.policies, migration: someMigration({ methods }) };
    const { probe, asked } = guestsThat('answers');
    const { ends } = await carriedOut(bench, probe, [move('1', 'h1', 'h2', { method })]);
    expect(ends).toMatchObject([{ outcome: 'succeeded' }]);
    expect(asked).toEqual(['v1']);
  });

  it('is not asked where nobody knows its address, or where it stood still', async () => {
    const bench = await makeBench(['h1', 'h1']);
    const { probe, asked } = guestsThat();
    const cold = move('1', 'h1', 'h2', { method: 'cold', id: moveId('m1') });
    const vms = bench.world.vms.map((vm) => ({ ...vm, permission: 'cold' as const }));
    bench.world = { ...bench.world, vms };
    const { ends, warnings } = await carriedOut(bench, probe, [cold, move('2', 'h1', 'h3')]);
    expect(ends).toMatchObject([{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
    expect([asked, warnings]).toEqual([[], []]);
  });

  it('frees its place on the target before it is asked', async () => {
    const bench = await makeBench();
    const held: number[] = [];
    const probe: GuestProbe = {
      covers: () => true,
      ask: async () => {
        held.push((await bench.ledger.reservations()).length);
        return 'answers';
      },
    };
    await carriedOut(bench, probe, [move('1', 'h1', 'h2')]);
    expect(held).toEqual([0]);
  });
});
